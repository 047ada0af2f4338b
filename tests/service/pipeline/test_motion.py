"""What a clip remembers of motion, from frames to cues, and that it can be written down."""

import json

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.pipeline.motion import FrameMotion, MotionMemory
from service.vision.rois import Rois, detected_rois, form_pairs, with_pseudo_rois


def world(seed: int = 0) -> NDArray[np.uint8]:
    """A street of blobs, larger than a frame."""
    noise = np.random.default_rng(seed).integers(0, 255, (40, 80, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(noise, (800, 400), interpolation=cv2.INTER_CUBIC), np.uint8)


def frame(x: int = 100, y: int = 100, seed: int = 0) -> NDArray[np.uint8]:
    """What a camera at (x, y) sees: 320 x 180."""
    return np.ascontiguousarray(world(seed)[y : y + 180, x : x + 320])


def car(x: float = 0.4) -> Rois:
    """One car of a tenth of the picture."""
    return detected_rois([[x, 0.4, x + 0.1, 0.55]], ["car"], [0.8])


def barred(x: int) -> NDArray[np.uint8]:
    """The same with black bars left and right."""
    picture = frame(x=x)
    picture[:, :40], picture[:, -40:] = 0, 0
    return picture


def ego_jerk(memory: MotionMemory, picture: NDArray[np.uint8], time_s: float) -> float:
    motion = memory.update(picture, time_s, car())
    return np.nan if motion.ego is None else motion.ego.jerk


def test_a_knock_of_the_own_car_speaks_and_a_steady_turn_does_not() -> None:
    """Thirty steady steps, then one of 24 pixels: 0.7 widths a second more than before."""
    memory = MotionMemory()
    steady = [ego_jerk(memory, frame(x=100 + 2 * i), 0.1 * i) for i in range(30)]

    knock = ego_jerk(memory, frame(x=100 + 2 * 29 + 26), 3.0)

    assert max(steady[1:]) < 0.02  # before it moved nothing is known
    assert knock == pytest.approx(0.7**2 / (0.7**2 + 0.15**2), abs=0.1)


def test_a_bump_counts_half_of_what_a_knock_to_the_side_does() -> None:
    """The same 24 pixels downwards: 0.75 widths a second, taken for 0.375."""
    memory = MotionMemory()
    for i in range(30):
        ego_jerk(memory, frame(x=100 + 2 * i), 0.1 * i)

    bump = ego_jerk(memory, frame(x=100 + 2 * 30, y=124), 3.0)

    assert bump == pytest.approx(0.375**2 / (0.375**2 + 0.15**2), abs=0.02)


def test_a_camera_on_a_mast_has_no_own_car() -> None:
    """Nothing is known of an own car before the camera moves, and five seconds after it did."""
    memory = MotionMemory()
    places = [100] * 10 + [100 + 3 * i for i in range(10)] + [127] * 60
    known = [
        memory.update(frame(x=x), 0.1 * i, car()).ego is not None for i, x in enumerate(places)
    ]

    assert not any(known[:10])
    assert all(known[11:60])
    assert not known[79]


def test_a_camera_stands_once_it_has_been_watched_for_five_seconds() -> None:
    """Each step counts, until it moves."""
    memory = MotionMemory()

    known = [
        memory.update(frame(x=x), 0.1 * i, car()).stands
        for i, x in enumerate([100] * 55 + [103, 106])
    ]

    assert not any(known[:49])
    assert all(known[51:55])
    assert not any(known[55:])


def test_a_cut_ends_all_tracks() -> None:
    """The car after the cut is another one."""
    memory = MotionMemory()
    before = [memory.update(frame(x=100 + i), 0.1 * i, car()).rois.track_id[0] for i in range(3)]

    after = memory.update(255 - frame(seed=5), 0.3, car())

    assert before == [1, 1, 1]
    assert after.is_cut
    assert after.rois.track_id.tolist() == [2]


def driven(shown: list[int], step_s: float = 0.1) -> list[FrameMotion]:
    """A car and a camera that move on with the numbers; a number twice is a picture repeated."""
    memory = MotionMemory()
    return [
        memory.update(frame(x=100 + x), step_s * i, car(0.3 + 0.01 * x))
        for i, x in enumerate(shown)
    ]


def test_a_picture_repeated_once_stops_no_car() -> None:
    """A recorder dropped a frame: the picture after it has come two steps further."""
    motions = driven([*range(12), 11, *range(13, 20)])

    assert [len(m.moving) for m in motions[11:14]] == [1, 1, 1]
    assert motions[12].moving[1].velocity == pytest.approx(motions[11].moving[1].velocity)
    assert {int(m.rois.track_id[0]) for m in motions} == {1}
    assert all(m.moving[1].surprise < 0.02 for m in motions[13:])


def test_film_of_few_pictures_in_a_file_of_many_is_followed_as_what_it_is() -> None:
    """Each picture three times: known of every frame once the car is old enough, one car all way.

    A picture every 0.3 s: at 2.6 steps and five before, eight of them are needed.
    """
    thrice = driven([3 * (i // 3) for i in range(45)])
    once = driven([3 * i for i in range(15)], step_s=0.3)

    assert all(len(motion.moving) == 1 for motion in thrice[21:])
    assert {int(motion.rois.track_id[0]) for motion in thrice} == {1}
    for frame_of_many, picture in zip(thrice[21::3], once[7:], strict=True):
        assert frame_of_many.moving[1].velocity == pytest.approx(picture.moving[1].velocity)


@pytest.mark.parametrize("step_s", [0.1, 0.5, 1.0])
def test_motion_is_known_however_sparsely_frames_come(step_s: float) -> None:
    """Windows and memory count steps where these are long."""
    motions = driven(list(range(20)), step_s)

    assert all(len(motion.moving) == 1 for motion in motions[11:])


def test_a_car_that_drives_into_the_dark_does_not_stand() -> None:
    """Two seconds of dusk, six of night: what could not be seen is no standing."""
    memory = MotionMemory()
    light = [1.0] * 20 + [0.75**i for i in range(20)] + [0.0] * 60

    known = [
        memory.update((frame(x=100 + 2 * i) * share).astype(np.uint8), 0.1 * i, car())
        for i, share in enumerate(light)
    ]

    assert not any(motion.stands for motion in known)
    assert known[-1].ego is not None


def test_a_rider_of_a_repeated_picture_is_on_his_machine_too() -> None:
    """Otherwise the two would be a pair for a moment at each repeat."""
    boxes = [[0.40, 0.50, 0.60, 0.70], [0.45, 0.35, 0.55, 0.65]]
    both = detected_rois(boxes, ["motorcycle", "person"], [0.9, 0.8])
    memory = MotionMemory()

    shown = [memory.update(frame(x=x), 0.1 * i, both) for i, x in enumerate([100, 101, 101, 102])]

    assert [motion.rois.class_name for motion in shown] == [("motorcycle",)] * 4


@pytest.mark.parametrize("step_s", [0.1, 1.0])
def test_after_a_freeze_tracks_begin_anew(step_s: float) -> None:
    """Nobody knows how long it was on the road, so the speed before says nothing."""
    once = driven([*range(8), 7, *range(9, 12)], step_s)
    twice = driven([*range(8), 7, 7, *range(9, 12)], step_s)

    assert once[-1].rois.track_id.tolist() == [1]
    assert twice[-1].rois.track_id.tolist() == [2]


def test_a_stream_may_change_its_format() -> None:
    """From 16:9 to 4:3: another scene, and it goes on."""
    memory = MotionMemory()
    for i in range(3):
        memory.update(frame(x=100 + i), 0.1 * i, car())

    upright = np.ascontiguousarray(world()[:240, :320])
    assert len(memory.update(upright, 0.3, car()).rois) == 1


def test_a_car_that_drives_behind_a_black_bar_leaves_the_picture() -> None:
    """Its box grows narrow there; without the bar that would be a car that turns over."""

    def last(bars: bool) -> FrameMotion:
        memory = MotionMemory()
        for i in range(14):
            box = [max(0.125, 0.2 - 0.012 * i), 0.4, 0.3 - 0.012 * i, 0.55]
            rois = detected_rois([box], ["car"], [0.9])
            motion = memory.update(barred(100 + i) if bars else frame(x=100 + i), 0.1 * i, rois)
        return motion

    assert last(bars=True).moving == {}
    assert last(bars=False).moving[1].aspect_change > 0.2


def test_the_own_bonnet_is_no_traffic() -> None:
    """It is left out of the participants."""
    both = detected_rois([[0.1, 0.75, 0.9, 1.0], [0.4, 0.4, 0.5, 0.55]], ["car"] * 2, [0.9, 0.8])

    assert len(MotionMemory().update(frame(), 0.0, both).rois) == 1


def test_a_frame_is_judged_without_those_that_follow_it() -> None:
    """Cues asked for after a batch has been followed are those asked for frame by frame."""
    memory, moves, at_once = MotionMemory(), [], []
    for i in range(16):
        left, right = 0.1 + 0.02 * i, 0.7 - 0.02 * i
        boxes = [[left, 0.4, left + 0.1, 0.55], [right, 0.4, right + 0.1, 0.55]]
        move = memory.update(
            frame(x=100 + 2 * i), 0.1 * i, detected_rois(boxes, ["car"] * 2, [0.8] * 2)
        )
        moves.append(move)
        at_once.append(move.cues(move.rois, form_pairs(move.rois)))

    later = [move.cues(move.rois, form_pairs(move.rois)) for move in moves]

    assert np.nanmax(at_once[-1]) > 0.2  # they do approach
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(at_once, later, strict=True))


def test_what_it_remembers_can_be_written_down() -> None:
    """From JSON it goes on to the same cues, to the last bit."""
    memory, other = MotionMemory(), MotionMemory()
    for i in range(15):
        memory.update(barred(100 + 2 * i), 0.1 * i, car(0.3 + 0.01 * i))
    memory.update(barred(128), 1.5, car(0.44))  # repeated
    other.restore(json.loads(json.dumps(memory.state())))
    assert other.state() == memory.state()

    cues = []
    for one in (memory, other):
        motion = one.update(barred(131), 1.6, car(0.52))
        rois = with_pseudo_rois(motion.rois)
        cues.append(motion.cues(rois, form_pairs(rois)))

    assert np.isfinite(cues[0]).any()
    assert np.array_equal(cues[0], cues[1], equal_nan=True)
