"""Figures: every kind is drawn, the same seed draws the same, and it lands where it is laid."""

import numpy as np
import pytest

from model.detector.classes import CLASSES
from model.figures.figure import PLANS, Figure, Kind, draw_figure, lay_into

GREY = np.full((100, 200, 3), 120, np.uint8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", list(PLANS))
def test_a_figure_fills_its_cut_out(kind: Kind) -> None:
    """Of 20 from everywhere: all borders are touched, colours are in range, no two are alike."""
    figures = [draw_figure(kind, rng(seed)) for seed in range(20)]

    for figure in figures:
        solid = figure.mask > 0
        assert solid[0].any()
        assert solid[-1].any()
        assert solid[:, 0].any()
        assert solid[:, -1].any()
        assert 0.1 < solid.mean() <= 1
        assert 0 <= figure.pixels.min() <= figure.pixels.max() <= 255
        assert figure.pixels.std() > 5
    assert len({figure.pixels.tobytes() for figure in figures}) == 20
    again = draw_figure(kind, rng(3))
    assert (again.pixels == figures[3].pixels).all()


def test_every_kind_is_a_class_of_the_detector_and_only_cars_are_not_drawn() -> None:
    assert set(CLASSES) - set(PLANS) == {"car"}


def test_it_stands_where_it_is_laid_and_nothing_else_changes_but_the_shadow() -> None:
    """Twice as high as wide, 40 pixels high, its feet at (60, 80)."""
    tall = Figure("person", np.full((80, 40, 3), 250, np.float32), np.ones((80, 40), np.float32))
    frame = GREY.copy()

    lay_into(frame, tall, (60.0, 80.0), 40.0, rng())

    assert (frame[40:78, 50:70] > 130).all()
    changed = (frame != GREY).any(axis=2)
    changed[40:80, 50:70] = False
    y, x = np.nonzero(changed)
    assert y.min() > 70  # the shadow lies at the feet
    assert y.max() < 87
    assert (frame[changed] < 120).all()
    assert x.min() > 40
    assert x.max() < 80


def test_a_figure_over_the_border_is_cut_and_one_outside_changes_nothing() -> None:
    square = Figure("animal", np.full((50, 50, 3), 250, np.float32), np.ones((50, 50), np.float32))
    over, outside = GREY.copy(), GREY.copy()

    lay_into(over, square, (0.0, 60.0), 40.0, rng())
    lay_into(outside, square, (-40.0, 60.0), 40.0, rng())

    assert (over[25:58, :19] > 130).all()
    assert (outside == GREY).all()


def test_a_dark_place_makes_a_dark_figure() -> None:
    bright = Figure("person", np.full((40, 40, 3), 200, np.float32), np.ones((40, 40), np.float32))
    day, night = np.full((100, 100, 3), 160, np.uint8), np.full((100, 100, 3), 20, np.uint8)

    for frame in (day, night):
        lay_into(frame, bright, (50.0, 70.0), 40.0, rng())

    assert night[50, 50].mean() < day[50, 50].mean() / 2
