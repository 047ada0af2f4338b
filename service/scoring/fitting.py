"""Fits the numbers of calibration.json from scores of known footage; pure numpy.

Dimension letters used in this file: n frames, L anomaly leaves.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from service.scoring.calibration import AffineMap

MIN_STD = 1e-3  # similarities carry about this much rounding from an fp16 encoder
SELDOM, SILENT = 0.995, 0.06  # of the frames; a leaf below has said nothing
NEWTON_STEPS = 50
SMALLEST_STEP = 1e-6


def strongest_null(evidence: NDArray[np.floating]) -> tuple[float, float]:
    """Mean and standard deviation of the strongest leaf on normal footage.

    Margins are all measured against the same thing, what is normal between the two of a pair, so
    one scale serves all leaves. A scale for each would lift leaves that hardly ever speak.

    Args:
        evidence: (n, L) raw evidence; frames in which no leaf could speak are left out.

    Returns:
        mean and std, std at least ``MIN_STD``.

    Raises:
        ValueError: No entry at all is finite.
    """
    strongest = np.asarray(evidence, np.float64).max(axis=1, initial=-np.inf)
    known = strongest[np.isfinite(strongest)]
    if not len(known):
        raise ValueError("no leaf speaks in any of the frames, so there is no null")
    return float(known.mean()), max(float(known.std()), MIN_STD)


def motion_weights(motion: NDArray[np.floating]) -> NDArray[np.float64]:
    """What the motion of each leaf is worth: a leaf that is loud on normal roads is turned down.

    Cues that one participant has alone are loud more often than those that need two, and a leaf
    with a single cue more often than one whose cues must agree. So the loudness that each leaf
    seldom exceeds is brought down to that of the typical leaf; none is turned up, for a leaf whose
    participants are rare is silent for want of them.

    Args:
        motion: (n, L) leaf motion on normal footage, in 0..1.

    Returns:
        (L,) in 0..1.
    """
    loudness = np.quantile(np.asarray(motion, np.float64), SELDOM, axis=0)
    speaks = loudness > SILENT
    if not speaks.any():
        return np.ones(loudness.shape)
    typical = float(np.median(loudness[speaks]))
    weights: NDArray[np.float64] = np.minimum(1.0, typical / np.maximum(loudness, SILENT))
    return weights


def fit_affine(
    normal: NDArray[np.floating],
    anomalous: NDArray[np.floating] | None = None,
    *,
    false_alarm_rate: float = 0.01,
) -> AffineMap:
    """Fit the map from score to probability.

    With anomalous scores: Platt's logistic fit, both classes weighing the same, because the share
    of anomalies in a test set says nothing about a street. A score that ranks the wrong way round
    gets slope 0 and probability 0.5. Without them: the probability is 0.5 at the score that a
    share of ``false_alarm_rate`` of the normal frames exceeds, and one normal standard deviation
    is one logit.

    Args:
        normal: (n,) scores of normal frames.
        anomalous: Scores of anomalous frames, or None.
        false_alarm_rate: In 0..1, used without anomalous scores.

    Raises:
        ValueError: A class is empty or a score is not finite.
    """
    negatives = _scores("normal", normal)
    if anomalous is None:
        slope = 1.0 / max(float(negatives.std()), MIN_STD)
        middle = float(np.quantile(negatives, 1.0 - false_alarm_rate))
        return AffineMap(slope=slope, intercept=-slope * middle)
    positives = _scores("anomalous", anomalous)
    centre = float((negatives.mean() + positives.mean()) / 2)
    spread = max(float(np.concatenate([negatives, positives]).std()), MIN_STD)
    slope, intercept = _platt((negatives - centre) / spread, (positives - centre) / spread)
    if slope <= 0:
        return AffineMap(slope=0.0, intercept=0.0)
    return AffineMap(slope=slope / spread, intercept=intercept - slope * centre / spread)


def _scores(name: str, values: NDArray[np.floating]) -> NDArray[np.float64]:
    scores = np.asarray(values, np.float64).reshape(-1)
    if len(scores) == 0 or not np.isfinite(scores).all():
        raise ValueError(f"{name} scores must be finite and at least one")
    return scores


def _platt(negatives: NDArray[np.float64], positives: NDArray[np.float64]) -> tuple[float, float]:
    """Logistic regression on one score by Newton's method, targets softened as Platt (1999)."""
    scores = np.concatenate([negatives, positives])
    design = np.stack([scores, np.ones_like(scores)], axis=1)  # (n, 2)
    num_neg, num_pos = len(negatives), len(positives)
    # Softened targets keep the slope finite when the classes separate perfectly.
    targets = np.repeat([1 / (num_neg + 2), (num_pos + 1) / (num_pos + 2)], [num_neg, num_pos])
    weights = np.repeat([0.5 / num_neg, 0.5 / num_pos], [num_neg, num_pos])
    solution = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        fitted = 1 / (1 + np.exp(-(design @ solution).clip(-500, 500)))
        gradient = design.T @ (weights * (fitted - targets))
        curvature = (design * (weights * fitted * (1 - fitted))[:, None]).T @ design
        step = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        # Newton overshoots on nearly separated classes: halve until the loss does not rise.
        size = 1.0
        while size > SMALLEST_STEP and _cross_entropy(
            design @ (solution - size * step), targets, weights
        ) > _cross_entropy(design @ solution, targets, weights):
            size /= 2
        solution = solution - size * step
    return float(solution[0]), float(solution[1])


def _cross_entropy(
    logits: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    return float((weights * (np.logaddexp(0.0, logits) - targets * logits)).sum())


def threshold_for(normal_probabilities: NDArray[np.floating], false_alarm_rate: float) -> float:
    """The lowest threshold that at most this share of the normal frames reaches.

    Args:
        normal_probabilities: (n,) in 0..1.
        false_alarm_rate: Budget in 0..1.

    Returns:
        A threshold in 0..1; a frame alarms at ``probability >= threshold``. When even 1.0 is
        reached too often, 1.0.
    """
    descending = -np.sort(-_scores("normal", normal_probabilities))
    allowed = math.floor(false_alarm_rate * len(descending))
    if allowed >= len(descending):
        return 0.0
    return min(1.0, float(np.nextafter(descending[allowed], 2.0)))


def upper_rate(events: int, exposure: float, confidence: float = 0.95) -> float:
    """Exact Poisson upper bound of a rate: 0 events in n frames gives about 3 / n.

    Args:
        events: False alarms that were counted, >= 0.
        exposure: Frames or hours of normal footage; 0 gives infinity.
        confidence: Of the one-sided bound.
    """
    if exposure <= 0:
        return math.inf
    low, high = 0.0, events + 10.0 * math.sqrt(events + 1.0) + 10.0
    for _ in range(100):
        middle = (low + high) / 2
        if _poisson_at_most(events, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high / exposure


def _poisson_at_most(events: int, expected: float) -> float:
    logs = [i * math.log(expected) - expected - math.lgamma(i + 1) for i in range(events + 1)]
    return math.fsum(math.exp(log) for log in logs)
