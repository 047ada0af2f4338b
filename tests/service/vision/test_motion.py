"""The camera's own motion on pictures whose motion is known."""

import json

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.vision.motion import GREY_WIDTH, CameraMotion, grey_of

SHAPE = (180, GREY_WIDTH)
NOTHING = np.zeros((0, 4))


def texture(seed: int, height: int = 260, width: int = 420) -> NDArray[np.uint8]:
    """Blobs that can be followed."""
    noise = np.random.default_rng(seed).integers(0, 255, (height // 10, width // 10))
    large = cv2.resize(noise.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8)


def view(world: NDArray[np.uint8], x: int = 40, y: int = 40) -> NDArray[np.uint8]:
    """What the camera sees when its corner stands at (x, y)."""
    return np.ascontiguousarray(world[y : y + SHAPE[0], x : x + SHAPE[1]])


def test_a_shift_is_measured_in_widths_of_the_picture() -> None:
    """The camera turns right by 8 of 320 pixels, so the scene moves left by 1/40."""
    camera, world = CameraMotion(), texture(1)
    first = camera.update(view(world), 0.0, NOTHING)

    step = camera.update(view(world, x=48), 0.1, NOTHING)

    assert not first.is_known
    assert step.is_known
    assert step.shift == pytest.approx((-8 / 320, 0.0), abs=3e-4)
    assert step.roll == pytest.approx(0, abs=2e-3)
    assert step.expansion == pytest.approx(0, abs=2e-3)


def test_roll_and_expansion_are_told_apart() -> None:
    """The scene turns clockwise by 2 degrees and grows by 3 %."""
    camera, world = CameraMotion(), texture(2)
    camera.update(view(world), 0.0, NOTHING)
    middle = (40 + SHAPE[1] / 2, 40 + SHAPE[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, -2.0, 1.03)  # OpenCV turns the other way round
    turned = np.asarray(cv2.warpAffine(world, matrix, world.shape[::-1]), np.uint8)

    step = camera.update(view(turned), 0.1, NOTHING)

    assert step.roll == pytest.approx(np.radians(2), abs=2e-3)
    assert step.expansion == pytest.approx(0.03, abs=3e-3)


def test_a_large_vehicle_that_moves_does_not_carry_the_camera_along() -> None:
    """Half of the picture moves right; it is masked, so the camera stands."""
    camera, world, truck = CameraMotion(), texture(3), texture(4)
    before, after = view(world).copy(), view(world).copy()
    before[20:160, 20:180], after[20:160, 30:190] = truck[:140, :160], truck[:140, :160]
    camera.update(before, 0.0, np.array([[20 / 320, 20 / 180, 180 / 320, 160 / 180]]))

    step = camera.update(after, 0.1, NOTHING)

    assert step.shift == pytest.approx((0, 0), abs=1e-3)


def test_a_bonnet_that_stands_while_the_rest_moves_is_left_out() -> None:
    """A textured lower third stays in place; without the mask it would outvote the scene."""
    camera, world, bonnet = CameraMotion(), texture(5, width=900), texture(6)
    for i in range(12):
        picture = view(world, x=40 + 6 * i).copy()
        picture[100:] = bonnet[:80, :320]
        step = camera.update(picture, 0.1 * i, NOTHING)

    assert step.shift[0] == pytest.approx(-6 / 320, abs=1e-3)


def test_another_scene_is_a_cut_and_a_pan_is_none() -> None:
    """After a cut nothing before counts."""
    camera = CameraMotion()
    camera.update(view(texture(7)), 0.0, NOTHING)

    pan = camera.update(view(texture(7), x=60), 0.1, NOTHING)
    cut = camera.update(255 - view(texture(8)), 0.2, NOTHING)

    assert (pan.is_cut, cut.is_cut, cut.is_known) == (False, True, False)


@pytest.mark.parametrize("gain", [0.5, 1.6])
def test_a_jump_of_the_exposure_is_no_cut(gain: float) -> None:
    """Into a tunnel, or out of it: nothing can be followed, but the scene is the same."""
    camera, world = CameraMotion(), 20 + texture(7) // 2
    camera.update(view(world), 0.0, NOTHING)

    brighter = camera.update((view(world) * gain).astype(np.uint8), 0.1, NOTHING)

    assert not brighter.is_cut


def test_a_picture_without_a_corner_is_not_known() -> None:
    """Fog and night: no claim about the camera."""
    camera, grey = CameraMotion(), np.full(SHAPE, 90, np.uint8)
    camera.update(grey, 0.0, NOTHING)

    assert not camera.update(grey, 0.1, NOTHING).is_known


def test_a_repeated_picture_is_no_step() -> None:
    """A stalled recorder shows it again; the next step is that from the picture it repeated."""
    camera, world = CameraMotion(), texture(10)
    camera.update(view(world, x=40), 0.0, NOTHING)
    grain = np.random.default_rng(0).random(SHAPE) < 0.02  # of the encoder
    again = camera.update(view(world, x=40) ^ grain.astype(np.uint8), 0.1, NOTHING)
    after = camera.update(view(world, x=44), 0.2, NOTHING)

    assert (again.is_repeat, again.is_known, again.is_cut) == (True, True, False)
    assert not after.is_repeat
    assert after.shift[0] == pytest.approx(-4 / SHAPE[1], abs=5e-4)


def test_a_black_picture_repeated_shows_no_camera_that_stands() -> None:
    """An intro: nothing could be followed."""
    camera = CameraMotion()
    camera.update(np.zeros(SHAPE, np.uint8), 0.0, NOTHING)

    again = camera.update(np.zeros(SHAPE, np.uint8), 0.1, NOTHING)

    assert (again.is_repeat, again.is_known) == (True, False)


def test_what_stands_under_a_live_sensor_is_no_repeat() -> None:
    """Noise of one grey level, or a far car of six by four pixels that creeps by one."""
    rng = np.random.default_rng(0)
    street = np.full(SHAPE, 90, np.uint8) + rng.integers(0, 60, SHAPE).astype(np.uint8)
    street[80:90, 90:110] = 90
    street[82:86, 100:106] = 120
    crept = street.copy()
    crept[82:86, 100:106] = 90
    crept[82:86, 101:107] = 120
    noisy = street + rng.integers(0, 2, SHAPE).astype(np.uint8)

    for picture in (crept, noisy):
        camera = CameraMotion()
        camera.update(street, 0.0, NOTHING)
        assert not camera.update(picture, 0.1, NOTHING).is_repeat


def test_what_it_remembers_can_be_written_down() -> None:
    """Restored from JSON the next step is the same to the last bit."""
    camera, other, world = CameraMotion(), CameraMotion(), texture(9)
    for i in range(3):
        camera.update(view(world, x=40 + i), 0.1 * i, np.array([[0.1, 0.1, 0.3, 0.4]]))
    other.restore(json.loads(json.dumps(camera.state())))

    steps = [c.update(view(world, x=46), 0.3, NOTHING) for c in (camera, other)]

    assert steps[0] == steps[1]


def test_a_frame_of_any_size_becomes_a_small_grey_one() -> None:
    """The aspect stays."""
    assert grey_of(np.zeros((720, 1280, 3), np.uint8)).shape == (180, 320)
    assert grey_of(np.zeros((1280, 720, 3), np.uint8)).shape == (569, 320)


@pytest.mark.parametrize("shape", [(16_000, 4), (65_500, 1), (1, 65_500), (4, 16_000)])
def test_a_picture_of_few_columns_does_not_grow(shape: tuple[int, int]) -> None:
    """Scaled to a width of 320 it would take gigabytes; and two of them can be compared."""
    small = grey_of(np.full((*shape, 3), 90, np.uint8))
    camera = CameraMotion()

    assert small.size <= 320 * 640
    for i in range(2):
        camera.update(small + np.uint8(i), 0.1 * i, np.zeros((0, 4)))
