"""The bank keeps what the teacher recognises, and frames get figures as often as asked for."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from model.detector.bank import draw_bank, recognised, with_figures
from model.detector.classes import CLASSES
from model.detector.recipe import Figures, load_detector_recipe
from model.detector.teacher import Teacher, TeacherView
from model.errors import ModelError
from model.figures.figure import draw_figure

VIEW_HW = (256, 416)
CELLS = 32 * 52 + 16 * 26 + 8 * 13
FRAMES = np.full((2, 90, 160, 3), 120, np.uint8)


class Says:
    """A teacher that gives every place of every view the next of its scores, for one class."""

    def __init__(self, kind: str, *scores: float) -> None:
        self.kind, self.scores, self.asked = kind, scores, 0

    def view(self, images: np.ndarray) -> TeacherView:
        scores = torch.zeros(1, CELLS, len(CLASSES))
        scores[..., CLASSES.index(self.kind)] = self.scores[self.asked % len(self.scores)]
        self.asked += 1
        return TeacherView(torch.zeros(1, CELLS, 4), scores, ())


def how(**changes: object) -> Figures:
    plan = {"count": {"animal": 2}, "least_score": 0.3, "share": 1.0, "most": 2, "size": (0.1, 0.3)}
    return Figures.model_validate(plan | changes)


def test_only_what_is_recognised_is_kept() -> None:
    """Scores 0.2, 0.9, 0.2, 0.9: the second and the fourth."""
    teacher = Says("animal", 0.2, 0.9)

    bank = draw_bank(FRAMES, VIEW_HW, cast(Teacher, teacher), how(), seed=1)

    assert [figure.kind for figure in bank] == ["animal", "animal"]
    assert teacher.asked == 4


def test_another_class_is_not_recognised_and_the_kind_is_named() -> None:
    with pytest.raises(ModelError, match=r"0 of 60 figures of kind animal more than 0\.3; 2 are"):
        draw_bank(FRAMES, VIEW_HW, cast(Teacher, Says("truck", 0.9)), how(), seed=1)


def test_frames_get_figures_and_stay_what_they_were() -> None:
    bank = [draw_figure("person", np.random.default_rng(0))]
    before = FRAMES.copy()

    mixed = with_figures(FRAMES, bank, how(), np.random.default_rng(2))
    none = with_figures(FRAMES, bank, how(share=0.0), np.random.default_rng(2))

    assert (before == FRAMES).all()
    assert all((frame != 120).any() for frame in mixed)
    assert (none == FRAMES).all()


def test_the_real_teacher_recognises_drawn_pedestrians(data_root: Path) -> None:
    """More than three of five of them, on asphalt grey."""
    teacher = Teacher(data_root / load_detector_recipe().teacher)
    rng = np.random.default_rng(0)
    scores = []

    for _ in range(20):
        view = np.full((*VIEW_HW, 3), 110, np.uint8)
        scores.append(recognised(draw_figure("person", rng), view, teacher, rng))

    assert np.mean([score > 0.3 for score in scores]) > 0.6
