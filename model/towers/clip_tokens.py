"""CLIP's byte-pair encoding as a `tokenizers` file, so that the service needs no open_clip.

open_clip cleans a text (ftfy, HTML entities, white space, lower case), splits it by a regular
expression into letters, single digits and the rest, and merges bytes. `clean_caption` is the part
that a tokenizer file cannot hold; captions pass it before their spans are taken.
"""

import gzip
import html
import json
import re
import string
from pathlib import Path
from typing import Any

import ftfy
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

START, END = "<start_of_text>", "<end_of_text>"
PIECES = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
NUM_MERGES = 49152 - 256 - 2


def clean_caption(text: str) -> str:
    """What open_clip does to a text before it splits it, but for the lower case."""
    fixed = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(fixed.split())


def clip_tokenizer(vocabulary: Path) -> Tokenizer:
    """Build the tokenizer from CLIP's list of merges.

    Args:
        vocabulary: ``bpe_simple_vocab_16e6.txt.gz`` as open_clip ships it.

    Returns:
        A tokenizer whose ids equal open_clip's for texts that `clean_caption` leaves alone; start
        and end tokens are added, offsets point into the text as given.
    """
    lines = gzip.decompress(vocabulary.read_bytes()).decode("utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines[1 : NUM_MERGES + 1]]
    letters = list(_byte_letters().values())
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    names += ["".join(merge) for merge in merges] + [START, END]
    ids = {name: number for number, name in enumerate(names)}
    model = BPE(
        vocab=ids,
        merges=[(first, second) for first, second in merges],
        end_of_word_suffix="</w>",
        unk_token=END,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        special_tokens=[(START, ids[START]), (END, ids[END])],
    )
    return tokenizer


def canonical(tokenizer: Tokenizer) -> Tokenizer:
    """Put SigLIP's cleaning in front of a tokenizer: no punctuation, lower case, single spaces.

    Offsets still point into the text as given.
    """
    punctuation = re.escape(string.punctuation.replace("_", ""))
    steps = [
        normalizers.Replace("_", " "),
        normalizers.Replace(Regex(f"[{punctuation}]"), ""),
        normalizers.Lowercase(),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
    ]
    own = tokenizer.normalizer
    tokenizer.normalizer = normalizers.Sequence(steps if own is None else [*steps, own])
    return tokenizer


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """Number of ids, special ones included."""
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return len(content["model"]["vocab"])


def _byte_letters() -> dict[int, str]:
    """GPT-2's reversible map of bytes to printable letters, in its own order."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {byte: chr(byte) for byte in plain}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + len(letters) - len(plain))
    return letters
