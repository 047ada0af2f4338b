"""Nano's tokenizer: the words of the captions, and letters for every other word."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

PADDING = "[PAD]"
UNKNOWN = "[UNK]"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,-'"
CONTINUES = "##"  # WordPiece's mark of a piece inside a word


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Collect a vocabulary; the same texts give the same ids, on any machine.

    The library's own trainer breaks ties by hash order, so two runs of it disagree.

    Args:
        texts: Captions.
        vocab_size: Largest number of pieces, padding (id 0) included; rare words give way.

    Returns:
        A tokenizer that lower-cases and keeps character offsets.
    """
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        words = splitter.pre_tokenize_str(normalizer.normalize_str(text))
        counts.update(word for word, _ in words)
    pieces = [PADDING, UNKNOWN, *LETTERS, *(CONTINUES + letter for letter in LETTERS)]
    words_by_use = sorted((word for word in counts if len(word) > 1), key=lambda w: (-counts[w], w))
    pieces += words_by_use[: max(0, vocab_size - len(pieces))]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocab, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    return tokenizer
