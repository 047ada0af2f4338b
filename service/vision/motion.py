"""How the camera moved from one sampled frame to the next, from sparse flow of the background.

Participants are masked out, and so are parts of the picture that stand still while the rest moves:
the own bonnet, a date stamp, a logo. What is left is fitted with a similarity. Only its turn is
handed on for the compensation of tracks (shift of the picture's centre and roll): expansion is how
driving looks, and taking it out would make a car that is followed at a distance seem to shrink.

Dimension letters used in this file: N boxes, P points, H W size of the small grey picture.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.vision.images import Frame

GREY_WIDTH = 320  # finer gains nothing here: the flow of a far background is a pixel or less
GREY_HEIGHT = 640  # at most: a picture of four columns would grow to gigabytes
MAX_POINTS, MIN_POINTS = 240, 12
FLOW = {"winSize": (15, 15), "maxLevel": 3}
MAX_RETURN_PX = 1.0  # a point followed there and back must come home
INLIER_PX = 1.5
STILL_PX = 0.3  # less is the noise of the flow
BLOCK = 16  # pixels of a block in the map of still regions
STILL_MEMORY_S = 2.0
STILL_SHARE = 0.2  # of the typical change; a block below it does not belong to the scene
LEAST_CHANGE = 3.0  # grey levels; below, the whole picture stands and nothing can be told apart
CUT_WH = (32, 18)
CUT_CHANGE = 18.0  # mean change in grey levels
CUT_KEPT = 0.25  # share of the points that can still be followed after a cut, at most
# Correlation of the two pictures, which no jump of the exposure changes: it is lower for 97 of 100
# pairs from two clips, and in a clip at five frames a second only where the own car is hit hard.
CUT_LIKENESS = 0.6
REPEAT_MEAN, REPEAT_BLOCK = 0.05, 0.5  # grey levels; a sensor's noise passes the first,
# a car of six by four pixels that creeps a pixel further the second

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CameraStep:
    """One step of the camera, in widths of the picture.

    Attributes:
        is_known: The background could be followed; all else is 0 if not.
        is_cut: Another scene begins: nothing before has to do with it.
        is_repeat: The picture is the one before, to the grain of the encoder: a recorder stalls,
            a cutter froze it, or nothing at all moves. It says nothing of how things move.
        shift: Right and down, of what stands in the middle of the picture.
        roll: Radians, clockwise on the screen.
        expansion: Relative growth of the background, about 0.02 a step in traffic.
        still: Share of the followed points that did not move at all.
    """

    is_known: bool
    is_cut: bool
    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    expansion: float = 0.0
    still: float = 0.0
    is_repeat: bool = False


NO_STEP = CameraStep(is_known=False, is_cut=False)


def grey_of(frame: Frame) -> Grey:
    """A frame (H, W, 3) as a small grey picture, ``GREY_WIDTH`` wide unless it is very tall."""
    height, width = frame.shape[:2]
    scale = min(GREY_WIDTH / width, GREY_HEIGHT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


class CameraMotion:
    """Follows the background of one clip or stream."""

    def __init__(self) -> None:
        self._previous: Grey | None = None
        self._time_s = 0.0
        self._foreground = np.zeros((0, 4), np.float32)
        self._change: NDArray[np.float32] | None = None  # (H / BLOCK, W / BLOCK) grey levels

    def update(self, grey: Grey, time_s: float, foreground: NDArray[np.floating]) -> CameraStep:
        """Take the next frame.

        Args:
            grey: (H, W) uint8 from ``grey_of``.
            time_s: Its time, after that of the frame before.
            foreground: (N, 4) corners in 0..1 of what may move by itself in this frame.

        Returns:
            The step from the frame before; ``NO_STEP`` for the first frame. After repeats it is
            the step from the picture that was repeated.
        """
        previous, before = self._previous, self._foreground
        change = None
        if previous is not None and previous.shape == grey.shape:
            change = _block_change(previous, grey)
        if change is not None and _is_repeat(change):
            return CameraStep(is_known=_has_corners(grey), is_cut=False, is_repeat=True)
        gap_s = time_s - self._time_s
        self._previous, self._time_s = grey, time_s
        self._foreground = np.asarray(foreground, np.float32).reshape(-1, 4)
        if previous is None or change is None:
            self._change = None
            return NO_STEP
        mask = _without(before, grey.shape) & self._scene_mask(grey.shape, change, gap_s)
        start, end, kept = _followed(previous, grey, mask)
        if kept <= CUT_KEPT and _is_another_scene(previous, grey):
            self._change = None
            return CameraStep(is_known=False, is_cut=True)
        return _fit(start, end, grey.shape)

    def state(self) -> dict[str, Any]:
        """What it remembers, ready for JSON."""
        previous = self._previous
        change = self._change
        return {
            "shape": None if previous is None else list(previous.shape),
            "previous": "" if previous is None else base64.b64encode(previous.tobytes()).decode(),
            "time_s": self._time_s,
            "foreground": self._foreground.tolist(),
            "change": None if change is None else change.tolist(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self._previous = None
        if state["shape"] is not None:
            pixels = np.frombuffer(base64.b64decode(state["previous"]), np.uint8)
            self._previous = pixels.reshape(state["shape"])
        self._time_s = float(state["time_s"])
        self._foreground = np.array(state["foreground"], np.float32).reshape(-1, 4)
        change = state["change"]
        self._change = None if change is None else np.array(change, np.float32)

    def _scene_mask(
        self, shape: tuple[int, ...], change: NDArray[np.float32], gap_s: float
    ) -> NDArray[np.uint8]:
        """(H, W): 0 where the picture has stood still while the rest has moved."""
        height, width = shape
        if self._change is None:
            self._change = change
        else:
            self._change += -math.expm1(-gap_s / STILL_MEMORY_S) * (change - self._change)
        typical = float(np.median(self._change))
        if typical < LEAST_CHANGE:
            return np.full(shape, 255, np.uint8)
        moves = np.where(self._change >= STILL_SHARE * typical, 255, 0).astype(np.uint8)
        return np.asarray(cv2.resize(moves, (width, height), interpolation=cv2.INTER_NEAREST))


def _without(boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """(H, W): 0 inside the boxes with a margin of two pixels."""
    height, width = shape
    mask = np.full((height, width), 255, np.uint8)
    for x1, y1, x2, y2 in (boxes * np.array([width, height, width, height])).astype(int):
        mask[max(0, y1 - 2) : y2 + 3, max(0, x1 - 2) : x2 + 3] = 0
    return mask


def _followed(
    previous: Grey, grey: Grey, mask: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Corners of the background: (P, 2) before, (P, 2) now, and the share that was not lost."""
    corners = cv2.goodFeaturesToTrack(previous, MAX_POINTS, 0.01, 7, mask=mask, blockSize=5)
    if corners is None or len(corners) < MIN_POINTS:
        return np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32), 1.0
    moved, found, _ = cv2.calcOpticalFlowPyrLK(previous, grey, corners, None, **FLOW)  # type: ignore[call-overload]
    back, returned, _ = cv2.calcOpticalFlowPyrLK(grey, previous, moved, None, **FLOW)  # type: ignore[call-overload]
    error = np.linalg.norm((corners - back).reshape(-1, 2), axis=1)
    good = (found.ravel() == 1) & (returned.ravel() == 1) & (error < MAX_RETURN_PX)
    start = np.asarray(corners, np.float32).reshape(-1, 2)[good]
    return start, np.asarray(moved, np.float32).reshape(-1, 2)[good], float(good.mean())


def _is_repeat(change: NDArray[np.float32]) -> bool:
    """Whether nothing has changed, neither all over nor in any block."""
    return float(change.mean()) < REPEAT_MEAN and float(change.max()) < REPEAT_BLOCK


def _has_corners(grey: Grey) -> bool:
    """Whether there is something to follow: a black intro shows no camera that stands."""
    corners = cv2.goodFeaturesToTrack(grey, MIN_POINTS, 0.01, 7, blockSize=5)
    return corners is not None and len(corners) >= MIN_POINTS


def _block_change(previous: Grey, grey: Grey) -> NDArray[np.float32]:
    """(H / BLOCK, W / BLOCK): mean change of each block, in grey levels."""
    height, width = grey.shape
    blocks = (max(1, width // BLOCK), max(1, height // BLOCK))
    change = cv2.absdiff(previous, grey).astype(np.float32)
    return np.asarray(cv2.resize(change, blocks, interpolation=cv2.INTER_AREA), np.float32)


def _is_another_scene(previous: Grey, grey: Grey) -> bool:
    """Whether two pictures differ at a coarse scale, and by more than brightness and contrast."""
    a, b = (
        cv2.resize(p, CUT_WH, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
        for p in (previous, grey)
    )
    if float(np.abs(a - b).mean()) <= CUT_CHANGE:
        return False
    spread = float(a.std() * b.std())
    covariance = float(((a - a.mean()) * (b - b.mean())).mean())
    return covariance < CUT_LIKENESS * spread if spread > 0 else True


def _fit(
    start: NDArray[np.float32], end: NDArray[np.float32], shape: tuple[int, ...]
) -> CameraStep:
    if len(start) < MIN_POINTS:
        return NO_STEP
    matrix, _ = cv2.estimateAffinePartial2D(
        start, end, method=cv2.RANSAC, ransacReprojThreshold=INLIER_PX, maxIters=200
    )
    if matrix is None:
        return NO_STEP
    height, width = shape
    centre = np.array([width / 2, height / 2])
    shift = (matrix[:, :2] @ centre + matrix[:, 2] - centre) / width
    length = np.linalg.norm(end - start, axis=1)
    return CameraStep(
        is_known=True,
        is_cut=False,
        shift=(float(shift[0]), float(shift[1])),
        roll=math.atan2(float(matrix[1, 0]), float(matrix[0, 0])),
        expansion=math.hypot(float(matrix[0, 0]), float(matrix[1, 0])) - 1.0,
        still=float((length < STILL_PX).mean()),
    )
