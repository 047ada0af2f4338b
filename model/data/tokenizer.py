"""Nano's tokenizer: WordPiece over the training captions, readable by the service as one JSON."""

from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

PADDING = "[PAD]"
UNKNOWN = "[UNK]"


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Learn a vocabulary; words outside it fall back to pieces and letters.

    Args:
        texts: Captions.
        vocab_size: Largest number of pieces, padding (id 0) included.

    Returns:
        A tokenizer that lower-cases and keeps character offsets.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + list("0123456789.,-'")
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        special_tokens=[PADDING, UNKNOWN],
        initial_alphabet=letters,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
