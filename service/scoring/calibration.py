"""From raw evidence to a probability: the schema of calibration.json and its pure application.

Evidence of different leaves is not comparable: each is first measured in standard deviations of
its own null, which is what the leaf says about normal footage.

Dimension letters used in this file: L anomaly leaves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.scoring.eq11 import NO_EVIDENCE, TOP_LEAVES, top_k_mean
from service.scoring.temporal import HOLD_S, WINDOW_S, Hysteresis

Mode = Literal["literal", "contrast", "paired"]
Domain = Literal["stills", "clips"]

# A null of some thousand frames says nothing about rarer events than this many deviations.
Z_LIMIT = 10.0

Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LeafNull(_Entry):
    """What a leaf's evidence looks like on normal footage."""

    mean: Finite
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class AffineMap(_Entry):
    """Probability = sigmoid(slope * score + intercept); slope 0 says the score tells nothing."""

    slope: Amount
    intercept: Finite


class FalseAlarm(_Entry):
    """What the threshold costs on normal footage, and how much footage that was.

    `upper_bound` is the 95 % bound of `rate`: a few frames without an alarm prove little.
    """

    rate: Amount
    unit: Literal["per_frame", "per_hour"]
    normal_frames: Annotated[int, Field(ge=0)]
    normal_seconds: Amount
    upper_bound: Amount


class DomainCalibration(_Entry):
    """Calibration for single frames; the base of the one for clips."""

    leaf_null: Mapping[str, LeafNull]
    leaf_null_trusted: Mapping[str, LeafNull] | None = None
    """The same for frames whose pixels are trusted; ``leaf_null`` when left out."""

    affine: Mapping[Mode, AffineMap]
    threshold: Probability
    false_alarm: FalseAlarm

    def null_of(self, trusted: bool) -> Mapping[str, LeafNull]:
        """What each leaf says about normal frames of this kind."""
        if trusted and self.leaf_null_trusted is not None:
            return self.leaf_null_trusted
        return self.leaf_null

    @model_validator(mode="after")
    def _every_mode_has_a_map(self) -> Self:
        missing = {"literal", "contrast", "paired"} - set(self.affine)
        if missing:
            raise ValueError(f"affine has no map for {', '.join(sorted(missing))}")
        return self


class ClipsCalibration(DomainCalibration):
    """Calibration for clips: smoothing, hysteresis and the weight of motion beside text."""

    smoothing_s: Amount
    release_s: Amount | None = None
    """Time constant while the score falls; ``smoothing_s`` when left out."""

    on: Probability
    off: Probability
    on_hold_s: Amount
    on_window_s: Amount
    """Of the latest ``on_window_s`` so much must lie at ``on`` or above, in three frames at least;
    an ``on_hold_s`` of 0 lets one frame do (`Hysteresis`)."""

    min_segment_s: Amount
    weight_text: Amount
    weight_motion: Amount
    weights_trusted: tuple[Amount, Amount] | None = None
    """Text and motion of frames whose pixels are trusted; those above when left out."""

    past_share: Probability = 0.0
    """Of what the text has said before (`service.scoring.past`), taken off a frame's score."""

    leaf_motion_weight: Mapping[str, Probability] = {}
    """Less than 1 for a leaf whose motion speaks on normal roads too; 1 for a leaf left out."""

    def motion_weights(self, leaf_ids: Sequence[str]) -> NDArray[np.float64]:
        """(L,) what the motion of each leaf is worth."""
        return np.array([self.leaf_motion_weight.get(leaf_id, 1.0) for leaf_id in leaf_ids])

    def hysteresis(self) -> Hysteresis:
        """A new alarm with these thresholds."""
        return Hysteresis(self.on, self.off, self.on_hold_s, self.on_window_s)

    def weights_of(self, trusted: bool) -> tuple[float, float]:
        """Weights of text and motion for frames of this kind."""
        if trusted and self.weights_trusted is not None:
            return self.weights_trusted
        return self.weight_text, self.weight_motion

    @model_validator(mode="after")
    def _hysteresis_makes_sense(self) -> Self:
        if self.off > self.on:
            raise ValueError(f"off ({self.off}) must not lie above on ({self.on})")
        if self.on_hold_s > self.on_window_s:
            raise ValueError(
                f"on_hold_s ({self.on_hold_s}) must not exceed on_window_s ({self.on_window_s})"
            )
        return self


class Calibration(_Entry):
    """The content of calibration.json."""

    stills: DomainCalibration
    clips: ClipsCalibration

    def of(self, domain: Domain) -> DomainCalibration:
        """The part for single frames or the part for clips."""
        return self.stills if domain == "stills" else self.clips


def standardise(
    evidence: NDArray[np.float64],
    leaf_ids: Sequence[str],
    leaf_weight: NDArray[np.float64],
    leaf_null: Mapping[str, LeafNull],
) -> NDArray[np.float64]:
    """Measure each leaf's evidence against its null, then apply the expert's weight.

    The weight comes after the null: before it, a recalibration would cancel it. A leaf without a
    null (an expert has just added it) borrows the median null of the others.

    Args:
        evidence: (..., L), ``NO_EVIDENCE`` where a leaf cannot speak.
        leaf_ids: L ids.
        leaf_weight: (L,) > 0.
        leaf_null: By leaf id; empty leaves the evidence as it is.

    Returns:
        (..., L) in weighted standard deviations of the null, cut at ``Z_LIMIT`` before the weight;
        ``NO_EVIDENCE`` stays.
    """
    typical = _typical_null(leaf_null)
    nulls = [leaf_null.get(leaf_id, typical) for leaf_id in leaf_ids]
    mean = np.array([null.mean for null in nulls])  # (L,)
    std = np.array([null.std for null in nulls])
    deviation = ((evidence - mean) / std).clip(-Z_LIMIT, Z_LIMIT)
    return np.where(np.isfinite(evidence), leaf_weight * deviation, NO_EVIDENCE)


def same_null(leaf_ids: Sequence[str], mean: float, std: float) -> dict[str, LeafNull]:
    """One null for all leaves, as `fitting.strongest_null` measures it."""
    null = LeafNull(mean=round(mean, 6), std=round(std, 6))
    return dict.fromkeys(leaf_ids, null)


def _typical_null(leaf_null: Mapping[str, LeafNull]) -> LeafNull:
    if not leaf_null:
        return LeafNull(mean=0.0, std=1.0)
    nulls = leaf_null.values()
    return LeafNull(
        mean=float(np.median([null.mean for null in nulls])),
        std=float(np.median([null.std for null in nulls])),
    )


def paired_score(standardised: NDArray[np.float64], k: int = TOP_LEAVES) -> float:
    """Mean of the k strongest leaves, one unless said otherwise, in deviations of the null.

    A frame in which no leaf can speak gets 0, what normal footage has on average. The lowest score
    would let an empty street pull the smoothed curve down for seconds after it has filled.

    Args:
        standardised: (L,) from ``standardise``.
        k: Leaves that are averaged.
    """
    score = top_k_mean(standardised, k)
    return score if math.isfinite(score) else 0.0


def probability(score: float, affine: AffineMap) -> float:
    """Map a score of any mode to 0..1: sigmoid(slope * score + intercept)."""
    logit = affine.slope * score + affine.intercept
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    odds = math.exp(logit)  # cannot overflow on this side
    return odds / (1 + odds)


def neutral_calibration() -> Calibration:
    """Leave every number as it is: null mean 0 and std 1, slope 1, intercept 0, threshold 0.5."""
    as_is = AffineMap(slope=1.0, intercept=0.0)
    nothing_known = FalseAlarm(
        rate=0.0, unit="per_frame", normal_frames=0, normal_seconds=0.0, upper_bound=1.0
    )
    stills = DomainCalibration(
        leaf_null={},
        affine={"literal": as_is, "contrast": as_is, "paired": as_is},
        threshold=0.5,
        false_alarm=nothing_known,
    )
    clips = ClipsCalibration(
        leaf_null={},
        affine=stills.affine,
        threshold=0.5,
        false_alarm=nothing_known,
        smoothing_s=0.5,
        on=0.6,
        off=0.4,
        on_hold_s=HOLD_S,
        on_window_s=WINDOW_S,
        min_segment_s=0.0,
        weight_text=1.0,
        weight_motion=1.0,
    )
    return Calibration(stills=stills, clips=clips)
