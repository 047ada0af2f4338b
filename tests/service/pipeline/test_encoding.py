"""Frames to embeddings: what one call may take, and pictures beyond 4K."""

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from service.pipeline.encoding import MAX_FRAME_PIXELS, encode_frames, same_size_batches
from service.scoring.explain import FrameView
from service.vision.rois import detected_rois


def empty(height: int, width: int) -> NDArray[np.uint8]:
    """A black frame that takes no memory until it is written to."""
    return np.zeros((height, width, 3), np.uint8)


def test_frames_of_one_call_are_few_and_not_large_together() -> None:
    """Two of full HD, one of 4K, one of 50 megapixels."""
    for height, width, together in ((240, 320, 16), (1080, 1920, 2), (2160, 3840, 1)):
        sizes = [len(b) for b in same_size_batches([empty(height, width)] * 20)]
        assert max(sizes) == together
        assert sum(sizes) == 20
    assert list(same_size_batches([empty(7000, 7000)] * 2)) == [[0], [1]]


class SizesSeen:
    """An encoder that remembers the (H, W) of its frames and the corner of their first ROI."""

    def __init__(self, longest_side: int | None = None) -> None:
        self.longest_side = longest_side
        self.sizes: list[tuple[int, int]] = []
        self.corners: list[list[float]] = []

    def encode(
        self, frames: NDArray[np.uint8], rois: NDArray[np.float32], *_: object
    ) -> SimpleNamespace:
        self.sizes.append((frames.shape[1], frames.shape[2]))
        self.corners.append(rois[0, 1:].tolist())
        ones = np.ones((1, 4), np.float32)
        return SimpleNamespace(scene=ones, relation=ones, scene_gate=np.ones(1, np.float32))


def test_a_frame_beyond_4k_is_shrunk_and_others_are_not() -> None:
    """Its shape and its ROIs, which are relative, stay."""
    encoder, view = SizesSeen(), view_of_a_corner()
    encode_frames(encoder, [empty(2160, 3840)], [view])
    encode_frames(encoder, [empty(5000, 10_000)], [view])

    (height, width) = encoder.sizes[1]
    assert encoder.sizes[0] == (2160, 3840)
    assert MAX_FRAME_PIXELS * 0.999 < height * width <= MAX_FRAME_PIXELS
    assert abs(width / height - 2) < 0.001
    assert encoder.corners[1] == encoder.corners[0]


def test_an_encoder_gets_no_more_pixels_than_it_asks_for() -> None:
    """Upright or lying, the longer side; a small frame stays, a sliver keeps one pixel."""
    encoder, view = SizesSeen(640), view_of_a_corner()
    sizes = ((720, 1280), (1920, 1080), (360, 640), (48, 64), (1, 6400), (480, 854), (606, 1077))
    for height, width in sizes:
        encode_frames(encoder, [empty(height, width)], [view])

    shrunk = [(360, 640), (640, 360), (360, 640), (48, 64), (1, 640), (360, 640), (360, 640)]
    assert encoder.sizes == shrunk
    assert encoder.corners == len(sizes) * [encoder.corners[0]]


def test_frames_that_reach_the_encoder_alike_share_a_call() -> None:
    """Limits of a call are those of the pixels that reach the encoder."""
    frames = [empty(1080, 1920), empty(480, 640), *[empty(720, 1280)] * 3]
    assert list(same_size_batches(frames, 640)) == [[0, 2, 3, 4], [1]]


def view_of_a_corner() -> FrameView:
    """One ROI that is paired with nothing."""
    corner = np.array([[0.75, 0.75, 1.0, 1.0]], np.float32)
    rois = detected_rois(corner, ["car"], [0.9])
    return FrameView(rois, np.array([[0, -1]], np.int64), (0, 0))
