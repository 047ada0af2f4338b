"""Captions and traffic for `saclip-model train-parser`: hand-written patterns, filled at random."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from model.curation.chunks import parse_chunks
from model.curation.parse import Parse
from model.curation.svo import find_statements

SLOT = re.compile(r"\{(\w+)\}")


def practice_sentences(count: int, seed: int = 0) -> Iterator[tuple[str, Parse]]:
    """Different sentences with their trees, at most ``count``; the same for the same seed.

    A sentence is left out when the deterministic parser does not find as many triplets in it as its
    pattern says: a tree that is known to be wrong teaches nothing.
    """
    data = yaml.safe_load(Path(__file__).with_name("practice.yaml").read_text(encoding="utf-8"))
    patterns = [line.rsplit(" = ", 1) for line in data["templates"]]
    rng = np.random.default_rng(seed)
    seen: set[str] = set()
    for turn in range(count):
        pattern, wanted = patterns[turn % len(patterns)]
        text = SLOT.sub(lambda slot: _any_of(data["slots"][slot[1]], rng), pattern)
        parse = parse_chunks(text)
        if text not in seen and len(find_statements(text, parse)[0]) == int(wanted):
            seen.add(text)
            yield text, parse


def _any_of(words: list[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]
