"""Turning a picture upright by the display matrix of its container."""

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from service.vision.images import Frame

UPRIGHT = np.array([[1, 0], [0, 1]], np.int32)


def matrix_of(picture: VideoFrame) -> NDArray[np.int32]:
    """The ``display_matrix`` of a decoded picture; ``UPRIGHT`` where it has none."""
    matrix = picture.side_data.get("DISPLAYMATRIX")
    return display_matrix(bytes(matrix)) if isinstance(matrix, SideData) else UPRIGHT


def display_matrix(side_data: bytes) -> NDArray[np.int32]:
    """The 2x2 part ``[[a, b], [c, d]]`` of FFmpeg's nine display-matrix values, reduced to signs.

    A stored pixel (x, y) is shown at (a x + c y, b x + d y), up to a shift. Only multiples of 90
    degrees and mirrorings are kept: cameras write no others.
    """
    a, b, _, c, d = np.frombuffer(side_data, np.int32, count=5)
    if max(abs(int(a)), abs(int(d))) >= max(abs(int(b)), abs(int(c))):
        return np.array([[-1 if a < 0 else 1, 0], [0, -1 if d < 0 else 1]], np.int32)
    return np.array([[0, -1 if b < 0 else 1], [-1 if c < 0 else 1, 0]], np.int32)


def turn_upright(frame: Frame, matrix: NDArray[np.int32]) -> Frame:
    """Apply a ``display_matrix`` to (H, W, 3); a quarter turn gives (W, H, 3)."""
    (a, b), (c, d) = matrix
    if a == 0:  # rows become columns, so c drives x and b drives y
        frame, flip_x, flip_y = frame.transpose(1, 0, 2), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    if flip_x:
        frame = frame[:, ::-1]
    if flip_y:
        frame = frame[::-1]
    return np.ascontiguousarray(frame)
