"""When alarms come: in the window around the start of an anomaly, late, never, or for nothing.

An alarm has the time at which a live camera would have heard it, which is later than the start of
the segment that a report shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from model.evaluate.auc import LabelledScores
from service.scoring.calibration import AffineMap, ClipsCalibration, probability
from service.scoring.fitting import upper_rate

BEFORE_S, AFTER_S = 0.5, 2.0  # of the labelled start
CANDIDATES = 200


class AlarmFigures(BaseModel):
    """Alarms over all clips; ``upper_per_hour`` is the 95 % bound that so little footage allows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    accidents: int
    in_window: int
    late: int
    missed: int
    false: int
    normal_seconds: float
    upper_per_hour: float


def alarm_times(
    clip: LabelledScores, affine: AffineMap, calibration: ClipsCalibration
) -> list[float]:
    """Seconds at which the alarm comes on."""
    alarm = calibration.hysteresis()
    found, was_on = [], False
    for time_s, score in zip(clip.times_s.tolist(), clip.scores.tolist(), strict=True):
        is_on = alarm.update(time_s, probability(score, affine))
        if is_on and not was_on:
            found.append(time_s)
        was_on = is_on
    return found


def alarm_figures(
    name: str,
    clips: Sequence[LabelledScores],
    affines: Sequence[AffineMap],
    calibration: ClipsCalibration,
) -> AlarmFigures:
    """Count alarms; each clip has its own map so that one may be left out of its own threshold."""
    counts = {"in_window": 0, "late": 0, "missed": 0, "false": 0}
    normal_s = 0.0
    for clip, affine in zip(clips, affines, strict=True):
        times = alarm_times(clip, affine, calibration)
        start_s, end_s = anomaly_s(clip)
        counts["false"] += sum(time < start_s - BEFORE_S for time in times)
        normal_s += max(0.0, min(start_s - BEFORE_S, float(clip.times_s[-1])))
        if clip.labels.any():
            counts[_outcome(times, start_s, end_s)] += 1
    return AlarmFigures(
        name=name,
        accidents=sum(bool(clip.labels.any()) for clip in clips),
        **counts,
        normal_seconds=round(normal_s, 1),
        upper_per_hour=round(upper_rate(counts["false"], normal_s / 3600), 1),
    )


def anomaly_s(clip: LabelledScores) -> tuple[float, float]:
    """First and last labelled second; infinite for a normal clip."""
    if not clip.labels.any():
        return float("inf"), float("inf")
    inside = clip.times_s[clip.labels]
    return float(inside[0]), float(inside[-1])


def normal_part(clip: LabelledScores) -> LabelledScores:
    """What comes before the anomaly, or the whole of a normal clip."""
    kept = clip.times_s < anomaly_s(clip)[0] - BEFORE_S
    return LabelledScores(
        clip.clip_id,
        clip.times_s[kept],
        clip.position[kept],
        clip.labels[kept],
        clip.scores[kept],
    )


def lowest_threshold(
    normal: Sequence[LabelledScores], calibration: ClipsCalibration, allowed: int, slope: float
) -> AffineMap:
    """The map whose alarm lies at the lowest score from which on ``allowed`` is not exceeded.

    It is looked for from above: an alarm that never goes off again is one alarm too.

    Args:
        normal: Clips, or parts of them, without an anomaly.
        calibration: Its ``on``, ``off`` and the time to hold are kept.
        allowed: Alarms in all of them.
        slope: Logits for each unit of score.
    """
    logit = float(np.log(calibration.on / (1 - calibration.on)))
    scores = np.concatenate([clip.scores for clip in normal])
    # Above every score: not one alarm.
    found = AffineMap(slope=slope, intercept=logit - slope * float(scores.max()) - slope)
    for threshold in np.quantile(scores, np.linspace(1.0, 0.5, CANDIDATES)):
        affine = AffineMap(slope=slope, intercept=logit - slope * float(threshold))
        if sum(len(alarm_times(clip, affine, calibration)) for clip in normal) > allowed:
            return found
        found = affine
    return found


def leave_one_out(
    clips: Sequence[LabelledScores], calibration: ClipsCalibration, allowed: int
) -> list[AffineMap]:
    """For each clip the map that the others alone would have set."""
    slope = calibration.affine["paired"].slope
    normal = [normal_part(clip) for clip in clips]
    return [
        lowest_threshold(
            [n for j, n in enumerate(normal) if j != i and len(n.scores)],
            calibration,
            allowed,
            slope,
        )
        for i in range(len(clips))
    ]


def _outcome(times: Sequence[float], start_s: float, end_s: float) -> str:
    if any(start_s - BEFORE_S <= time <= start_s + AFTER_S for time in times):
        return "in_window"
    return "late" if any(start_s + AFTER_S < time <= end_s for time in times) else "missed"
