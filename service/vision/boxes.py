"""What a detector has found, and which of it stays: one box for each thing, the surest first.

Dimension letters used in this file: N boxes, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from service.vision.overlap import iou

SAME_IOU = 0.7  # two vehicles behind each other seldom cover each other so well
MAX_BOXES = 100  # the most confident ones; pairs grow with the square
# From this side on (square root of the area), as a share of the frame's longer one, a box of the
# second look counts without one of the first.
NEAR_SIDE = 3 / 16
BOTH_IOU = 0.45  # from this overlap on both looks have found the same thing


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of one frame.

    Attributes:
        xyxy: (N, 4) float32 in pixels: of the network input as decoded, then of the frame.
        scores: (N,) float32 in 0..1.
        classes: (N,) int64 indices into the spec's classes.
    """

    xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def chosen(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """Some of them, in the order of ``rows``."""
        return type(self)(self.xyxy[rows], self.scores[rows], self.classes[rows])

    def scaled(self, x: float, y: float) -> Self:
        """In the pixels of a picture so many times as wide and as high."""
        return type(self)(self.xyxy * np.array([x, y, x, y], np.float32), self.scores, self.classes)


def once_each(boxes: Boxes, things: NDArray[np.int64], nms_iou: float) -> Boxes:
    """One box for each thing: `suppress`, then `seen_once`."""
    return seen_once(suppress(boxes, nms_iou), things)


def suppress(boxes: Boxes, nms_iou: float) -> Boxes:
    """Drop boxes that overlap a better one of their own class; best first, at most MAX_BOXES."""
    if not len(boxes):
        return boxes
    rows = _best_of_each(boxes, boxes.classes, nms_iou)
    best_first = rows[np.argsort(-boxes.scores[rows], kind="stable")]
    return boxes.chosen(best_first[:MAX_BOXES])


def seen_once(boxes: Boxes, things: NDArray[np.int64]) -> Boxes:
    """Leave out what a surer box of a like class covers: a van called car and truck is one vehicle.

    Two boxes of one vehicle would be a pair of two that have met, and told of as such.

    Args:
        boxes: After `suppress`, best first.
        things: (C,) a number for each class, the same for those that one thing may be taken for.
    """
    if not len(boxes):
        return boxes
    return boxes.chosen(np.sort(_best_of_each(boxes, things[boxes.classes], SAME_IOU)))


def both_looks(
    first: Boxes, second: Boxes, frame_side: int, things: NDArray[np.int64], nms_iou: float
) -> Boxes:
    """Join what two looks at pictures of different size have found.

    What fills the view is larger than what a small network knows best; in a smaller picture it is
    not. So the second look may add what is near and name it. Of what both have found the box is
    the mean, weighted by confidence: their errors differ, and a box that trembles seems to move.

    Args:
        first: Of the larger picture, one box for each thing, best first.
        second: Of the smaller one in the same pixels of the frame, likewise.
        frame_side: Longer one of the frame, in pixels.
        things: (C,) as of `seen_once`.
        nms_iou: As of `suppress`.
    """
    if not len(second):
        return first
    extent = second.xyxy[:, 2:] - second.xyxy[:, :2]
    is_near = np.sqrt(extent.prod(axis=1)) >= NEAR_SIDE * frame_side
    alike = things[first.classes][:, None] == things[second.classes][None]
    overlap = np.where(alike, iou(first.xyxy, second.xyxy), 0.0)
    xyxy, scores, classes = first.xyxy.copy(), first.scores.copy(), first.classes.copy()
    added = is_near.copy()
    for column in range(len(second) if len(first) else 0):  # the surest first
        row = int(overlap[:, column].argmax())
        if overlap[row, column] < BOTH_IOU:
            continue
        added[column] = False
        overlap[row] = 0.0  # a thing is met once
        # Nothing of confidence 0 is left: NMS drops it.
        share = second.scores[column] / (first.scores[row] + second.scores[column])
        xyxy[row] += share * (second.xyxy[column] - xyxy[row])
        if is_near[column] and second.scores[column] > scores[row]:
            scores[row], classes[row] = second.scores[column], second.classes[column]
    rest = second.chosen(added)
    together = Boxes(
        np.concatenate([xyxy, rest.xyxy]),
        np.concatenate([scores, rest.scores]),
        np.concatenate([classes, rest.classes]),
    )
    return once_each(together, things, nms_iou)


def _best_of_each(boxes: Boxes, things: NDArray[np.int64], most_iou: float) -> NDArray[np.int64]:
    """Rows that no better box of the same thing covers by more than ``most_iou``, in any order."""
    low, high = boxes.xyxy[:, :2], boxes.xyxy[:, 2:]
    xywh = np.concatenate([low, high - low], axis=1)
    # Scores were cut while decoding; NMS must not cut again (it drops a score equal to its limit).
    kept = cv2.dnn.NMSBoxesBatched(
        xywh.tolist(), boxes.scores.tolist(), things.tolist(), 0.0, most_iou
    )
    return np.asarray(kept, np.int64).reshape(-1)
