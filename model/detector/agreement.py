"""How well the student's boxes agree with the teacher's: recall and precision by class and size.

The teacher is the reference, not the truth: a box that both miss costs nothing here. Teacher boxes
between ``DOUBT`` and ``SURE`` are neither wanted nor wrong, so they count for neither figure.

Dimension letters used in this file: N student boxes, M teacher boxes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector.classes import CLASSES
from service.vision.overlap import iou
from service.vision.rois import Rois

SURE = 0.5
DOUBT = 0.2
IOU = 0.5
NO_MATCH = -1
LEAST_PRECISION = 0.88  # on training cameras; others lie some points below
# Upper bounds of the box side sqrt(w h) in network pixels (frame's long side = 416).
SIZES = (("small", 24.0), ("medium", 64.0), ("large", float("inf")))


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Boxes of one frame after matching.

    Attributes:
        match: (N,) index of the teacher box that a student box found, or ``NO_MATCH``.
        student, student_class: scores (N,) and class indices (N,).
        teacher, teacher_class: scores (M,) and class indices (M,).
        teacher_side: (M,) sqrt(w h) in network pixels.
    """

    match: NDArray[np.int64]
    student: NDArray[np.float32]
    student_class: NDArray[np.int64]
    teacher: NDArray[np.float32]
    teacher_class: NDArray[np.int64]
    teacher_side: NDArray[np.float32]


def pair_boxes(student: Rois, teacher: Rois, frame_hw: tuple[int, int]) -> Pairing:
    """Match greedily within a class, the most confident student box first, at IoU 0.5."""
    teacher_rows = [i for i, name in enumerate(teacher.class_name) if name in CLASSES]
    pixels = np.array([frame_hw[1], frame_hw[0]] * 2, np.float32) * (416 / max(frame_hw))
    ours, theirs = student.xyxy * pixels, teacher.xyxy[teacher_rows] * pixels
    our_class = _class_ids(student.class_name)
    their_class = _class_ids([teacher.class_name[i] for i in teacher_rows])
    overlap = iou(ours, theirs) * (our_class[:, None] == their_class[None])
    match = np.full(len(ours), NO_MATCH, np.int64)
    for row in np.argsort(-student.confidence, kind="stable"):
        if len(theirs) and overlap[row].max() >= IOU:
            match[row] = overlap[row].argmax()
            overlap[:, match[row]] = 0.0
    side = np.sqrt((theirs[:, 2:] - theirs[:, :2]).prod(-1))
    scores = teacher.confidence[teacher_rows]
    return Pairing(match, student.confidence, our_class, scores, their_class, side)


def agreement(pairings: Sequence[Pairing], threshold: float) -> dict[str, Any]:
    """Recall and precision with their counts: over all, by class and by size."""
    found, wanted = _recall_table(pairings, threshold)
    right, wrong = _precision_table(pairings, threshold)
    rows: dict[str, Any] = {"frames": len(pairings), "threshold": threshold}
    rows["all"] = _entry(found.sum(), wanted.sum(), right.sum(), wrong.sum())
    rows["class"] = {
        name: _entry(found[i].sum(), wanted[i].sum(), right[i], wrong[i])
        for i, name in enumerate(CLASSES)
    }
    rows["size"] = {
        name: {
            "recall": _ratio(found[:, i].sum(), wanted[:, i].sum()),
            "of": int(wanted[:, i].sum()),
        }
        for i, (name, _) in enumerate(SIZES)
    }
    return rows


def best_threshold(
    pairings_at: Callable[[float], Sequence[Pairing]], candidates: Iterable[float]
) -> float:
    """The lowest candidate whose precision over all classes reaches ``LEAST_PRECISION``.

    A participant that is missed hides every description of it, so recall comes first; a false box
    adds pairs that a text must match, and tracks that end.

    Args:
        pairings_at: What a detector of this threshold finds.
        candidates: Asked from the lowest on until one is good enough; else the highest is taken.
    """
    ordered = sorted(candidates)
    good = (
        threshold
        for threshold in ordered
        if _precision(pairings_at(threshold), threshold) >= LEAST_PRECISION
    )
    return next(good, ordered[-1])


def _precision(pairings: Sequence[Pairing], threshold: float) -> float:
    right, wrong = (float(table.sum()) for table in _precision_table(pairings, threshold))
    return right / max(1.0, right + wrong)


def _recall_table(
    pairings: Sequence[Pairing], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Teacher boxes found and wanted, each (classes, sizes)."""
    found = np.zeros((len(CLASSES), len(SIZES)), np.int64)
    wanted = np.zeros_like(found)
    bounds = [limit for _, limit in SIZES]
    for pairing in pairings:
        size = np.searchsorted(bounds, pairing.teacher_side, side="right")
        sure = pairing.teacher >= SURE
        hit = np.zeros(len(sure), bool)
        hit[pairing.match[(pairing.match != NO_MATCH) & (pairing.student >= threshold)]] = True
        np.add.at(wanted, (pairing.teacher_class[sure], size[sure]), 1)
        np.add.at(found, (pairing.teacher_class[sure & hit], size[sure & hit]), 1)
    return found, wanted


def _precision_table(
    pairings: Sequence[Pairing], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Student boxes that found a sure teacher box, and that found none, each (classes,)."""
    right = np.zeros(len(CLASSES), np.int64)
    wrong = np.zeros_like(right)
    for pairing in pairings:
        shown = pairing.student >= threshold
        matched = pairing.match != NO_MATCH
        partner = np.zeros(len(matched), np.float32)
        partner[matched] = pairing.teacher[pairing.match[matched]]
        np.add.at(right, pairing.student_class[shown & (partner >= SURE)], 1)
        np.add.at(wrong, pairing.student_class[shown & (partner < DOUBT)], 1)
    return right, wrong


def _class_ids(names: Sequence[str]) -> NDArray[np.int64]:
    return np.array([CLASSES.index(name) for name in names], np.int64)


def _entry(found: int, wanted: int, right: int, wrong: int) -> dict[str, Any]:
    """No figure is given where there was nothing to count."""
    return {
        "recall": _ratio(found, wanted),
        "of": int(wanted),
        "precision": _ratio(right, right + wrong),
        "shown": int(right + wrong),
    }


def _ratio(part: int, whole: int) -> float | None:
    return round(float(part / whole), 3) if whole else None
