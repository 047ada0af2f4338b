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
# The same clips scored several times over, as texts that were shuffled again and again score them.
Versions = Sequence[Sequence[LabelledScores]]


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


def median_auc(versions: Versions, measure: Measure) -> float:
    """The measure of a score that comes in several versions; NaN where one is not defined."""
    return float(np.median([measure(clips) for clips in versions]))


def paired_interval(
    first: Sequence[LabelledScores],
    others: Versions,
    measure: Measure,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of ``measure(first) - measure(other)``, the same clips in each draw.

    Args:
        first: One score.
        others: The other score, in one version or several.
        measure: What is compared.
        draws: Bootstrap draws, each of clips and of a version.
        confidence: Of the interval.
        seed: Of the draws.
    """

    def lead(drawn: list[int], version: int) -> float:
        return measure([first[i] for i in drawn]) - measure([others[version][i] for i in drawn])

    return percentile_interval(lead, len(first), len(others), draws, confidence, seed)


def bootstrap_interval(
    versions: Versions,
    measure: Measure,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a measure over clips drawn with replacement.

    Whole clips are drawn, because the frames of one clip are near copies of each other; of a score
    with several versions, one of them with every draw.
    """

    def measured(drawn: list[int], version: int) -> float:
        return measure([versions[version][i] for i in drawn])

    return percentile_interval(measured, len(versions[0]), len(versions), draws, confidence, seed)


def percentile_interval(
    statistic: Callable[[list[int], int], float],
    num_clips: int,
    num_versions: int = 1,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """The interval that holds most values of a statistic over draws of clips and of a version.

    Args:
        statistic: Of indices of clips, with repetition, and the index of a version.
        num_clips: How many there are, and how many are drawn.
        num_versions: How many there are; one is drawn.
        draws: Those in which the statistic is not defined are left out; NaN twice when all are.
        confidence: Share of the values in it.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws if num_clips else 0):
        drawn = rng.integers(0, num_clips, num_clips).tolist()
        version = int(rng.integers(num_versions)) if num_versions > 1 else 0
        values.append(statistic(drawn, version))
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def _joined(clips: Sequence[LabelledScores]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if not clips:
        return np.zeros(0), np.zeros(0, np.bool_)
    return np.concatenate([c.scores for c in clips]), np.concatenate([c.labels for c in clips])
