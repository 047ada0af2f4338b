"""Tracks: whose box is whose when boxes shake, hide, cross, and when the camera turns."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from service.vision.motion import NO_STEP, CameraStep
from service.vision.rois import NO_TRACK, Rois, detected_rois
from service.vision.tracks import Tracker, is_own_car, turned

ASPECT = 0.5625  # a 16:9 picture
FRAME = np.array([0.0, 0.0, 1.0, ASPECT])
STILL = CameraStep(is_known=True, is_cut=False)


def seen(
    boxes: Sequence[Sequence[float]],
    names: Sequence[str] | None = None,
    confidence: Sequence[float] | None = None,
) -> Rois:
    """ROIs from boxes in 0..1; sure cars unless said otherwise."""
    return detected_rois(boxes, names or ["car"] * len(boxes), confidence or [0.8] * len(boxes))


def test_a_steady_car_keeps_its_number_and_another_gets_its_own() -> None:
    """Numbers start at 1; what is not joined has none."""
    tracker = Tracker()
    for step in range(5):
        x = 0.1 + 0.02 * step
        rois = tracker.update(
            0.1 * step, seen([[x, 0.4, x + 0.2, 0.6], [0.7, 0.5, 0.8, 0.6]]), STILL, ASPECT
        )

    tracks = tracker.of(rois)
    assert rois.track_id.tolist() == [1, 2]
    assert tracks[1].times_s.tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert tracks[1].seen[0].tolist() == pytest.approx([0.1, 0.4 * ASPECT, 0.3, 0.6 * ASPECT])


def test_a_hidden_car_comes_back_where_its_velocity_leads() -> None:
    """Gone for 0.3 s while it moves by more than its width: overlap with its last place is nil."""
    tracker = Tracker()
    for step in range(6):
        x = 0.1 + 0.05 * step
        tracker.update(0.1 * step, seen([[x, 0.4, x + 0.12, 0.6]]), STILL, ASPECT)
    for step in (6, 7, 8):
        tracker.update(0.1 * step, seen([]), STILL, ASPECT)

    rois = tracker.update(0.9, seen([[0.55, 0.4, 0.67, 0.6]]), STILL, ASPECT)

    assert rois.track_id.tolist() == [1]


def test_a_car_that_stays_away_is_forgotten() -> None:
    """After 0.6 s it is somebody else."""
    tracker = Tracker()
    box = [[0.4, 0.4, 0.6, 0.6]]
    tracker.update(0.0, seen(box), STILL, ASPECT)
    for step in range(1, 8):
        tracker.update(0.1 * step, seen([]), STILL, ASPECT)

    rois = tracker.update(0.8, seen(box), STILL, ASPECT)

    assert rois.track_id.tolist() == [2]


def test_an_unsure_box_goes_on_with_a_track_but_starts_none() -> None:
    """A detector that doubts for a frame does not end a track; noise starts none."""
    tracker = Tracker()
    tracker.update(0.0, seen([[0.4, 0.4, 0.6, 0.6]]), STILL, ASPECT)

    rois = tracker.update(
        0.1,
        seen([[0.4, 0.4, 0.6, 0.6], [0.1, 0.1, 0.2, 0.2]], confidence=[0.2, 0.2]),
        STILL,
        ASPECT,
    )

    assert rois.track_id.tolist() == [1, NO_TRACK]


def test_a_person_is_never_joined_to_a_car_but_a_truck_may_be() -> None:
    """Detectors confuse cars and trucks, not cars and persons."""
    box = [[0.4, 0.4, 0.6, 0.6]]
    for name, expected in (("truck", 1), ("person", 2)):
        tracker = Tracker()
        tracker.update(0.0, seen(box), STILL, ASPECT)
        rois = tracker.update(0.1, seen(box, [name]), STILL, ASPECT)
        assert rois.track_id.tolist() == [expected]


def test_the_turn_of_the_camera_is_taken_out() -> None:
    """All move right by 0.2 widths because the camera turned left: nobody changes hands."""
    tracker = Tracker()
    boxes = np.array([[0.1, 0.4, 0.2, 0.5], [0.3, 0.4, 0.4, 0.5]])
    moved = np.array([[0.3, 0.4, 0.4, 0.5], [0.5, 0.4, 0.6, 0.5]])
    tracker.update(0.0, seen(boxes.tolist()), STILL, ASPECT)
    turn = CameraStep(is_known=True, is_cut=False, shift=(0.2, 0.0))

    rois = tracker.update(0.1, seen(moved.tolist()), turn, ASPECT)

    tracks = tracker.of(rois)
    assert rois.track_id.tolist() == [1, 2]
    assert tracks[1].steady[0] == pytest.approx(tracks[1].steady[1])  # it stood still


def test_a_roll_turns_about_the_middle_of_the_picture() -> None:
    """A quarter turn clockwise takes what is right of the middle to below it."""
    box = np.array([[0.7, 0.27, 0.72, 0.29]])  # centre 0.21 right of (0.5, 0.28)
    middle_y = 0.28

    quarter = CameraStep(is_known=True, is_cut=False, roll=np.pi / 2)
    after = turned(box, quarter, aspect=2 * middle_y)

    assert (after[0, :2] + after[0, 2:]) / 2 == pytest.approx([0.5, middle_y + 0.21])


@pytest.mark.parametrize(
    ("box", "is_bonnet"),
    [
        pytest.param([0.1, 0.75, 0.9, 1.0], True, id="bonnet"),
        pytest.param([0.0, 0.47, 0.84, 0.93], True, id="high-bonnet"),
        pytest.param([0.2, 0.2, 0.8, 1.0], False, id="bus-close-in-front"),
        pytest.param([0.2, 0.4, 0.8, 0.92], False, id="car-across-our-way"),
        pytest.param([0.1, 0.5, 0.9, 0.85], False, id="above-the-edge"),
        pytest.param([0.4, 0.6, 0.6, 1.0], False, id="narrow"),
    ],
)
def test_a_flat_vehicle_on_the_lower_edge_is_the_own_bonnet(
    box: list[float], is_bonnet: bool
) -> None:
    """Its top lies below the camera; the roof of whatever is close in front lies above."""
    assert is_own_car(seen([box]), FRAME, ASPECT).tolist() == [is_bonnet]


def test_a_car_ahead_in_an_upright_picture_is_no_bonnet() -> None:
    """0.8 widths are 1.2 times its height there."""
    upright = np.array([0.0, 0.0, 1.0, 16 / 9])

    assert not is_own_car(seen([[0.1, 0.55, 0.9, 0.93]]), upright, 16 / 9)[0]


def test_a_bonnet_stands_on_the_lower_edge_of_the_picture_not_of_its_bars() -> None:
    """With bars of an eighth above and below the picture ends at 0.875."""
    rois, bars = seen([[0.1, 0.6, 0.9, 0.87]]), np.array([1, ASPECT, 1, ASPECT])

    assert is_own_car(rois, bars * [0.0, 0.125, 1.0, 0.875], ASPECT).tolist() == [True]
    assert is_own_car(rois, FRAME, ASPECT).tolist() == [False]


def test_what_a_tracker_remembers_can_be_written_down() -> None:
    """Restored from JSON it goes on as if nothing had been."""
    tracker, other = Tracker(), Tracker()
    for step in range(4):
        rois = seen([[0.1 + 0.02 * step, 0.4, 0.3 + 0.02 * step, 0.6]])
        tracker.update(0.1 * step, rois, STILL if step else NO_STEP, ASPECT)
    other.restore(json.loads(json.dumps(tracker.state())))
    last = seen([[0.18, 0.4, 0.38, 0.6]])

    first, second = (t.update(0.4, last, STILL, ASPECT) for t in (tracker, other))

    tracks, restored = tracker.of(first), other.of(second)
    assert first.track_id.tolist() == second.track_id.tolist() == [1]
    assert tracks[1].steady.tolist() == restored[1].steady.tolist()
    assert tracks[1].groups == restored[1].groups


def test_what_was_told_of_a_frame_does_not_change_with_the_next() -> None:
    """Frames are followed in batches before they are scored; tracks must not run ahead."""
    tracker = Tracker()
    rois = tracker.update(0.0, seen([[0.1, 0.4, 0.3, 0.6]]), STILL, ASPECT)
    first = tracker.of(rois)[1]
    tracker.update(0.1, seen([[0.12, 0.4, 0.32, 0.6]], ["truck"]), STILL, ASPECT)

    assert first.times_s.tolist() == [0.0]
    assert first.steady.tolist() == first.seen.tolist()
    assert len(first.steady) == 1
    assert len(first.groups) == 1
