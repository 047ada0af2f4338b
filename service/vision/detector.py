"""Frames to boxes, for the two families of output layout that exist in practice.

Dimension letters used in this file: N boxes, A grid cells, C classes, H W frame size in pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS, class_group
from service.bundle.graphs import END_TO_END_COLUMNS, YOLOX_STRIDES
from service.bundle.manifest import BundleError, DetectorSpec
from service.bundle.sessions import Session
from service.vision.boxes import Boxes, both_looks, once_each
from service.vision.rois import Rois, detected_rois

SIZE_STEP = 32  # coarsest stride: every input side is a multiple of it
MAX_LOG_SIZE = 8.0  # exp(8) strides is wider than any frame; more would overflow float32
ALIKE = {
    **dict.fromkeys(("car", "bus", "truck"), "vehicle"),
    **dict.fromkeys(("motorcycle", "bicycle"), "two-wheeler"),
}


class Detector:
    """The bundle's detector behind arrays: letterbox, run, decode, suppress, once or twice.

    Args:
        session: Session of the detector's graph; shared between threads.
        spec: How its input is made and its output read.
    """

    def __init__(self, session: Session, spec: DetectorSpec) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        groups = [CLASS_GROUPS[class_group(name)] for name in spec.classes]
        # Classes that one thing may be taken for share a number, all others have their own.
        things = [ALIKE.get(group, str(row)) for row, group in enumerate(groups)]
        self._things = np.unique(things, return_inverse=True)[1]
        self.spec = spec

    def detect(self, frame: NDArray[np.uint8]) -> Rois:
        """Find the objects of one frame.

        Args:
            frame: (H, W, 3) uint8 RGB of any size.

        Returns:
            Detected ROIs in 0..1 of the frame, most confident first; none is a valid answer.

        Raises:
            ValueError: The frame is not (H, W, 3) uint8 with at least one pixel.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
            raise ValueError(f"a frame must be (H, W, 3) uint8, got {frame.shape} {frame.dtype}")
        height, width = frame.shape[:2]
        boxes, content = self._look(frame, self.spec.long_side)
        if self.spec.near_long_side is not None:
            near, _ = self._look(content, self.spec.near_long_side)
            near = near.scaled(width / content.shape[1], height / content.shape[0])
            longest = max(height, width)
            boxes = both_looks(boxes, near, longest, self._things, self.spec.nms_iou)
        xyxy = (boxes.xyxy / np.array([width, height] * 2, np.float32)).clip(0.0, 1.0)
        # A box that lies wholly in the padding has no area left.
        solid = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
        names = [self.spec.classes[i] for i in boxes.classes[solid]]
        return detected_rois(xyxy[solid], names, boxes.scores[solid].clip(0.0, 1.0))

    def warm_up(self) -> None:
        """Run once on grey, so that the first frame does not pay for it.

        Raises:
            BundleError: The output is not as the spec says.
        """
        self.detect(np.full((36, 64, 3), self.spec.letterbox_value, np.uint8))

    def _look(self, picture: NDArray[np.uint8], long_side: int) -> tuple[Boxes, NDArray[np.uint8]]:
        """One box for each thing that one run of the graph finds, and the picture that it saw.

        Args:
            picture: (H, W, 3) uint8 RGB.
            long_side: Of a free network input.

        Returns:
            Boxes in pixels of ``picture``, and ``picture`` in the size it had there.
        """
        height, width = picture.shape[:2]
        input_hw = self.spec.input_hw or network_size(height, width, long_side)
        canvas, (columns, rows) = letterbox(picture, input_hw, self.spec.letterbox_value)
        output = self._session.run(None, {self._input: self._pixels(canvas)})[0]
        if self.spec.layout == "yolox":
            boxes = decode_yolox(output, input_hw, self.spec)
        else:
            boxes = decode_ultralytics(output, self.spec)
        # Width and height are rounded apart when resizing: each axis has its own scale.
        boxes = boxes.scaled(width / columns, height / rows)
        return once_each(boxes, self._things, self.spec.nms_iou), canvas[:rows, :columns]

    def _pixels(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(h, w, 3) uint8 RGB to the (1, 3, h, w) float32 that the graph was trained on."""
        ordered = canvas[..., ::-1] if self.spec.colour == "bgr" else canvas
        pixels = np.ascontiguousarray(ordered.transpose(2, 0, 1)[None], np.float32)
        return pixels * np.float32(self.spec.scale)


def network_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """Height and width of a free network input for a frame.

    The longer side becomes ``long_side`` and the other is rounded up to a multiple of 32: a 16:9
    frame costs 40 % less than a square.
    """
    ratio = long_side / max(height, width)
    rows, columns = (-(-round(side * ratio) // SIZE_STEP) * SIZE_STEP for side in (height, width))
    return max(rows, SIZE_STEP), max(columns, SIZE_STEP)


def letterbox(
    frame: NDArray[np.uint8], input_hw: tuple[int, int], padding: int
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Fit a frame into the top left corner of the network input.

    Args:
        frame: (H, W, 3) uint8.
        input_hw: Size of the network input.
        padding: Grey level of what the frame does not cover.

    Returns:
        (h, w, 3) uint8, and the width and height in pixels that the frame covers, each >= 1.
    """
    height, width = frame.shape[:2]
    ratio = min(input_hw[0] / height, input_hw[1] / width)
    content_wh = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    while ratio <= 0.5 and not frame.shape[0] % 2 and not frame.shape[1] % 2:
        # All but the same average, in half the time (docs/performance.md).
        half_wh = (frame.shape[1] // 2, frame.shape[0] // 2)
        frame = np.asarray(cv2.resize(frame, half_wh, interpolation=cv2.INTER_AREA), np.uint8)
        ratio *= 2
    # Averaging when shrinking: the other kernels alias and lose small objects.
    kernel = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    canvas = np.full((*input_hw, 3), padding, np.uint8)
    canvas[: content_wh[1], : content_wh[0]] = cv2.resize(frame, content_wh, interpolation=kernel)
    return canvas, content_wh


def decode_yolox(
    output: NDArray[np.float32], input_hw: tuple[int, int], spec: DetectorSpec
) -> Boxes:
    """Read YOLOX rows: offset from the grid cell, log size, objectness, class probabilities.

    Args:
        output: (1, A, 5 + C) float32.
        input_hw: Size of the network input.
        spec: Classes and score threshold.

    Returns:
        Boxes above the threshold, not yet suppressed.

    Raises:
        BundleError: The output does not have the promised shape.
    """
    cells, strides = _yolox_grid(input_hw)
    expected = (1, len(cells), 5 + len(spec.classes))
    if output.shape != expected:
        raise BundleError(f"{spec.file}: found an output {output.shape}, expected {expected}")
    rows = output[0]
    scores = rows[:, 4] * rows[:, 5:].max(axis=1)
    above = scores >= spec.score_threshold
    rows, cells, strides = rows[above], cells[above], strides[above]
    centre = (rows[:, :2] + cells) * strides
    size = np.exp(np.minimum(rows[:, 2:4], MAX_LOG_SIZE)) * strides
    return _finite(_from_centre(centre, size), scores[above], rows[:, 5:].argmax(axis=1))


def decode_ultralytics(output: NDArray[np.float32], spec: DetectorSpec) -> Boxes:
    """Read ultralytics outputs: v8 and v11 (1, 4 + C, A), or v26 end to end (1, N, 6).

    Args:
        output: float32 in one of the two layouts; the first holds centre, size and one score per
            class, the second x1, y1, x2, y2, score, class.
        spec: Classes and score threshold.

    Returns:
        Boxes above the threshold, not yet suppressed.

    Raises:
        BundleError: The output has neither shape, or a class that the spec does not know.
    """
    num_rows, num_classes = 4 + len(spec.classes), len(spec.classes)
    if output.ndim == 3 and output.shape[1] == num_rows:
        columns = output[0].T  # (A, 4 + C)
        scores = columns[:, 4:].max(axis=1)
        above = scores >= spec.score_threshold
        columns = columns[above]
        xyxy = _from_centre(columns[:, :2], columns[:, 2:4])
        return _finite(xyxy, scores[above], columns[:, 4:].argmax(axis=1))
    if output.ndim == 3 and output.shape[2] == END_TO_END_COLUMNS:
        rows = output[0][output[0][:, 4] >= spec.score_threshold]
        classes = rows[:, 5].astype(np.int64)
        if ((classes < 0) | (classes >= num_classes)).any():
            raise BundleError(
                f"{spec.file}: found class {classes.max()}, expected 0..{num_classes - 1}"
            )
        return _finite(rows[:, :4], rows[:, 4], classes)
    raise BundleError(
        f"{spec.file}: found an output {output.shape}, "
        f"expected (1, {num_rows}, A) or (1, N, {END_TO_END_COLUMNS})"
    )


def _from_centre(centre: NDArray[np.float32], size: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1)


def _finite(
    xyxy: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int64]
) -> Boxes:
    """Leave out rows with NaN or infinity: one bad cell must not cost the whole frame."""
    sound = np.isfinite(xyxy).all(axis=1) & (xyxy[:, 2:] >= xyxy[:, :2]).all(axis=1)
    rows = np.flatnonzero(sound)
    return Boxes(
        xyxy[rows].astype(np.float32),
        scores[rows].astype(np.float32),
        classes[rows].astype(np.int64),
    )


def _yolox_grid(input_hw: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grid cells (A, 2) as column and row, and strides (A, 1), in the order of YOLOX's rows."""
    cells, strides = [], []
    for stride in YOLOX_STRIDES:
        y, x = np.mgrid[: input_hw[0] // stride, : input_hw[1] // stride]
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
