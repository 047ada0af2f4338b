"""Parts: where they fall on the picture, what hides what, and which side is bright."""

import numpy as np
import pytest

from model.figures.parts import Drawing, Part, Wheel, capsule, symmetric_hull, vec

SIDE = 200
RED, GREEN = np.array([0.0, 0.0, 200.0]), np.array([0.0, 200.0, 0.0])


def drawn(*parts: Part, lamp: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> Drawing:
    """Seen along -x from 100 m away: 4 m fill the picture, so 50 pixels are a metre."""
    drawing = Drawing(SIDE, 0.0, 0.0, 100.0, 4.0, np.array(lamp), 1.0)
    drawing.draw(parts)
    return drawing


def box_of(drawing: Drawing) -> list[int]:
    """x1, y1, x2, y2 of what is drawn."""
    y, x = np.nonzero(drawing.mask)
    return [int(x.min()), int(y.min()), int(x.max()), int(y.max())]


def test_a_ball_falls_where_it_stands() -> None:
    """Radius 0.5 m, 1 m to the figure's left and 0.5 m above the eye's level.

    The camera looks into its face, so its left is to the right: x 100 + 50 +- 25, y 75 +- 25.
    """
    ball = capsule([0, 1, 1.5], [0, 1, 1.5], (0.5, 0.5), RED)

    drawing = drawn(ball)

    assert box_of(drawing) == pytest.approx([125, 50, 175, 100], abs=2)
    assert drawing.mask.astype(bool).sum() == pytest.approx(np.pi * 25**2, rel=0.04)


def test_a_box_of_one_metre_is_fifty_pixels_wide() -> None:
    """Mirrored at y = 0."""
    corners = [[x, 0.5, z] for x in (-0.5, 0.5) for z in (0.5, 1.5)]

    drawing = drawn(symmetric_hull(corners, RED))

    assert box_of(drawing) == pytest.approx([75, 75, 125, 125], abs=2)


def test_what_is_near_hides_what_is_far() -> None:
    near = capsule([1, 0, 1], [1, 0, 1], (0.2, 0.2), RED)
    far = capsule([-1, 0, 1], [-1, 0, 1], (0.4, 0.4), GREEN)

    for parts in ((near, far), (far, near)):
        colour = drawn(*parts).colour
        assert colour[100, 100, 2] > 100
        assert colour[100, 100, 1] == 0
        assert colour[100, 84, 1] > 100  # beside the red one the green one looks out


@pytest.mark.parametrize("lamp", [(0.0, 1.0, 0.0), (0.0, -1.0, 0.0)])
def test_the_side_of_the_lamp_is_bright(lamp: tuple[float, float, float]) -> None:
    colour = drawn(capsule([0, 0, 1], [0, 0, 1], (1, 1), RED), lamp=lamp).colour

    right, left = colour[100, 135, 2], colour[100, 65, 2]

    assert (right > left) == (lamp[1] > 0)
    assert abs(right - left) > 20


def test_a_bicycle_wheel_is_seen_through_and_a_tyre_is_not() -> None:
    """Seen from the side; between two spokes there is nothing."""

    def hole(is_open: bool) -> int:
        drawing = Drawing(SIDE, np.pi / 2, 0.0, 100.0, 2.0, vec(0, 0, 1), 0.35)
        drawing.draw([Wheel(vec(0, 0, 0.35), 0.35, 0.04, GREEN, RED, open=is_open)])
        disc = drawing.mask[80:120, 80:120]
        return int((disc == 0).sum())

    assert hole(is_open=True) > 800
    assert hole(is_open=False) == 0
