"""Intersection over union."""

import numpy as np
import pytest

from service.vision.overlap import iou


def test_overlap_by_hand() -> None:
    """Two squares of 4 that share 1 of 7."""
    first, second = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3], [4, 4, 5, 5]])

    assert iou(first, second).tolist() == [[pytest.approx(1 / 7), 0.0]]


def test_boxes_without_area_cover_nothing() -> None:
    """Neither divides by zero: a point lies on itself, and no box at all has no column."""
    point = np.array([[1.0, 1, 1, 1]])

    assert iou(point, point).tolist() == [[0.0]]
    assert iou(point, np.zeros((0, 4))).shape == (1, 0)
