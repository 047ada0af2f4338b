"""Alarms out of the frames of a stream, written by hand."""

from typing import Literal

import pytest

from service.pipeline.alarms import AlarmEvent, AlarmKeeper
from service.pipeline.peaks import ScoredFrame
from service.pipeline.report import ExplanationRow
from service.scoring.calibration import neutral_calibration

CLIPS = neutral_calibration().clips.model_copy(
    update={"smoothing_s": 0.1, "on": 0.6, "off": 0.4, "on_hold_s": 0.1, "on_window_s": 0.45}
)
# Three frames at 0.6 or above raise it, 0.3 s after the clock began.
RAISED = [0.1, 0.7, 0.8, 0.7]


def row(leaf: str, polarity: Literal["anomaly", "normal"] = "anomaly") -> ExplanationRow:
    return ExplanationRow(
        description_id=f"{leaf}/some-words", text=leaf, path=(), polarity=polarity, severity=0,
        similarity=0.0, margin=0.0, counterpart=None, subject=None, object=None, cues={},
    )  # fmt: skip


ROWS = (row("n.following", "normal"), row("a.rear_end"))


def told(keeper: AlarmKeeper, probabilities: list[float], from_s: float = 0.0) -> list[AlarmEvent]:
    """What the keeper tells of frames, ten a second."""
    return [
        event
        for i, likely in enumerate(probabilities)
        for event in keeper.update(ScoredFrame(i, from_s + 0.1 * i, likely, likely, ROWS, 1.0))
    ]


def test_an_alarm_begins_peaks_and_ends() -> None:
    """Told twice; what was high before it was raised counts too."""
    keeper = AlarmKeeper(CLIPS)

    began, ended = told(keeper, [*RAISED, 0.9, 0.5, 0.1])

    assert keeper.end() == ()
    assert (began.type, ended.type) == ("alarm.began", "alarm.ended")
    assert began.alarm.id == ended.alarm.id
    assert (began.alarm.began_s, ended.alarm.began_s) == pytest.approx((0.1, 0.1))
    assert (began.alarm.peak_s, began.alarm.probability) == pytest.approx((0.2, 0.8))
    assert (ended.alarm.peak_s, ended.alarm.probability) == pytest.approx((0.4, 0.9))
    assert began.alarm.ended_s is None
    assert ended.alarm.ended_s == pytest.approx(0.5)


def test_what_comes_after_a_loss_begins_anew() -> None:
    """The alarm ends with its latest frame; a source that comes back soon raises another one."""
    keeper = AlarmKeeper(CLIPS)
    (began,) = told(keeper, RAISED)

    (ended,) = keeper.lose()
    (again,) = told(keeper, RAISED[1:], from_s=1.0)

    assert (ended.type, again.type) == ("alarm.ended", "alarm.began")
    assert ended.alarm.ended_s == pytest.approx(0.3)
    assert again.alarm.began_s == pytest.approx(1.0)
    assert again.alarm.id != began.alarm.id
    assert AlarmKeeper(CLIPS).lose() == ()


def test_an_alarm_is_told_by_an_anomaly_though_its_frame_alone_looks_normal() -> None:
    """As in the report of a clip: what is normal stands last."""
    (began,) = told(AlarmKeeper(CLIPS), RAISED)

    assert [item.text for item in began.alarm.explanations] == ["a.rear_end", "n.following"]


def test_an_alarm_that_starts_anew_after_a_gap_is_another_one() -> None:
    """Nothing came for half a minute; then three high frames raise it again."""
    keeper = AlarmKeeper(CLIPS)

    events = told(keeper, RAISED) + told(keeper, RAISED[1:], from_s=30.0)

    assert [event.type for event in events] == ["alarm.began", "alarm.ended", "alarm.began"]
    assert events[1].alarm.ended_s == pytest.approx(0.3)
    assert events[2].alarm.began_s == 30.0
    assert events[1].alarm.id != events[2].alarm.id


def test_the_end_of_the_stream_ends_the_alarm() -> None:
    """With the last frame that was seen."""
    keeper = AlarmKeeper(CLIPS)
    told(keeper, [*RAISED, 0.6])

    (ended,) = keeper.end()

    assert ended.alarm.ended_s == pytest.approx(0.4)
    assert AlarmKeeper(CLIPS).end() == ()
