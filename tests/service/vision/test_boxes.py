"""Which of the detector's boxes stay: one for each thing, the surest first."""

import numpy as np
import pytest

from service.vision.boxes import MAX_BOXES, Boxes, both_looks, seen_once, suppress


def test_only_boxes_of_the_same_class_suppress_each_other() -> None:
    """A rider on a motorcycle overlaps it by nature. IoU of the first two: 81 / 119 = 0.68."""
    boxes = Boxes(
        np.array([[0, 0, 10, 10], [1, 1, 11, 11], [1, 1, 11, 11], [30, 0, 40, 10]], np.float32),
        np.array([0.5, 0.9, 0.6, 0.3], np.float32),
        np.array([1, 1, 0, 1]),
    )

    kept = suppress(boxes, nms_iou=0.5)

    assert kept.scores.tolist() == pytest.approx([0.9, 0.6, 0.3])
    assert kept.classes.tolist() == [1, 0, 1]
    assert len(suppress(boxes, nms_iou=0.7).scores) == 4


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

    kept = suppress(boxes, nms_iou=0.5)

    np.testing.assert_array_equal(kept.scores, boxes.scores[::-1][:MAX_BOXES])


Row = tuple[list[float], float, int]  # corners, confidence, class
THINGS = np.array([0, 0, 2])  # car and truck are alike, a person is another thing


def _boxes(*rows: Row) -> Boxes:
    corners, scores, classes = zip(*rows, strict=True) if rows else ((), (), ())
    return Boxes(
        np.array(corners, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(classes, np.int64),
    )


@pytest.mark.parametrize(
    ("first", "second", "box", "score", "name"),
    [
        pytest.param(
            ([0, 0, 90, 100], 0.3, 0), ([0, 0, 120, 100], 0.6, 1), [0, 0, 110, 100], 0.6, 1,
            id="near and surer: two thirds of the way, and a truck",
        ),
        pytest.param(
            ([0, 0, 80, 100], 0.6, 0), ([0, 0, 120, 100], 0.2, 1), [0, 0, 90, 100], 0.6, 0,
            id="near and less sure: a quarter of the way, still a car",
        ),
        pytest.param(
            ([0, 0, 40, 40], 0.4, 0), ([2, 0, 42, 40], 0.6, 1), [1.2, 0, 41.2, 40], 0.4, 0,
            id="small: 0.6 of the way; a smaller picture does not name small things",
        ),
    ],
)  # fmt: skip
def test_a_thing_that_both_looks_found_has_the_mean_of_its_boxes(
    first: Row, second: Row, box: list[float], score: float, name: int
) -> None:
    """Weighted by confidence; only what is near is named by the second look, if it is surer."""
    before = _boxes(first)

    once = both_looks(before, _boxes(second), 400, THINGS, nms_iou=0.45)

    np.testing.assert_allclose(once.xyxy, [box], rtol=1e-6)
    assert once.scores.tolist() == pytest.approx([score])
    assert once.classes.tolist() == [name]
    np.testing.assert_array_equal(before.xyxy, [first[0]])  # left as it was


def test_only_the_second_look_s_large_boxes_count_alone() -> None:
    """Of a side of 400 a box counts from 3/16 of it, 75 pixels, on."""
    second = _boxes(([0, 0, 75, 75], 0.9, 0), ([200, 0, 274, 75], 0.8, 0))

    found = both_looks(_boxes(), second, 400, THINGS, nms_iou=0.45)

    assert found.scores.tolist() == pytest.approx([0.9])
    assert both_looks(second, _boxes(), 400, THINGS, nms_iou=0.45) is second


@pytest.mark.parametrize("nms_iou", [0.0, 1.0])
def test_what_is_suppressed_does_not_decide_what_is_the_same(nms_iou: float) -> None:
    """A person elsewhere is never mixed with a car; what a look has twice at 1.0 is its own."""
    first = _boxes(([0, 0, 90, 100], 0.5, 0))
    second = _boxes(([300, 0, 390, 100], 0.5, 2))

    found = both_looks(first, second, 400, THINGS, nms_iou)

    assert sorted(found.xyxy[:, 0].tolist()) == [0, 300]


def test_what_the_first_look_missed_is_added_and_the_surest_comes_first() -> None:
    """A person before the car is another thing, however much of it they cover."""
    first = _boxes(([0, 0, 100, 100], 0.5, 0))
    second = _boxes(([0, 0, 90, 100], 0.8, 2), ([200, 0, 300, 100], 0.6, 1))

    found = both_looks(first, second, 400, THINGS, nms_iou=0.45)

    assert found.classes.tolist() == [2, 1, 0]
    np.testing.assert_array_equal(found.xyxy[2], [0, 0, 100, 100])


def test_two_boxes_of_the_second_look_are_not_both_one_of_the_first() -> None:
    """Two cars side by side that the first look took for one: the surer one is met, not both."""
    first = _boxes(([0, 0, 200, 100], 0.5, 0))
    second = _boxes(([0, 0, 100, 100], 0.5, 0), ([100, 0, 200, 100], 0.4, 0))

    found = both_looks(first, second, 400, THINGS, nms_iou=0.45)

    np.testing.assert_allclose(found.xyxy, [[0, 0, 150, 100], [100, 0, 200, 100]], rtol=1e-6)
