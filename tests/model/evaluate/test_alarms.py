"""Alarms against labels, by hand: in the window, late, missed, false; and each clip left out."""

import numpy as np
import pytest

from model.evaluate.alarms import (
    alarm_figures,
    alarm_times,
    anomaly_s,
    leave_one_out,
    lowest_threshold,
    normal_part,
)
from model.evaluate.auc import LabelledScores, paired_interval, pooled_auc
from service.scoring.calibration import AffineMap, neutral_calibration

# Probability 0.6 at score 1: the alarm is on from there, and off below score 0.
LOGIT = float(np.log(1.5))
AT_ONE = AffineMap(slope=2 * LOGIT, intercept=-LOGIT)
CALIBRATION = neutral_calibration().clips.model_copy(
    update={"on_hold_s": 0.0, "affine": {"paired": AT_ONE}}
)
TIMES = np.arange(100) / 10


def clip(name: str, anomaly: tuple[float, float] | None, *peaks: float) -> LabelledScores:
    """Ten seconds with the score 2 for half a second from each peak on, else -1."""
    scores = np.full(100, -1.0)
    for peak in peaks:
        scores[(peak <= TIMES) & (peak + 0.5 > TIMES)] = 2.0
    labels = np.zeros(100, bool)
    if anomaly is not None:
        labels = (anomaly[0] <= TIMES) & (anomaly[1] >= TIMES)
    return LabelledScores(name, TIMES, TIMES / 10, labels, scores)


def test_an_alarm_has_the_time_at_which_it_comes_on() -> None:
    """Two peaks, two alarms; a score that stays high is one."""
    assert alarm_times(clip("a", None, 2.0, 7.0), AT_ONE, CALIBRATION) == [2.0, 7.0]


@pytest.mark.parametrize(
    ("peak", "outcome"),
    [(3.5, "in_window"), (6.0, "in_window"), (6.1, "late"), (3.4, "false"), (8.5, "missed")],
)
def test_the_window_is_half_a_second_before_to_two_after_the_start(
    peak: float, outcome: str
) -> None:
    """Anomaly from 4 to 8 s; what comes after its end is neither false nor a hit."""
    found = alarm_figures("x", [clip("a", (4.0, 8.0), peak)], [AT_ONE], CALIBRATION)

    counts = found.model_dump()
    assert counts[outcome] == 1
    assert counts["missed"] == (outcome in ("false", "missed"))
    assert found.normal_seconds == 3.5


def test_normal_footage_counts_in_full_and_bounds_what_may_be_claimed() -> None:
    """No alarm in 9.9 s: with 95 % confidence at most 3 / 9.9 s, about 1,089 an hour."""
    found = alarm_figures("x", [clip("a", None)], [AT_ONE], CALIBRATION)

    assert (found.false, found.normal_seconds) == (0, 9.9)
    assert found.upper_per_hour == pytest.approx(2.9957 * 3600 / 9.9, rel=1e-3)


def test_the_normal_part_ends_half_a_second_before_the_anomaly() -> None:
    """Of a normal clip it is all."""
    assert normal_part(clip("a", (4.0, 8.0))).times_s[-1] == pytest.approx(3.4)
    assert len(normal_part(clip("a", None)).scores) == 100
    assert anomaly_s(clip("a", None)) == (float("inf"), float("inf"))


def test_the_lowest_threshold_allows_what_is_allowed_and_no_more() -> None:
    """Two peaks in normal footage: with none allowed the alarm lies above them."""
    normal = [clip("a", None, 2.0, 7.0)]

    strict = lowest_threshold(normal, CALIBRATION, 0, AT_ONE.slope)
    loose = lowest_threshold(normal, CALIBRATION, 2, AT_ONE.slope)

    assert alarm_times(normal[0], strict, CALIBRATION) == []
    assert len(alarm_times(normal[0], loose, CALIBRATION)) <= 2
    assert strict.intercept < loose.intercept


def test_an_alarm_that_never_goes_off_is_no_low_threshold() -> None:
    """Four peaks of rising height on a calm level, one allowed: only the highest may alarm.

    A threshold at the calm level would give one alarm too, that lasts for the whole clip.
    """
    scores = np.zeros(100)
    for height, peak in enumerate((20, 40, 60, 80), 1):
        scores[peak : peak + 5] = height
    normal = LabelledScores("a", TIMES, TIMES / 10, np.zeros(100, bool), scores)

    affine = lowest_threshold([normal], CALIBRATION, 1, AT_ONE.slope)

    assert alarm_times(normal, affine, CALIBRATION) == [8.0]


def test_an_accident_at_once_has_no_normal_part() -> None:
    """It takes nothing from the normal seconds of the others."""
    found = alarm_figures("x", [clip("a", (0.2, 8.0), 1.0)], [AT_ONE], CALIBRATION)

    assert found.normal_seconds == 0


def test_each_clip_is_left_out_of_its_own_threshold() -> None:
    """Only clip b is lively before its anomaly: a gets the strict threshold, b the loose one."""
    clips = [clip("a", (8.0, 9.0), 8.0), clip("b", (8.0, 9.0), 2.0, 8.0)]

    first, second = leave_one_out(clips, CALIBRATION, allowed=0)

    assert first.intercept < second.intercept


def test_a_paired_interval_draws_the_same_clips_for_both() -> None:
    """A score that is better by the same in every clip leads in every draw."""
    good = [clip(str(i), (4.0, 8.0), 4.0, 5.0, 6.0) for i in range(5)]
    flat = [LabelledScores(c.clip_id, c.times_s, c.position, c.labels, 0 * c.scores) for c in good]

    low, high = paired_interval(good, [flat], pooled_auc, draws=50)

    assert low == pytest.approx(pooled_auc(good) - 0.5)
    assert high == pytest.approx(low)
