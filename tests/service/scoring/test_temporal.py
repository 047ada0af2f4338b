"""Smoothing and hysteresis in real time, without a memory of where in a clip a frame stands."""

import math

import numpy as np
import pytest

from service.scoring.temporal import CausalSmoother, Hysteresis, Segment, segments, smooth

TENTHS = np.arange(10) / 10


def cut(
    probability: list[float], times_s: list[float] | None = None, **options: float
) -> tuple[Segment, ...]:
    """Segments at on 0.6 and off 0.4, ten frames a second: three high ones of the latest five."""
    times = [i / 10 for i in range(len(probability))] if times_s is None else times_s
    return segments(times, probability, on=0.6, off=0.4, **options)


def test_smoothing_matches_the_values_worked_out_by_hand() -> None:
    """Tau 1 s: after 1 s a share 1 - 1/e of the step has arrived, after 2 s 1 - 1/e^2."""
    smoothed = smooth([0, 1, 2], [0, 1, 1], time_constant_s=1.0)

    assert smoothed == pytest.approx([0, 1 - math.exp(-1), 1 - math.exp(-2)])


def test_the_first_value_starts_the_smoother() -> None:
    """A start at zero would make every clip look calm at first."""
    assert smooth(TENTHS, np.full(10, 0.7), 0.5) == pytest.approx(np.full(10, 0.7))


def test_sampling_twice_as_densely_smooths_no_less() -> None:
    """The same step, seen at 5 and at 10 frames a second, stands at the same height after 1 s."""
    coarse = smooth(np.arange(6) / 5, [0, *[1] * 5], 0.5)
    fine = smooth(np.arange(11) / 10, [0, *[1] * 10], 0.5)

    assert coarse[-1] == pytest.approx(1 - math.exp(-1.0 / 0.5))
    assert fine[-1] == pytest.approx(coarse[-1])


def test_a_long_gap_forgets_the_past() -> None:
    """After 100 time constants only the new value is left."""
    assert smooth([0, 50], [1.0, 0.2], 0.5)[1] == pytest.approx(0.2)


def test_smoothing_is_causal_and_knows_neither_length_nor_position() -> None:
    """Later frames change nothing earlier, and shifting the clock changes nothing at all."""
    values = np.random.default_rng(0).random(10)
    whole = smooth(TENTHS, values, 0.5)

    assert smooth(TENTHS[:4], values[:4], 0.5) == pytest.approx(whole[:4])
    assert smooth(TENTHS + 3600, values, 0.5) == pytest.approx(whole)


def test_smoothing_adds_no_trend_to_noise() -> None:
    """Over many clips of pure noise every position has the same mean: no position can win."""
    rng = np.random.default_rng(0)
    clips = np.array([smooth(TENTHS, rng.random(10), 0.3) for _ in range(2000)])

    assert clips.mean(axis=0) == pytest.approx(np.full(10, 0.5), abs=0.03)


@pytest.mark.parametrize("num_frames", [0, 1])
def test_very_short_clips_are_smoothed_too(num_frames: int) -> None:
    """One frame is itself, none is none."""
    values = [0.3] * num_frames

    assert smooth(range(num_frames), values, 0.5).tolist() == values


def test_a_time_constant_of_zero_changes_nothing() -> None:
    """Smoothing off."""
    assert smooth([0, 1, 2], [0.1, 0.9, 0.2], 0.0) == pytest.approx([0.1, 0.9, 0.2])


@pytest.mark.parametrize(
    ("times", "values", "message"),
    [
        pytest.param([0, 1], [0.5, math.nan], "finite", id="not a number"),
        pytest.param([0, math.inf], [0.5, 0.5], "finite", id="never"),
        pytest.param([0, 0], [0.5, 0.5], "move on", id="twice the same time"),
        pytest.param([1, 0], [0.5, 0.5], "move on", id="backwards"),
        pytest.param([0, 1], [0.5], "2 times for 1 values", id="lengths differ"),
    ],
)
def test_frames_without_a_proper_time_or_value_are_refused(
    times: list[float], values: list[float], message: str
) -> None:
    """Silence here would become a wrong segment later."""
    with pytest.raises(ValueError, match=message):
        smooth(times, values, 0.5)


@pytest.mark.parametrize("time_constant_s", [-1.0, math.nan])
def test_an_impossible_time_constant_is_refused(time_constant_s: float) -> None:
    """It would amplify instead of smoothing."""
    with pytest.raises(ValueError, match="time constant"):
        CausalSmoother(time_constant_s)


def test_a_live_stream_gets_the_same_values_as_a_clip() -> None:
    """One frame at a time, NaN refused on arrival."""
    smoother = CausalSmoother(0.5)
    values = [0.2, 0.8, 0.4]

    live = [smoother.update(i / 10, value) for i, value in enumerate(values)]

    assert live == pytest.approx(smooth([0, 0.1, 0.2], values, 0.5))
    with pytest.raises(ValueError, match="finite"):
        smoother.update(0.3, math.nan)


def test_three_of_five_high_frames_switch_the_alarm_on_and_one_low_frame_off() -> None:
    """On with the third high frame, kept between off and on, off below off."""
    alarm = Hysteresis(on=0.6, off=0.4)
    probability = [0.7, 0.5, 0.7, 0.5, 0.6, 0.5, 0.4, 0.39, 0.7]

    states = [alarm.update(i / 10, value) for i, value in enumerate(probability)]

    assert states == [False] * 4 + [True] * 3 + [False] * 2


@pytest.mark.parametrize("fps", [5, 10, 30])
def test_an_alarm_takes_the_same_time_however_densely_a_clip_is_sampled(fps: int) -> None:
    """Normal for two seconds, then high: on after 0.65 s of it, to a frame."""
    alarm = Hysteresis(on=0.6, off=0.4, hold_s=0.65, window_s=0.95)

    on_s = next(
        i / fps for i in range(4 * fps) if alarm.update(i / fps, 0.9 if i >= 2 * fps else 0.1)
    )

    # The first high frame stands for the time since the last normal one.
    assert 0.65 - 1 / fps - 1e-9 <= on_s - 2.0 <= 0.65 + 1e-9
    assert alarm.since_s == 2.0


@pytest.mark.parametrize("stall_s", [0.7, 1.9])
def test_a_frame_does_not_stand_for_a_stall(stall_s: float) -> None:
    """Thirty frames a second, a stall, then three high frames: a tenth of a second, no alarm."""
    alarm = Hysteresis(on=0.6, off=0.4, hold_s=0.65, window_s=0.95)
    for i in range(30):
        alarm.update(i / 30, 0.1)

    states = [alarm.update(29 / 30 + stall_s + i / 30, 0.9) for i in range(3)]

    assert states == [False] * 3


@pytest.mark.parametrize("start_s", [0.0, 100.05, 1.7e9])
def test_rounding_of_times_decides_nothing(start_s: float) -> None:
    """Twenty frames a second: the thirteenth high frame completes 0.65 s, at any time of day."""
    alarm = Hysteresis(on=0.6, off=0.4, hold_s=0.65, window_s=0.95)
    alarm.update(start_s, 0.1)

    states = [alarm.update(start_s + i / 20, 0.9) for i in range(1, 15)]

    assert states.index(True) == 12


def test_a_single_long_step_is_no_alarm() -> None:
    """One frame a second: each stands for long enough, but three must agree."""
    alarm = Hysteresis(on=0.6, off=0.4, hold_s=0.65, window_s=0.95)

    states = [alarm.update(float(i), p) for i, p in enumerate([0.1, 0.9, 0.5, 0.9, 0.9, 0.9])]

    assert states == [False] * 5 + [True]


def test_a_segment_begins_with_the_first_frame_that_counted() -> None:
    """The alarm comes at 0.5 s, the event began at 0.1 s; the peak is the first highest frame."""
    found = cut([0.1, 0.7, 0.5, 0.8, 0.5, 0.8, 0.45, 0.1])

    assert found == (Segment(0.1, 0.6, 0.3, 1, 6, 3, 0.8),)


def test_two_events_are_two_segments_and_the_second_may_reach_the_end() -> None:
    """A clip that ends in the middle of an event still reports it."""
    found = cut([0.9, 0.9, 0.9, 0.1, 0.9, 0.9, 0.9])

    assert [(s.start_index, s.end_index) for s in found] == [(0, 2), (4, 6)]


@pytest.mark.parametrize(
    "probability",
    [
        pytest.param([], id="no frame"),
        pytest.param([0.99], id="one frame"),
        pytest.param([0.9, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9], id="single high frames"),
        pytest.param([0.59] * 20, id="always just below"),
    ],
)
def test_too_few_high_frames_make_no_segment(probability: list[float]) -> None:
    """The first frame of a stream is no special case either."""
    assert cut(probability) == ()


def test_a_gap_in_the_sampling_ends_a_segment_and_vouches_for_nothing() -> None:
    """Three high frames, ten seconds of nothing, two high frames."""
    times = [0.0, 0.1, 0.2, 10.2, 10.3]

    found = cut([0.9] * 5, times)

    assert [(s.start_s, s.end_s) for s in found] == [(0.0, 0.2)]


def test_slow_sampling_is_no_gap_when_the_caller_says_so() -> None:
    """One frame every five seconds."""
    times = [0.0, 5.0, 10.0]

    assert cut([0.9] * 3, times) == ()
    assert [(s.start_s, s.end_s) for s in cut([0.9] * 3, times, max_gap_s=6.0)] == [(0.0, 10.0)]


def test_short_segments_are_dropped() -> None:
    """0.2 s and 0.4 s against a minimum of 0.3 s."""
    found = cut([0.9] * 3 + [0.1] * 5 + [0.9] * 5, min_segment_s=0.3)

    assert [(s.start_index, s.end_index) for s in found] == [(8, 12)]


def test_segments_do_not_depend_on_the_position_in_the_clip() -> None:
    """The same event after an hour of calm is the same segment, an hour later."""
    event = [0.1, 0.7, 0.8, 0.9, 0.5, 0.1]
    (early,) = cut(event, [float(i) for i in range(6)])

    (late,) = cut([0.1] * 3600 + event, [float(i) for i in range(3606)])

    assert late.start_s - early.start_s == late.end_s - early.end_s == 3600
    assert late.probability == early.probability


@pytest.mark.parametrize(
    ("times", "probability", "message"),
    [
        pytest.param([0, 1], [0.5, math.nan], "finite", id="not a number"),
        pytest.param([0, 0], [0.5, 0.5], "rise", id="twice the same time"),
        pytest.param([0], [0.5, 0.5], "1 times for 2 values", id="lengths differ"),
    ],
)
def test_a_timeline_that_cannot_be_cut_is_refused(
    times: list[float], probability: list[float], message: str
) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(ValueError, match=message):
        segments(times, probability, on=0.6, off=0.4)


@pytest.mark.parametrize(
    ("on", "off", "hold_s", "message"),
    [
        pytest.param(0.4, 0.6, 0.15, "off <= on", id="off above on"),
        pytest.param(1.4, 0.6, 0.15, "off <= on", id="on above one"),
        pytest.param(0.6, 0.4, 0.5, "0.5 s of the latest 0.45 s", id="more than the window"),
        pytest.param(0.6, 0.4, -0.1, "-0.1 s of", id="less than nothing"),
    ],
)
def test_a_hysteresis_that_makes_no_sense_is_refused(
    on: float, off: float, hold_s: float, message: str
) -> None:
    """It would be always on or never."""
    with pytest.raises(ValueError, match=message):
        Hysteresis(on, off, hold_s)
