"""Riders: one participant with their machine, another as soon as they are apart."""

from collections.abc import Sequence

import pytest

from service.vision.motion import CameraStep
from service.vision.riders import on_machines, without_riders
from service.vision.rois import Rois, detected_rois
from service.vision.tracks import Tracker

STILL = CameraStep(is_known=True, is_cut=False)
ASPECT = 1.0
MACHINE = (0.40, 0.50, 0.60, 0.70)
RIDER = (0.45, 0.35, 0.55, 0.65)  # covered by half


def seen(**boxes: Sequence[float]) -> Rois:
    """Sure ROIs by name."""
    return detected_rois([*boxes.values()], [*boxes], [0.8] * len(boxes))


@pytest.mark.parametrize("machine", ["motorcycle", "bicycle"])
def test_a_rider_belongs_to_the_machine(machine: str) -> None:
    rois = seen(**{machine: MACHINE, "person": RIDER, "car": (0.1, 0.4, 0.9, 0.8)})

    assert on_machines(rois).tolist() == [False, True, False]
    assert without_riders(rois).class_name == (machine, "car")


@pytest.mark.parametrize(
    ("why", "person"),
    [
        ("beside it", (0.62, 0.35, 0.72, 0.65)),
        ("in front of it: the feet are lower", (0.45, 0.45, 0.55, 0.85)),
        ("far behind it: only the feet touch its box", (0.47, 0.22, 0.53, 0.53)),
        ("on the ground beside it", (0.45, 0.62, 0.60, 0.70)),
    ],
)
def test_who_does_not_sit_on_it_is_another(why: str, person: tuple[float, ...]) -> None:
    assert on_machines(seen(motorcycle=MACHINE, person=person)).tolist() == [False, False], why


def test_nobody_rides_a_car_and_nothing_is_nobody() -> None:
    assert not on_machines(seen(car=MACHINE, person=RIDER)).any()
    assert len(without_riders(detected_rois([], [], []))) == 0


def moved(box: tuple[float, ...], right: float) -> list[float]:
    return [box[0] + right, box[1], box[2] + right, box[3]]


def test_a_rider_who_is_thrown_off_becomes_a_participant() -> None:
    """One second on the machine, then it stays behind while he goes on."""
    tracker = Tracker()
    shown = []
    for step in range(20):
        apart = max(0.0, 0.04 * (step - 10))
        rois = tracker.update(
            0.1 * step, seen(motorcycle=MACHINE, person=moved(RIDER, apart)), STILL, ASPECT
        )
        shown.append("person" in rois.class_name)
        tracks = tracker.of(rois)
        assert set(tracks) == set(rois.track_id.tolist())

    assert not any(shown[:12])
    assert all(shown[14:])  # 0.16 of the picture to the right, his middle outside the machine
    assert len(tracks[2].times_s) == 20  # with all that he did before


def test_a_pedestrian_whom_a_motorcycle_strikes_stays_a_participant() -> None:
    """He walks for a second before it reaches him: he has been somebody, and is."""
    tracker = Tracker()
    for step in range(14):
        machine = moved(MACHINE, max(0.0, 0.5 - 0.05 * step))
        rois = tracker.update(0.1 * step, seen(motorcycle=machine, person=RIDER), STILL, ASPECT)
        assert "person" in rois.class_name, step

    assert on_machines(seen(motorcycle=machine, person=RIDER)).tolist() == [False, True]


def test_a_rider_stays_one_after_a_restart() -> None:
    tracker, again = Tracker(), Tracker()
    rois = seen(motorcycle=MACHINE, person=RIDER)
    for step in range(4):
        tracker.update(0.1 * step, rois, STILL, ASPECT)

    again.restore(tracker.state())

    for one in (tracker, again):
        known = one.update(0.4, rois, STILL, ASPECT)
        assert known.class_name == ("motorcycle",)
    assert again.state() == tracker.state()
