"""Does a triplet state a relation of its caption? A small classifier that keeps the good ones.

Source: SA-CLIP paper, §2.1 and appendix A: a binary classifier trained on labelled parses. Here it
reads hashed words and how the roles lie in the caption, so it trains in seconds and is a few
hundred kilobytes; `model.curation.bert_filter` is the paper's own choice behind the same interface.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from model.curation.lexicon import lexicon
from model.curation.records import Span
from model.curation.tagger import tag
from model.errors import ModelError

FEATURES = 2**15
WANTED_PRECISION = 0.95


class FilterError(ModelError):
    """A relation filter is missing, damaged or has nothing to learn from."""


class Located(Protocol):
    """A triplet as far as the filter looks at it."""

    @property
    def subject(self) -> Span: ...
    @property
    def verb(self) -> Span: ...
    @property
    def object(self) -> Span: ...


class RelationFilter(Protocol):
    """Any classifier of triplets."""

    threshold: float

    def quality(self, caption: str, triplet: Located) -> float:
        """How sure it is that the triplet is right, 0..1."""


@dataclass(frozen=True, slots=True)
class FilterFigures:
    """How a filter did on labels it had not seen."""

    threshold: float
    precision: float
    recall: float
    f1: float
    held_out: int


class HashedFilter:
    """Logistic regression over hashed features."""

    def __init__(self, weights: NDArray[np.float32], bias: float, threshold: float) -> None:
        self.weights, self.bias, self.threshold = weights, bias, threshold

    def quality(self, caption: str, triplet: Located) -> float:
        """See ``RelationFilter``."""
        columns = features(caption, triplet)
        return float(1 / (1 + np.exp(-(self.weights[columns].sum() + self.bias))))

    def save(self, path: Path) -> None:
        """Write weights and threshold; nothing in the file is code."""
        path.parent.mkdir(parents=True, exist_ok=True)
        note = json.dumps({"bias": self.bias, "threshold": self.threshold})
        np.savez_compressed(path, weights=self.weights, note=np.array(note))


def load_filter(path: Path) -> HashedFilter:
    """Read a filter.

    Raises:
        FilterError: It is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            note = json.loads(str(file["note"]))
            return HashedFilter(file["weights"], note["bias"], note["threshold"])
    except (OSError, KeyError, ValueError) as error:
        raise FilterError(f"{path}: not a relation filter ({type(error).__name__})") from error


def train_filter(
    labelled: Sequence[tuple[str, Located, bool]], seed: int = 0
) -> tuple[HashedFilter, FilterFigures]:
    """Fit on four fifths, choose the threshold on the rest for a precision of 0.95.

    Raises:
        FilterError: There are too few labels, or all are alike.
    """
    rows = [features(caption, triplet) for caption, triplet, _ in labelled]
    right = np.array([is_right for _, _, is_right in labelled])
    if len(rows) < 20 or right.all() or not right.any():
        raise FilterError(f"{len(rows)} labels, {int(right.sum())} of them right: not enough")
    order = np.random.default_rng(seed).permutation(len(rows))
    cut = len(rows) * 4 // 5
    train, test = order[:cut], order[cut:]
    fitted = LogisticRegression(max_iter=1000, C=1.0).fit(_matrix(rows, train), right[train])
    weights = fitted.coef_[0].astype(np.float32)
    bias = float(fitted.intercept_[0])
    scores = np.array([1 / (1 + np.exp(-(weights[rows[i]].sum() + bias))) for i in test])
    figures = at_threshold(scores, right[test])
    return HashedFilter(weights, bias, figures.threshold), figures


def features(caption: str, triplet: Located) -> NDArray[np.int64]:
    """Hashed columns: the words of each role, their kinds, what lies between, and the order."""
    words = lexicon()
    found = set()
    tagged = tag(caption, words)
    spans = {"s": triplet.subject, "v": triplet.verb, "o": triplet.object}
    for role, (start, end) in spans.items():
        inside = [w for w in tagged if w.start >= start and w.end <= end]
        found |= {f"{role}={w.lower}" for w in inside}
        found.add(f"{role}:{'-'.join(w.pos for w in inside[-3:])}")
        found.add(f"{role}#{min(len(inside), 6)}")
    ends = sorted(spans.items(), key=lambda item: item[1])
    found.add("order:" + "".join(role for role, _ in ends))
    for (first, (_, end)), (second, (start, _)) in pairwise(ends):
        between = [w.pos for w in tagged if w.start >= end and w.end <= start]
        found.add(f"{first}{second}:{'-'.join(between[:4])}")
    columns = sorted({zlib.crc32(name.encode()) % FEATURES for name in found})
    return np.array(columns, np.int64)


def _matrix(rows: Sequence[NDArray[np.int64]], chosen: NDArray[np.int64]) -> csr_matrix:
    columns = [rows[i] for i in chosen]
    starts = np.concatenate([[0], np.cumsum([len(c) for c in columns])])
    data = np.ones(starts[-1], np.float32)
    return csr_matrix((data, np.concatenate(columns), starts), shape=(len(columns), FEATURES))


def at_threshold(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> FilterFigures:
    """The lowest threshold whose precision is wanted; the highest score when there is none."""
    best = float(scores.max())
    for threshold in np.unique(scores):
        kept = scores >= threshold
        if right[kept].mean() >= WANTED_PRECISION:
            best = float(threshold)
            break
    kept = scores >= best
    precision = float(right[kept].mean())
    recall = float((kept & right).sum() / max(1, right.sum()))
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return FilterFigures(best, precision, recall, f1, len(scores))
