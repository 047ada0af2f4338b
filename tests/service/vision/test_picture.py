"""Where a picture ends: black bars, and what only looks like them."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from service.vision.picture import PictureEdges

SHAPE = (180, 320)
WHOLE = [0.0, 0.0, 1.0, 1.0]


def picture(left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> NDArray[np.uint8]:
    """Bright noise with black bars of so many pixels."""
    grey = np.random.default_rng(0).integers(60, 200, SHAPE, np.uint8)
    height, width = SHAPE
    grey[:, :left], grey[:, width - right :] = 0, 0
    grey[:top], grey[height - bottom :] = 0, 0
    return grey


def test_two_bars_alike_belong_to_another_format() -> None:
    """40 of 320 columns on either side; 18 of 180 rows above, 20 below; an upright phone's."""
    assert PictureEdges().update(picture(left=40, right=40)) == pytest.approx([0.125, 0, 0.875, 1])
    assert PictureEdges().update(picture(top=18, bottom=20)) == pytest.approx(
        [0, 0.1, 1, 1 - 1 / 9]
    )


@pytest.mark.parametrize(
    "dark",
    [
        pytest.param(picture(), id="none"),
        pytest.param(picture(top=60), id="sky"),
        pytest.param(picture(left=40, right=10), id="unlike"),
        pytest.param(picture(left=120, right=120), id="tunnel"),
        pytest.param(np.zeros(SHAPE, np.uint8), id="black"),
    ],
)
def test_what_is_no_pair_of_bars_is_picture(dark: NDArray[np.uint8]) -> None:
    """A night's sky, a dark wall, a tunnel, a black frame."""
    assert PictureEdges().update(dark).tolist() == WHOLE


def test_where_something_has_shone_there_is_no_bar() -> None:
    """One light in the dark beside the road is enough, for good; until another scene begins."""
    edges, dark = PictureEdges(), picture(left=40, right=40)
    edges.update(dark)
    lit = dark.copy()
    lit[90, 5] = 200
    edges.update(lit)

    assert edges.update(dark).tolist() == WHOLE
    edges.reset()
    assert edges.update(dark).tolist() != WHOLE


def test_another_height_begins_anew() -> None:
    """A stream that changes from 16:9 to 4:3 in between."""
    edges = PictureEdges()
    edges.update(picture(left=40, right=40))
    other = np.full((240, 320), 100, np.uint8)
    other[:24], other[-24:] = 0, 0

    assert edges.update(other) == pytest.approx([0, 0.1, 1, 0.9])


def test_what_it_remembers_can_be_written_down() -> None:
    """From JSON it goes on with the brightest that each line has been."""
    edges, other = PictureEdges(), PictureEdges()
    edges.update(picture(left=20, right=20))
    other.restore(json.loads(json.dumps(edges.state())))

    assert other.update(picture(left=40, right=40)).tolist() == [0.0625, 0, 0.9375, 1]
