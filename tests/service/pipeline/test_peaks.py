"""Which frame explains a segment, on sequences short enough to follow by eye."""

from collections.abc import Sequence
from typing import Literal

from service.pipeline.peaks import PeakKeeper, ScoredFrame
from service.pipeline.report import ExplanationRow
from service.scoring.calibration import neutral_calibration

CLIPS = neutral_calibration().clips.model_copy(
    update={"smoothing_s": 0.1, "on": 0.6, "off": 0.4, "on_hold_s": 0.1, "on_window_s": 0.45}
)


def fed(raw: Sequence[float], probability: Sequence[float], step_s: float = 0.1) -> PeakKeeper:
    keeper = PeakKeeper(CLIPS)
    for i, (score, likely) in enumerate(zip(raw, probability, strict=True)):
        keeper.add(ScoredFrame(i, i * step_s, score, likely, (), 0.0))
    return keeper


def row(leaf: str, polarity: Literal["anomaly", "normal"] = "anomaly") -> ExplanationRow:
    return ExplanationRow(
        description_id=f"{leaf}/some-words", text="", path=(), polarity=polarity, severity=0,
        similarity=0.0, margin=0.0, counterpart=None, subject=None, object=None, cues={},
    )  # fmt: skip


def test_the_frames_of_a_segment_vote_by_the_first_anomaly_that_each_names() -> None:
    """Frame 2 stands out most and tells of a rollover; the others tell of a rear-end collision."""
    told = ["a.rear_end", "a.rear_end", "a.rollover", "a.rear_end"]
    keeper = PeakKeeper(CLIPS)
    for i, (leaf, raw, likely) in enumerate(
        zip(told, [3.0, 4.0, 9.0, 3.0], [0.7, 0.7, 0.8, 0.9], strict=True)
    ):
        rows = (row("n.following", "normal"), row(leaf), row("a.sideswipe"))
        keeper.add(ScoredFrame(i, i * 0.1, raw, likely, rows, 1.0))

    assert keeper.peak(0.0).index == 1


def test_frames_shortly_after_the_peak_vote_too_and_later_ones_do_not() -> None:
    """A time constant, 0.1 s, after the peak at frame 2: frame 3 outvotes those before."""
    told = ["a.rear_end"] * 3 + ["a.rollover"] + ["a.fire"] * 2
    evidence, likely = [1.0, 1.0, 1.0, 3.5, 99.0, 99.0], [0.7, 0.7, 0.9, 0.8, 0.8, 0.8]
    keeper, found = PeakKeeper(CLIPS), []
    for i in range(6):
        rows = (row(told[i]),)
        keeper.add(ScoredFrame(i, i * 0.1, likely[i] + i, likely[i], rows, evidence[i]))
        if keeper.since_s is not None:
            found.append(keeper.peak(0.0).index)

    assert found == [2, 3, 3, 3]  # from the frame that raises the alarm on


def test_the_cause_lies_before_the_smoothed_peak() -> None:
    """The probability peaks at frame 4; the picture that stood out most is frame 2."""
    keeper = fed(raw=[0, 1, 9, 3, 3, 0], probability=[0.1, 0.7, 0.8, 0.85, 0.9, 0.2])

    assert keeper.peak(0.1).index == 2


def test_a_frame_before_the_segment_cannot_explain_it() -> None:
    """Frame 0 stands out but does not belong to the segment that begins at frame 1."""
    keeper = fed(raw=[9, 1, 2, 1, 0], probability=[0.1, 0.7, 0.9, 0.7, 0.2])

    assert keeper.peak(0.1).index == 2


def test_a_cause_long_before_the_peak_is_forgotten_by_the_smoother_too() -> None:
    """Three time constants, 0.3 s, before the peak at frame 9 is frame 6; frame 1 is too old."""
    probability = [0.1, *[0.7] * 8, 0.9, 0.2]
    keeper = fed(raw=[0, 9, 0, 0, 0, 0, 0, 4, 0, 0, 0], probability=probability)

    assert keeper.peak(0.1).index == 7


def test_each_segment_has_its_own_frame() -> None:
    """Two alarms with a quiet stretch between them."""
    keeper = fed(
        raw=[5, 6, 0, 0, 0, 7, 8, 0, 0],
        probability=[0.7, 0.8, 0.7, 0.1, 0.1, 0.7, 0.8, 0.7, 0.1],
    )

    assert keeper.peak(0.0).index == 1
    assert keeper.peak(0.5).index == 6


def test_a_frame_is_found_though_the_alarm_goes_on_late() -> None:
    """The first frame that counts is the peak itself; the alarm needs two more."""
    keeper = fed(raw=[0, 9, 0, 1, 1], probability=[0.1, 0.95, 0.3, 0.7, 0.7])

    assert keeper.peak(0.1).index == 1


def test_a_window_longer_than_the_smoothing_keeps_its_first_frame() -> None:
    """High frames 0.2 s apart: the first of them, 0.4 s before the alarm, is the peak itself."""
    long = CLIPS.model_copy(update={"smoothing_s": 0.05, "on_hold_s": 0.25, "on_window_s": 1.0})
    keeper = PeakKeeper(long)
    for i, likely in enumerate([0.1, 0.95, 0.5, 0.7, 0.5, 0.7]):
        keeper.add(ScoredFrame(i, i * 0.1, likely, likely, (), 0.0))

    assert keeper.peak(0.1).index == 1


def test_the_earliest_cause_still_votes_with_the_last_frame_after_the_peak() -> None:
    """Frame 2 lies 0.3 s before the peak at frame 8, frame 10 0.1 s after it: 2.5 against 1 + 1."""
    told = {2: ("a.rollover", 2.5), 9: ("a.rear_end", 1.0), 10: ("a.rear_end", 1.0)}
    keeper = PeakKeeper(CLIPS.model_copy(update={"on_window_s": 0.2}))
    for i in range(11):
        leaf, evidence = told.get(i, ("a.fire", 0.1))
        likely = 0.9 if i == 8 else 0.7
        keeper.add(ScoredFrame(i, i * 0.05, 1.0, likely, (row(leaf),), evidence))

    assert keeper.peak(0.0).index == 2


def test_a_frame_votes_with_the_evidence_of_what_it_tells() -> None:
    """Two frames tell of a rear-end collision, one that is surer of it of a rollover."""
    keeper = PeakKeeper(CLIPS)
    for i, (leaf, evidence) in enumerate([("a.rear_end", 1.0), ("a.rollover", 2.5)]):
        keeper.add(ScoredFrame(i, i * 0.1, 1.0, 0.7, (row(leaf),), evidence))
    keeper.add(ScoredFrame(2, 0.2, 4.0, 0.9, (row("a.rear_end"),), 1.0))

    assert keeper.peak(0.0).index == 1


def test_what_a_keeper_remembers_decides_as_before() -> None:
    """The evidence is part of a checkpoint."""
    keeper, restored = PeakKeeper(CLIPS), PeakKeeper(CLIPS)
    for i, (leaf, evidence) in enumerate([("a.rear_end", 1.0), ("a.rollover", 2.5)]):
        keeper.add(ScoredFrame(i, i * 0.1, 1.0, 0.7, (row(leaf),), evidence))
    restored.restore(keeper.state())
    restored.add(ScoredFrame(2, 0.2, 4.0, 0.9, (row("a.rear_end"),), 1.0))

    assert restored.peak(0.0).index == 1

    again = PeakKeeper(CLIPS)
    again.restore(restored.state())
    for i, evidence in enumerate([3.0, 99.0], start=3):  # 0.1 and 0.2 s after the peak
        again.add(ScoredFrame(i, i * 0.1, 1.0, 0.7, (row("a.fire"),), evidence))

    assert again.peak(0.0).index == 3  # when the peak was is remembered too
