"""Alarms out of the scores of a stream, written by hand."""

from service.pipeline.alarms import AlarmKeeper
from service.pipeline.stream_score import StreamScore


def score(time_s: float, probability: float, since_s: float | None) -> StreamScore:
    return StreamScore(
        sequence=0, time_s=time_s, width=2, height=1, score=0.0, eq11=0.0,
        probability=probability, anomalous=since_s is not None, alarm_since_s=since_s,
        appearance="on", rois=(), explanations=(), dropped=0,
    )  # fmt: skip


def test_an_alarm_begins_peaks_and_ends() -> None:
    """Told twice: with the first high frame, and with the last frame of it and the highest."""
    keeper = AlarmKeeper()

    assert keeper.update(score(1.0, 0.9, None)) == ()
    (began,) = keeper.update(score(2.0, 0.7, 1.0))
    assert keeper.update(score(3.0, 0.8, 1.0)) == ()
    assert keeper.update(score(4.0, 0.6, 1.0)) == ()
    (ended,) = keeper.update(score(5.0, 0.1, None))
    assert keeper.end() == ()

    assert (began.type, ended.type) == ("alarm.began", "alarm.ended")
    assert began.alarm.id == ended.alarm.id
    assert (began.alarm.began_s, began.alarm.ended_s, began.alarm.probability) == (1.0, None, 0.7)
    assert (ended.alarm.ended_s, ended.alarm.peak_s, ended.alarm.probability) == (4.0, 3.0, 0.8)


def test_an_alarm_that_starts_anew_after_a_gap_is_another_one() -> None:
    """The stream went off and on between two frames."""
    keeper = AlarmKeeper()
    keeper.update(score(2.0, 0.7, 1.0))

    ended, began = keeper.update(score(30.0, 0.9, 30.0))

    assert (ended.alarm.ended_s, began.alarm.began_s) == (2.0, 30.0)
    assert ended.alarm.id != began.alarm.id


def test_the_end_of_the_stream_ends_the_alarm() -> None:
    """With the last frame that was seen."""
    keeper = AlarmKeeper()
    keeper.update(score(2.0, 0.7, 1.0))
    keeper.update(score(3.0, 0.6, 1.0))

    (ended,) = keeper.end()

    assert ended.alarm.ended_s == 3.0
    assert AlarmKeeper().end() == ()
