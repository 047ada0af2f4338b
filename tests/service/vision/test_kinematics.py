"""How a track moves, on tracks whose numbers can be worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from service.vision.kinematics import JITTER, kinematics
from service.vision.tracks import Track

PICTURE = np.array([0.0, 0.0, 1.0, 0.5625])
SIZE = 0.1  # a square of a tenth of the picture's width


def track(centre_of: Callable[[float], tuple[float, float]], seconds: float = 1.1) -> Track:
    """A square whose centre follows a function of the time, ten times a second."""
    times = np.round(np.arange(0, seconds + 0.05, 0.1), 3)
    centre = np.array([centre_of(float(t)) for t in times])
    boxes = np.hstack([centre - SIZE / 2, centre + SIZE / 2])
    return Track(1, times, boxes, boxes.copy(), {3: 1.0})


def test_what_goes_on_as_before_surprises_nobody() -> None:
    """0.2 widths a second are 2 own sizes a second, before and now."""
    found = kinematics(track(lambda t: (0.3 + 0.2 * t, 0.3)), 0.1, PICTURE)

    assert found is not None
    assert found.size == pytest.approx(SIZE)
    assert found.velocity == pytest.approx([2, 0])
    assert found.old_velocity == pytest.approx([2, 0])
    assert found.surprise == pytest.approx(0, abs=1e-9)
    assert found.growth == pytest.approx(0, abs=1e-9)


def test_a_sudden_stop_is_a_lost_velocity_and_a_way_not_gone() -> None:
    """It stops 0.35 s ago: the newest four moments stand, the older eight moved.

    The mean of the four lies at 0.95 s, where 0.2 (0.95 - 0.75) widths are missing: 0.4 sizes.
    """
    found = kinematics(track(lambda t: (0.3 + 0.2 * min(t, 0.75), 0.3)), 0.1, PICTURE)

    assert found is not None
    assert found.velocity == pytest.approx([0, 0], abs=1e-9)
    assert found.old_velocity == pytest.approx([2, 0])
    assert found.surprise == pytest.approx(0.4)


def test_noise_is_what_jitter_alone_would_give() -> None:
    """Slopes of n moments 0.1 s apart: variance J^2 / sum t^2, over four and over eight moments."""
    found = kinematics(track(lambda t: (0.3, 0.3)), 0.1, PICTURE)

    def sum_of_squares(n: int) -> float:
        return sum((0.1 * (i - (n - 1) / 2)) ** 2 for i in range(n))

    assert found is not None
    expected = JITTER * np.sqrt(1 / sum_of_squares(4) + 1 / sum_of_squares(8))
    assert found.velocity_noise == pytest.approx(expected)


def test_what_comes_straight_at_us_does_not_change_its_way() -> None:
    """A passing car moves as 1 / distance in the picture; that widens the noise, not the claim."""
    times = np.round(np.arange(0, 1.15, 0.1), 3)
    distance = 20 - 12 * times  # metres; 12 m/s, 3 m beside us, 1.5 m high
    centre_x, height = 0.5 + 0.8 * 3 / distance, 0.8 * 1.5 / distance
    centre_y = 0.28 + height / 2
    boxes = np.column_stack(
        [centre_x - height / 2, centre_y - height / 2, centre_x + height / 2, centre_y + height / 2]
    )
    found = kinematics(Track(1, times, boxes, boxes.copy(), {3: 1.0}), 0.1, PICTURE)

    assert found is not None
    assert found.growth == pytest.approx(12 / (20 - 12 * 0.95), rel=0.05)  # 1 / time to contact
    change = float(np.hypot(*(found.velocity - found.old_velocity)))
    assert change > 1.0  # twice the scale of an odd change of speed,
    assert 3 * found.velocity_noise > 0.6 * change  # but what the approach alone would give


def test_a_track_is_not_measured_while_it_is_young_or_cut_off() -> None:
    """Six moments are too few; a box at the border has no centre."""
    assert kinematics(track(lambda t: (0.3, 0.3), seconds=0.5), 0.1, PICTURE) is None
    assert kinematics(track(lambda t: (0.05, 0.3)), 0.1, PICTURE) is None


def test_moments_that_the_border_cuts_off_are_no_past() -> None:
    """It has come in from the left, and is as wide as it is high once it is wholly there.

    The box is cut off up to 0.3 s. Of the older part three whole moments are left, 0.4 to 0.6 s:
    they move at 2 sizes a second, and nothing has changed.
    """
    times = np.round(np.arange(0, 1.05, 0.1), 3)
    centre_x = 0.2 * times - 0.01
    left = (centre_x - SIZE / 2).clip(min=0.0)
    boxes = np.column_stack([left, np.full(11, 0.25), centre_x + SIZE / 2, np.full(11, 0.35)])

    early = kinematics(Track(1, times[:10], boxes[:10], boxes[:10].copy(), {}), 0.1, PICTURE)
    found = kinematics(Track(1, times, boxes, boxes.copy(), {}), 0.1, PICTURE)

    assert early is None
    assert found is not None
    assert found.old_velocity == pytest.approx([2, 0])
    assert found.aspect_change == pytest.approx(0, abs=1e-9)


def test_a_black_bar_cuts_off_as_the_border_does() -> None:
    """A box that ends at the bar is not whole."""
    beside = track(lambda t: (0.181, 0.3))  # its left side at 0.131
    bars = np.array([0.125, 0.0, 0.875, 0.5625])

    assert kinematics(beside, 0.1, PICTURE) is not None
    assert kinematics(beside, 0.1, bars) is None


def test_windows_widen_with_the_sampling() -> None:
    """At two frames a second the newest three moments make the newer line."""
    times = np.arange(0, 4.5, 0.5)
    centre = np.column_stack([0.2 + 0.1 * times, np.full(len(times), 0.3)])
    boxes = np.hstack([centre - SIZE / 2, centre + SIZE / 2])

    found = kinematics(Track(1, times, boxes, boxes.copy(), {3: 1.0}), 0.5, PICTURE)

    assert found is not None
    assert found.velocity == pytest.approx([1, 0])
