"""Drawn results, looked at pixel by pixel where a person would look."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from service.vision.draw import BANNER_SHARE, OBJECT, SUBJECT, draw_result
from service.vision.rois import Rois, detected_rois, with_pseudo_rois

GREY = 90


@dataclass(frozen=True)
class Side:
    xyxy: tuple[float, float, float, float]
    class_name: str
    track_id: int | None = None


@dataclass(frozen=True)
class Words:
    text: str
    subject: Side | None = None
    object: Side | None = None


@dataclass(frozen=True)
class Scored:
    rois: Rois
    explanations: tuple[Words, ...] = ()
    probability: float = 0.9
    anomalous: bool = True


def scored(*boxes: tuple[float, float, float, float], words: Words | None = None) -> Scored:
    """Cars at these places, in units of the frame."""
    found = detected_rois(np.reshape(boxes, (-1, 4)), ["car"] * len(boxes), [0.8] * len(boxes))
    return Scored(with_pseudo_rois(found), (words,) if words else ())


def blank(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GREY, np.uint8)


def touched(drawn: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((drawn != GREY).any(axis=2), np.bool_)


def shows(pixels: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((pixels == np.array(colour, np.uint8)).all(axis=-1).any())


def test_subject_and_object_are_told_apart_by_colour() -> None:
    """The subject's frame is orange-red, the object's light blue, each around its own box."""
    pair = Words(
        "a car hits a bus", Side((100, 200, 200, 300), "car"), Side((400, 200, 500, 300), "bus")
    )

    drawn = draw_result(blank(480, 640), scored(words=pair))

    assert shows(drawn[250:260, 95:105], SUBJECT)
    assert shows(drawn[250:260, 395:405], OBJECT)
    assert touched(drawn)[250, 300], "an arrow joins them"


def test_the_frame_given_stays_as_it_is() -> None:
    """A caller may still encode or score it."""
    frame = blank(480, 640)

    drawn = draw_result(frame, scored((0.2, 0.4, 0.5, 0.8)))

    assert (frame == GREY).all()
    assert drawn.shape == frame.shape
    assert touched(drawn).any()


@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (20, 20), (40, 960), (540, 120), (180, 320), (720, 1280), (2160, 3840)],
)
def test_the_banner_never_covers_more_than_its_share(height: int, width: int) -> None:
    """Whatever the shape and however long the text; a picture too small for text gets none."""
    long = Words("a car that turns left at a crossing crashes into a cyclist " * 8)

    covered = touched(draw_result(blank(height, width), scored(words=long)))

    assert covered.all(axis=1).mean() <= BANNER_SHARE + 0.02


def test_the_banner_moves_away_from_the_pair() -> None:
    """A pair at the top sends it to the bottom."""
    high = Words("near the top", Side((100, 0, 200, 60), "car"), Side((300, 0, 400, 60), "car"))

    covered = touched(draw_result(blank(480, 640), scored(words=high)))

    assert covered[-1].all()
    assert not covered[0].all()


def test_pseudo_rois_are_drawn_only_as_part_of_the_pair() -> None:
    """Road, ego and full frame are always there and would always be in the way."""
    assert not touched(draw_result(blank(480, 640), scored()))[250:].any()


def test_labels_do_not_lie_on_each_other() -> None:
    """Thirty cars in one spot: only as many labels as find room, here 4 around the same box."""
    many = scored(*[(0.4, 0.5, 0.6, 0.7)] * 30)
    one = scored((0.4, 0.5, 0.6, 0.7))

    crowded = touched(draw_result(blank(480, 640), many))[150:]
    alone = touched(draw_result(blank(480, 640), one))[150:]

    assert crowded.sum() < 5 * alone.sum()


def test_letters_beyond_ascii_become_plain_ones() -> None:
    """The font would draw question marks."""
    accented = draw_result(blank(480, 640), scored(words=Words("a café is hit")))
    plain = draw_result(blank(480, 640), scored(words=Words("a cafe is hit")))

    assert np.array_equal(accented, plain)
