"""Frames to boxes, for the two families of output layout that exist in practice.

Dimension letters used in this file: N boxes, A grid cells, C classes, H W frame size in pixels.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.bundle.manifest import BundleError, DetectorSpec
from service.vision.rois import Rois, detected_rois

YOLOX_STRIDES = (8, 16, 32)
MAX_LOG_SIZE = 12.0  # exp beyond this is no size any more
MAX_BOXES = 100
END_TO_END_COLUMNS = 6  # x1, y1, x2, y2, score, class

Raw = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]


class Detector:
    """``detector.onnx`` behind arrays: letterbox, run, decode, suppress."""

    def __init__(self, session: Any, spec: DetectorSpec) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self.spec = spec

    def detect(self, frame: NDArray[np.uint8]) -> Rois:
        """Find the objects of one frame.

        Args:
            frame: (H, W, 3) uint8 RGB of any size.

        Returns:
            Detected ROIs in 0..1 of the frame, most confident first; none is a valid answer.
        """
        height, width = frame.shape[:2]
        pixels, ratio = self._letterbox(frame)
        output = self._session.run(None, {self._input: pixels})[0]
        xyxy, scores, classes = self._decode(output, pixels.shape[2:])
        kept = self._suppress(xyxy, scores, classes)
        scale = np.array([width, height, width, height], np.float32) * ratio
        boxes = np.clip(xyxy[kept] / scale, 0.0, 1.0)
        # A box that lies wholly in the padding has no area left.
        solid = (boxes[:, 2:] - boxes[:, :2] > 1e-4).all(axis=1)
        names = [self.spec.classes[i] for i in classes[kept][solid]]
        return detected_rois(boxes[solid], names, scores[kept][solid])

    def warm_up(self) -> None:
        """Run once; a graph that does not fit its spec stops the start.

        Raises:
            BundleError: Naming what was found and what was expected.
        """
        try:
            self.detect(np.full((36, 64, 3), self.spec.letterbox_value, np.uint8))
        except BundleError:
            raise
        except Exception as error:
            reason = str(error).splitlines()[0][:160]
            raise BundleError(f"detector.onnx: does not fit its spec ({reason})") from error

    def input_hw(self, height: int, width: int) -> tuple[int, int]:
        """Size of the network input for a frame of (height, width) pixels."""
        if self.spec.input_hw is not None:
            return self.spec.input_hw
        ratio = self.spec.long_side / max(height, width)
        rows, columns = (max(32, -(-round(side * ratio) // 32) * 32) for side in (height, width))
        return rows, columns

    def _letterbox(self, frame: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """(1, 3, h, w) float32 with the frame in the top left corner, and its scale."""
        height, width = frame.shape[:2]
        rows, columns = self.input_hw(height, width)
        ratio = min(rows / height, columns / width)
        inner = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        # Averaging when shrinking: the other kernels alias and cost recall on small objects.
        kernel = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
        canvas = np.full((rows, columns, 3), self.spec.letterbox_value, np.uint8)
        canvas[: inner[1], : inner[0]] = cv2.resize(frame, inner, interpolation=kernel)
        if self.spec.colour == "bgr":
            canvas = canvas[..., ::-1]
        pixels = canvas.transpose(2, 0, 1)[None].astype(np.float32) * np.float32(self.spec.scale)
        return np.ascontiguousarray(pixels), ratio

    def _decode(self, output: NDArray[np.float32], input_hw: tuple[int, ...]) -> Raw:
        if self.spec.layout == "yolox":
            return decode_yolox(output, (input_hw[0], input_hw[1]), self.spec)
        return decode_ultralytics(output, self.spec)

    def _suppress(
        self,
        xyxy: NDArray[np.float32],
        scores: NDArray[np.float32],
        classes: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Rows that survive class-wise non-maximum suppression, best first."""
        if len(xyxy) == 0:
            return np.zeros(0, np.int64)
        xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxesBatched(
            xywh.tolist(), scores.tolist(), classes.tolist(), self.spec.score_threshold, self.spec.nms_iou
        )
        rows = np.asarray(kept, np.int64).reshape(-1)
        return rows[np.argsort(-scores[rows], kind="stable")][:MAX_BOXES]


def decode_yolox(output: NDArray[np.float32], input_hw: tuple[int, int], spec: DetectorSpec) -> Raw:
    """Read YOLOX rows: offsets to the grid cell, log sizes, objectness, class probabilities.

    Args:
        output: (1, A, 5 + C) float32.
        input_hw: Size of the network input.
        spec: Classes and score threshold.

    Returns:
        xyxy (N, 4) in input pixels, scores (N,) and classes (N,) above the threshold.

    Raises:
        BundleError: When the output does not have the promised shape.
    """
    grid, strides = _yolox_grid(input_hw)
    expected = (1, len(grid), 5 + len(spec.classes))
    if output.shape != expected:
        raise BundleError(f"detector.onnx: output {output.shape}, {spec.layout} expects {expected}")
    rows = output[0]
    scores = rows[:, 4] * rows[:, 5:].max(axis=1)
    above = scores >= spec.score_threshold
    rows, grid, strides = rows[above], grid[above], strides[above]
    centre = (rows[:, :2] + grid) * strides
    half = np.exp(np.minimum(rows[:, 2:4], MAX_LOG_SIZE)) * strides / 2
    xyxy = np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
    return xyxy, scores[above], rows[:, 5:].argmax(axis=1).astype(np.int64)


def decode_ultralytics(output: NDArray[np.float32], spec: DetectorSpec) -> Raw:
    """Read ultralytics outputs: v8/v11 (1, 4 + C, A) of cxcywh, or v26 (1, N, 6) end to end.

    Args:
        output: float32 in one of the two layouts.
        spec: Classes and score threshold.

    Returns:
        xyxy (N, 4) in input pixels, scores (N,) and classes (N,) above the threshold.

    Raises:
        BundleError: When the output has neither shape.
    """
    num_rows = 4 + len(spec.classes)
    if output.ndim == 3 and output.shape[1] == num_rows:
        columns = output[0].T
        scores = columns[:, 4:].max(axis=1)
        above = scores >= spec.score_threshold
        centre, half = columns[above, :2], columns[above, 2:4] / 2
        xyxy = np.concatenate([centre - half, centre + half], axis=1)
        return xyxy, scores[above], columns[above, 4:].argmax(axis=1).astype(np.int64)
    if output.ndim == 3 and output.shape[2] == END_TO_END_COLUMNS:
        rows = output[0][output[0][:, 4] >= spec.score_threshold]
        return rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64)
    raise BundleError(
        f"detector.onnx: output {output.shape}, ultralytics expects (1, {num_rows}, A) or (1, N, 6)"
    )


def _yolox_grid(input_hw: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cell corners (A, 2) in cells and strides (A, 1), in the order of YOLOX's rows."""
    cells, strides = [], []
    for stride in YOLOX_STRIDES:
        rows, columns = input_hw[0] // stride, input_hw[1] // stride
        y, x = np.mgrid[0:rows, 0:columns]
        cells.append(np.stack([x, y], axis=-1).reshape(-1, 2))
        strides.append(np.full((rows * columns, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
