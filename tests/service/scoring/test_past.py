"""A frame against what its own clip has said before."""

import json

import numpy as np
import pytest

from service.scoring.past import LAG_S, WINDOW_S, OwnPast, against_past


def test_half_of_the_median_of_the_past_is_taken_off() -> None:
    """Ten frames a second: the frame at 2 s sees those up to 1 s, whose median is 3."""
    past = OwnPast(0.5)
    levels = [1.0, 3.0, 5.0, *[3.0] * 8, *[9.0] * 9]
    for i, level in enumerate(levels):
        past.update(i / 10, level)

    assert past.update(2.0, 9.0) == pytest.approx(1.5)


def test_the_first_frames_stand_for_their_own_past() -> None:
    """Constant footage scores the same in its first frame as later: there is no clock in it."""
    times = np.arange(60) / 10

    scores = against_past(times, [4.0] * 60, [4.0] * 60, 0.6)

    assert scores == pytest.approx(np.full(60, 1.6))


def test_what_has_just_begun_is_no_past_yet() -> None:
    """A step is seen whole for the lag, and half of it later, when it is the past."""
    times = np.arange(400) / 10
    levels = [0.0] * 100 + [10.0] * 300

    scores = against_past(times, levels, levels, 0.5)

    assert scores[100] == scores[100 + int(LAG_S * 10) - 1] == 10.0
    assert scores[100 + int((LAG_S + WINDOW_S) * 10) + 1] == pytest.approx(5.0)


def test_it_goes_on_where_its_state_was_taken() -> None:
    rng = np.random.default_rng(0)
    whole, first, second = OwnPast(0.6), OwnPast(0.6), OwnPast(0.6)
    levels = rng.normal(size=80).tolist()
    expected = [whole.update(i / 10, level) for i, level in enumerate(levels)]

    for i, level in enumerate(levels[:40]):
        first.update(i / 10, level)
    second.restore(json.loads(json.dumps(first.state())))
    found = [second.update(i / 10, level) for i, level in enumerate(levels) if i >= 40]

    assert found == expected[40:]
