"""What the encoder is told of a pair's motion, worked out by hand."""

import numpy as np
import pytest

from service.bundle.encoder import MOTION_WIDTH
from service.vision.kinematics import Kinematics
from service.vision.pair_motion import motion_inputs
from service.vision.rois import NO_OBJECT, Rois, detected_rois, with_pseudo_rois
from service.vision.tracks import Track

TIMES = np.arange(-10, 1) / 10


def moving(velocity: tuple[float, float], growth: float = 0.0, surprise: float = 0.0) -> Kinematics:
    """A participant of size 0.1 that a perfect detector follows."""
    return Kinematics(
        size=0.1,
        old_velocity=np.array([0.0, 0.0]),
        velocity=np.array(velocity),
        velocity_noise=0.0,
        surprise=surprise,
        surprise_noise=0.0,
        aspect_change=0.0,
        aspect_noise=0.0,
        growth=growth,
        growth_noise=0.0,
        new_s=0.36,
        old_s=0.8,
    )


def track(track_id: int, left: float, speed: float = 0.0) -> Track:
    """A square of a tenth that stands, or moves right by ``speed`` widths a second."""
    x = left + speed * TIMES
    boxes = np.column_stack([x, np.full(11, 0.3), x + 0.1, np.full(11, 0.4)])
    return Track(track_id, TIMES, boxes, boxes, {2: 1.0})


def two_cars() -> Rois:
    """With track ids 1 and 2, and the pseudo ROIs behind them."""
    boxes = np.array([[0.1, 0.3, 0.2, 0.4], [0.4, 0.3, 0.5, 0.4]], np.float32)
    rois = with_pseudo_rois(detected_rois(boxes, ["car", "car"], [0.9, 0.9]))
    rois.track_id[:2] = 1, 2
    return rois


def test_a_car_that_drives_at_a_standing_one() -> None:
    """One own size a second fills half; three sizes apart, the time to contact is three seconds."""
    tracks = {1: track(1, 0.1, speed=0.1), 2: track(2, 0.4)}
    kinematics = {1: moving((1.0, 0.0), growth=1.0, surprise=0.35), 2: moving((0.0, 0.0))}

    rows = motion_inputs(two_cars(), np.array([[0, 1], [1, 0]]), tracks, kinematics, None)

    assert rows.shape == (2, MOTION_WIDTH)
    subject = [1, 0.5, 0, 0, 0, 0.5, 0.5, 0]
    standing = [1, 0, 0, 0, 0, 0, 0, 0]
    # The other one falls back by a size a second (-1/2); 1/3 per second is a quarter.
    between = [-0.5, 0, 0.5, 0.25, 0]
    assert rows[0].tolist() == pytest.approx([*subject, *standing, *between, 0, 0, 0, 1])
    seen_back = [0.5, 0, 0.5, 0.25, 0]
    assert rows[1].tolist() == pytest.approx([*standing, *subject, *seen_back, 0, 0, 0, 1])


def test_what_is_not_known_is_zero_but_that_somebody_watches() -> None:
    """No object, a young track, a fixed camera; the own car's cues when there are any."""
    pairs = np.array([[0, NO_OBJECT], [1, 0]])
    tracks = {1: track(1, 0.1), 2: track(2, 0.4)}

    nothing = motion_inputs(two_cars(), pairs, tracks, {}, None)
    alone = motion_inputs(two_cars(), pairs, tracks, {1: moving((0.0, 3.0))}, (0.25, 0.5))

    assert not nothing[:, :-1].any()
    assert nothing[:, -1].tolist() == [1, 1]
    assert alone[0, :3].tolist() == [1, 0, 0.75]
    assert alone[1, 8:11].tolist() == [1, 0, 0.75]
    assert not alone[0, 8:21].any()
    assert alone[:, -4:].tolist() == [[1, 0.25, 0.5, 1]] * 2


def test_noise_takes_from_what_it_could_have_made() -> None:
    """Three standard deviations of 4/3 make a scale of 4.12 out of 1."""
    shaky = Kinematics(
        **{**{n: getattr(moving((1.0, 0.0)), n) for n in Kinematics.__slots__},
           "velocity_noise": 4 / 3}
    )  # fmt: skip

    rows = motion_inputs(two_cars(), np.array([[0, NO_OBJECT]]), {}, {1: shaky}, None)

    assert rows[0, 1] == pytest.approx(1 / (1 + 17**0.5))


def test_a_rising_overlap_is_told() -> None:
    """Boxes that overlapped by nothing and now by a third: 1/3 over 1/3 + 0.2."""
    first = track(1, 0.1)
    second = track(2, 0.4)
    second.steady[-1] = [0.15, 0.3, 0.25, 0.4]
    still = {1: moving((0.0, 0.0)), 2: moving((0.0, 0.0))}

    rows = motion_inputs(two_cars(), np.array([[0, 1]]), {1: first, 2: second}, still, None)

    assert rows[0, 20] == pytest.approx((1 / 3) / (1 / 3 + 0.2))
