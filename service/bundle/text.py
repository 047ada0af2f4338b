"""Descriptions to text embeddings: tokenise, find the subject, verb and object, encode.

Dimension letters used in this file: T texts, C token context, D half of the embedding size.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from service.bundle.manifest import BundleError
from service.bundle.sessions import Session, one_line

Span = tuple[int, int]
Vector = NDArray[np.float32]  # (D,)
Vectors = NDArray[np.float32]  # (T, D)
_Key = tuple[str, tuple[Span, Span, Span]]

INPUTS = {"tokens": "tensor(int64)", "spans": "tensor(float)"}
OUTPUTS = ("pooled", "svo")
ROLES = ("subject", "verb", "object")
MAX_KNOWN = 4096  # vectors of texts embedded before; 4 KB each at most
BATCH = 64  # texts per call: bounds the memory of attention over a large hierarchy


class Describable(Protocol):
    """A text whose subject, verb and object are known."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def spans(self) -> tuple[Span, Span, Span]: ...


class TextRejected(ValueError):
    """A description cannot be encoded by this bundle."""


@dataclass(frozen=True, slots=True, eq=False)
class TextEmbeddings:
    """What the text encoder says about descriptions.

    Attributes:
        pooled: (T, D) float32 unit vectors of the whole sentences.
        svo: (T, D) float32 unit vectors of subject, verb and object.
    """

    pooled: NDArray[np.float32]
    svo: NDArray[np.float32]


def token_spans(
    offsets: Sequence[Span], spans: Sequence[Span], context_length: int
) -> NDArray[np.float32]:
    """Averaging weights that pick a role's tokens (Eq. 2).

    Args:
        offsets: Half-open character range of each token; (0, 0) for special tokens.
        spans: Half-open character ranges of subject, verb and object.
        context_length: C.

    Returns:
        (3, C) float32: 1/n on the n tokens whose characters overlap the role's span.

    Raises:
        ValueError: When a role has no token within the context.
    """
    weights = np.zeros((len(spans), context_length), np.float32)
    for role, (start, end) in enumerate(spans):
        for position, (low, high) in enumerate(offsets[:context_length]):
            # max/min, not low < end: a special token's empty range lies in no span.
            if max(low, start) < min(high, end):
                weights[role, position] = 1.0
    counts = weights.sum(axis=1, keepdims=True)
    if not counts.all():
        role_name = ROLES[int(np.flatnonzero(counts[:, 0] == 0)[0])]
        raise ValueError(f"the {role_name} has no token among the first {context_length}")
    averaged: NDArray[np.float32] = weights / counts
    return averaged


class TextEncoder:
    """Runs `text_encoder.onnx` behind its own tokenizer; safe to share between threads.

    Texts embedded before are not embedded again: experts change a few of many.

    Attributes:
        hits: Texts whose vectors were known.
        misses: Texts that were embedded.
    """

    def __init__(
        self, session: Session, tokenizer_path: Path, context_length: int, pad_id: int = 0
    ) -> None:
        self.session = session
        self.tokenizer = load_tokenizer(tokenizer_path)
        self.context_length = context_length
        self.pad_id = pad_id
        self.hits = self.misses = 0
        self._known: OrderedDict[_Key, tuple[Vector, Vector]] = OrderedDict()
        self._looking = threading.Lock()

    def encode(self, descriptions: Sequence[Describable]) -> TextEmbeddings:
        """Embed descriptions.

        Args:
            descriptions: T >= 1 texts with the character spans of their roles.

        Raises:
            TextRejected: A text is too long, or one of its roles has no token.
            ValueError: There is no text.
        """
        if not descriptions:
            raise ValueError("at least one description is needed")
        keys = [(item.text, item.spans) for item in descriptions]
        with self._looking:
            vectors = {key: self._known[key] for key in keys if key in self._known}
            self.hits += sum(key in vectors for key in keys)
        missing = [item for key, item in zip(keys, descriptions, strict=True) if key not in vectors]
        if missing:
            vectors |= self._remember(missing)
        pooled, svo = zip(*(vectors[key] for key in keys), strict=True)
        return TextEmbeddings(np.stack(pooled), np.stack(svo))

    def _remember(self, missing: Sequence[Describable]) -> dict[_Key, tuple[Vector, Vector]]:
        """Embed texts and keep their vectors, the newest of them."""
        pooled, svo = self._run(missing)
        found = {(item.text, item.spans): (pooled[i], svo[i]) for i, item in enumerate(missing)}
        with self._looking:
            self.misses += len(missing)
            self._known.update(found)
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        return found

    def _run(self, descriptions: Sequence[Describable]) -> tuple[Vectors, Vectors]:
        """(T, D) pooled and svo vectors."""
        tokens, spans = self.tokenise(descriptions)
        parts = []
        for start in range(0, len(tokens), BATCH):
            part = slice(start, start + BATCH)
            longest = self._length(tokens[part])
            feeds = {"tokens": tokens[part, :longest], "spans": spans[part, :, :longest]}
            parts.append(self.session.run(OUTPUTS, feeds))
        pooled, svo = (np.concatenate(part) for part in zip(*parts, strict=True))
        return pooled, svo

    def _length(self, tokens: NDArray[np.int64]) -> int:
        """Tokens that the graph must see: of the longest text, where it takes any number."""
        if not any_length(self.session):
            return self.context_length
        return int((tokens != self.pad_id).any(axis=0).nonzero()[0].max()) + 1

    def tokenise(
        self, descriptions: Sequence[Describable]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Token ids (T, C) int64 and role weights (T, 3, C) float32."""
        tokens = np.full((len(descriptions), self.context_length), self.pad_id, np.int64)
        spans = np.zeros((len(descriptions), len(ROLES), self.context_length), np.float32)
        for row, description in enumerate(descriptions):
            encoding = self.tokenizer.encode(description.text)
            if len(encoding.ids) > self.context_length:
                raise TextRejected(
                    f"{description.id}: the text has {len(encoding.ids)} tokens, "
                    f"this bundle takes at most {self.context_length}"
                )
            tokens[row, : len(encoding.ids)] = encoding.ids
            try:
                spans[row] = token_spans(encoding.offsets, description.spans, self.context_length)
            except ValueError as error:
                raise TextRejected(f"{description.id}: {error}") from None
        return tokens, spans


def any_length(session: Session) -> bool:
    """Whether a text encoder takes texts that are cut to the longest of them."""
    return not isinstance(session.get_inputs()[0].shape[1], int)


def load_tokenizer(path: Path) -> Tokenizer:
    """Read `tokenizer.json`; padding and cutting are ours, so that no word is lost silently.

    Raises:
        BundleError: It is missing or not a tokenizer.
    """
    if not path.is_file():
        raise BundleError(f"{path}: the file is missing")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise BundleError(f"{path}: not a tokenizer ({one_line(error)})") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
