"""Which of the detector's boxes stay: one for each thing, the surest first."""

import numpy as np
import pytest

from service.vision.detector import MAX_BOXES, Boxes, seen_once, suppress


def test_only_boxes_of_the_same_class_suppress_each_other() -> None:
    """A rider on a motorcycle overlaps it by nature. IoU of the first two: 81 / 119 = 0.68."""
    boxes = Boxes(
        np.array([[0, 0, 10, 10], [1, 1, 11, 11], [1, 1, 11, 11], [30, 0, 40, 10]], np.float32),
        np.array([0.5, 0.9, 0.6, 0.3], np.float32),
        np.array([1, 1, 0, 1]),
    )

    kept = suppress(boxes, iou=0.5)

    assert kept.scores.tolist() == pytest.approx([0.9, 0.6, 0.3])
    assert kept.classes.tolist() == [1, 0, 1]
    assert len(suppress(boxes, iou=0.7).scores) == 4


def test_a_vehicle_of_two_names_is_seen_once() -> None:
    """A van called car (0) and truck (1): the surer name stays; its driver (2) is another thing."""
    boxes = Boxes(
        np.array([[0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 10], [3, 0, 13, 10]], np.float32),
        np.array([0.9, 0.8, 0.7, 0.6], np.float32),
        np.array([1, 0, 2, 0]),
    )

    once = seen_once(boxes, np.array([0, 0, 2]))

    assert once.classes.tolist() == [1, 2, 0]  # IoU 0.9 is the same, 7 / 13 is a neighbour
    assert once.scores.tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert len(seen_once(boxes, np.arange(3)).scores) == 4
    nothing = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert len(seen_once(nothing, np.arange(3)).scores) == 0


def test_a_crowd_is_cut_to_the_most_confident() -> None:
    """Pairs grow with the square of the boxes."""
    left = 20 * np.arange(150, dtype=np.float32)
    boxes = Boxes(
        np.stack([left, 0 * left, left + 10, 0 * left + 10], axis=1),
        np.linspace(0.1, 0.9, 150, dtype=np.float32),
        np.zeros(150, np.int64),
    )

    kept = suppress(boxes, iou=0.5)

    np.testing.assert_array_equal(kept.scores, boxes.scores[::-1][:MAX_BOXES])
