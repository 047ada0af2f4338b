"""Frames brought to the size of the network: how large, and where the picture lies."""

import cv2
import numpy as np
import pytest

from service.vision.detector import letterbox, network_size


@pytest.mark.parametrize(
    ("frame_hw", "expected"),
    [
        pytest.param((720, 1280), (256, 416), id="16:9, 234 rounded up"),
        pytest.param((1280, 720), (416, 256), id="upright"),
        pytest.param((416, 416), (416, 416), id="as it is"),
        pytest.param((1, 1), (416, 416), id="one pixel"),
        pytest.param((1, 5000), (32, 416), id="a line"),
        pytest.param((5000, 1), (416, 32), id="a column"),
        pytest.param((257, 416), (288, 416), id="one row too many"),
    ],
)
def test_a_free_input_keeps_the_long_side(
    frame_hw: tuple[int, int], expected: tuple[int, int]
) -> None:
    """Long side 416, short side rounded up to a multiple of 32, never below 32."""
    assert network_size(*frame_hw, 416) == expected


def test_the_frame_lies_in_the_top_left_corner_and_the_rest_is_padding() -> None:
    """A 100x200 frame of one colour in a 64x64 input covers the upper half."""
    canvas, content_wh = letterbox(np.full((100, 200, 3), 9, np.uint8), (64, 64), padding=114)

    assert content_wh == (64, 32)
    assert (canvas[:32] == 9).all()
    assert (canvas[32:] == 114).all()


def test_a_large_frame_that_is_halved_first_is_the_same_picture() -> None:
    """2160 rows are halved twice: of noise what the average over the whole cell leaves."""
    noise = np.random.default_rng(3).integers(0, 256, (2160, 3840, 3), np.uint8)

    canvas, content_wh = letterbox(noise, (288, 512), padding=114)

    direct = cv2.resize(noise, content_wh, interpolation=cv2.INTER_AREA)
    difference = np.abs(canvas[: content_wh[1]].astype(int) - direct.astype(int))
    assert content_wh == (512, 288)
    assert difference.mean() < 5  # picking pixels is 64 off, interpolating between some 38
    assert abs(canvas.astype(float).std() - direct.astype(float).std()) < 2
