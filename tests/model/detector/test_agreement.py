"""Recall and precision against the teacher, counted by hand."""

import pytest

from model.detector.agreement import agreement, best_threshold, pair_boxes
from service.vision.rois import detected_rois

FRAME_HW = (416, 416)  # so that 0.1 of the frame is 41.6 network pixels
LEFT, RIGHT, CORNER = (0.0, 0.0, 0.2, 0.2), (0.5, 0.0, 0.7, 0.2), (0.9, 0.9, 0.94, 0.94)


def test_counts_of_a_frame_worked_out_by_hand() -> None:
    """Teacher: two sure cars and a doubtful one. Student: one hit, one on the doubtful, one wrong.

    Recall 1 of 2. The doubtful box is neither right nor wrong, so precision is 1 of 2 as well.
    """
    teacher = detected_rois([LEFT, RIGHT, CORNER], ["car"] * 3, [0.9, 0.8, 0.3])
    wrong = (0.3, 0.6, 0.5, 0.8)
    student = detected_rois([LEFT, CORNER, wrong], ["car"] * 3, [0.7, 0.6, 0.5])

    table = agreement([pair_boxes(student, teacher, FRAME_HW)], threshold=0.4)

    assert table["all"] == {"recall": 0.5, "of": 2, "precision": 0.5, "shown": 2}
    assert table["size"]["large"] == {"recall": 0.5, "of": 2}  # sides of 83 pixels


def test_a_box_of_another_class_finds_nothing() -> None:
    teacher = detected_rois([LEFT], ["truck"], [0.9])
    student = detected_rois([LEFT], ["car"], [0.9])

    table = agreement([pair_boxes(student, teacher, FRAME_HW)], threshold=0.4)

    assert table["class"]["truck"]["recall"] == 0.0
    assert table["class"]["car"]["precision"] == 0.0


def test_two_boxes_on_one_object_count_once() -> None:
    teacher = detected_rois([LEFT], ["car"], [0.9])
    student = detected_rois([LEFT, LEFT], ["car", "car"], [0.9, 0.8])

    table = agreement([pair_boxes(student, teacher, FRAME_HW)], threshold=0.4)

    assert table["class"]["car"] == {"recall": 1.0, "of": 1, "precision": 0.5, "shown": 2}


def test_a_class_without_examples_has_no_figure() -> None:
    """No boxes at all is the empty case: nothing divides by zero and nothing reads as perfect."""
    nothing = detected_rois([], [], [])

    table = agreement([pair_boxes(nothing, nothing, FRAME_HW)], threshold=0.4)

    assert table["class"]["animal"] == {"recall": None, "of": 0, "precision": None, "shown": 0}


@pytest.mark.parametrize(("false_score", "expected"), [(0.35, 0.5), (0.05, 0.3)])
def test_the_threshold_drops_false_boxes_but_keeps_the_found(
    false_score: float, expected: float
) -> None:
    """The hit scores 0.6: a false box at 0.35 asks for 0.5, one at 0.05 allows 0.3."""
    teacher = detected_rois([LEFT], ["car"], [0.9])
    student = detected_rois([LEFT, RIGHT], ["car", "car"], [0.6, false_score])

    pairing = pair_boxes(student, teacher, FRAME_HW)

    assert best_threshold(lambda _: [pairing], (0.7, 0.5, 0.3)) == expected
