"""Area under the ROC curve, and the same without what the place in a clip gives away.

Dimension letters used in this file: n frames of all clips, C clips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

POSITION_BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class LabelledScores:
    """One clip's sampled frames.

    Attributes:
        clip_id: Name of the clip.
        times_s: (n,) seconds after the first frame.
        position: (n,) place in the evaluated part of the clip, 0..1.
        labels: (n,) true within the anomaly.
        scores: (n,) higher is more anomalous.
    """

    clip_id: str
    times_s: NDArray[np.float64]
    position: NDArray[np.float64]
    labels: NDArray[np.bool_]
    scores: NDArray[np.float64]


Measure = Callable[[Sequence[LabelledScores]], float]


def roc_auc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Share of (positive, negative) pairs in the right order; a tie counts half.

    Args:
        scores: (n,).
        labels: (n,).

    Returns:
        0..1, or NaN when only one class is there.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2  # ranks from 1, ties share their mean
    rank_sum = float(mean_rank[inverse][labels].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def pooled_auc(clips: Sequence[LabelledScores]) -> float:
    """All frames of all clips in one ROC curve."""
    return roc_auc(*_joined(clips))


def per_clip_auc(clips: Sequence[LabelledScores]) -> float:
    """Mean over the clips that hold both classes; NaN without any."""
    values = [roc_auc(clip.scores, clip.labels) for clip in clips]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def stratified_auc(clips: Sequence[LabelledScores], bins: int = POSITION_BINS) -> float:
    """Compare only frames at about the same place of their clips.

    An accident seldom stands at the beginning of a clip, so a clock alone scores well above chance
    in a pooled curve. Here each bin of the position has a curve of its own; they are averaged with
    the number of its (positive, negative) pairs as weight.
    """
    scores, labels = _joined(clips)
    position = np.concatenate([clip.position for clip in clips]) if clips else np.zeros(0)
    bin_of = np.clip((position * bins).astype(np.int64), 0, bins - 1)
    total, weights = 0.0, 0.0
    for place in range(bins):
        inside = bin_of == place
        positives = int(labels[inside].sum())
        weight = positives * (int(inside.sum()) - positives)
        if weight:
            total += weight * roc_auc(scores[inside], labels[inside])
            weights += weight
    return total / weights if weights else float("nan")


def paired_interval(
    first: Sequence[LabelledScores],
    second: Sequence[LabelledScores],
    measure: Measure,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of ``measure(first) - measure(second)``, the same clips in each draw."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        drawn = rng.integers(0, len(first), len(first)).tolist()
        values.append(measure([first[i] for i in drawn]) - measure([second[i] for i in drawn]))
    known = np.array([value for value in values if not np.isnan(value)])
    if len(known) == 0:
        return float("nan"), float("nan")
    tail = 50 * (1 - confidence)
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)


def bootstrap_interval(
    clips: Sequence[LabelledScores],
    measure: Measure,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a measure over clips drawn with replacement.

    Whole clips are drawn, because the frames of one clip are near copies of each other. Draws in
    which the measure is not defined are left out; NaN twice when all are.
    """
    if not clips:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    picks = generator.integers(0, len(clips), (draws, len(clips)))
    values = np.array([measure([clips[i] for i in pick]) for pick in picks])
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _joined(clips: Sequence[LabelledScores]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if not clips:
        return np.zeros(0), np.zeros(0, np.bool_)
    return np.concatenate([c.scores for c in clips]), np.concatenate([c.labels for c in clips])
