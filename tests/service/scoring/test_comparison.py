"""A frame against a text bank of two anomalies and two normals, worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from knowledge.hierarchy import FlatDescription
from service.scoring.comparison import Comparison, compare
from service.scoring.eq11 import NO_EVIDENCE
from service.scoring.text_bank import TextBank
from service.vision.rois import Rois

Build = tuple[Callable[..., FlatDescription], Callable[..., TextBank], Callable[..., Rois]]
PAIRS = np.array([[0, 1], [1, 0]])


@pytest.fixture
def comparison(
    make_description: Callable[..., FlatDescription],
    make_bank: Callable[..., TextBank],
    make_rois: Callable[..., Rois],
) -> Comparison:
    """Two cars, no person.

    Scene cosines are all 0. Relation cosines of pair 0 are (1, 0.6, 0, 0.8) with the descriptions
    crash, follow, hit a person, pass a person; of pair 1 (0, 0.8, 1, -0.6).
    """
    bank = make_bank(
        [
            make_description("crash", "follow"),
            make_description("follow"),
            make_description("hit", "pass", roles=("car", "person")),
            make_description("pass", roles=("car", "person")),
        ],
        pooled=[[0, 1, 0]] * 4,
        svo=[[1, 0, 0], [0.6, 0.8, 0], [0, 1, 0], [0.8, -0.6, 0]],
    )
    relation = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    return compare(bank, make_rois("car", "car"), PAIRS, np.array([0, 0, 1.0]), relation, 1.0)


def test_similarities_are_the_mean_of_both_halves(comparison: Comparison) -> None:
    """The scene says nothing, so every relation cosine is halved."""
    assert comparison.similarities == pytest.approx(
        np.array([[0.5, 0.3, 0.0, 0.4], [0.0, 0.4, 0.5, -0.3]])
    )


def test_only_descriptions_of_two_cars_are_accepted(comparison: Comparison) -> None:
    """Nobody walks in this frame."""
    assert comparison.accepted.tolist() == [[True, True, False, False]] * 2


def test_evidence_pools_the_margins_of_one_leaf_and_silences_the_other(
    comparison: Comparison,
) -> None:
    """Margins 0.5 - 0.3 = 0.2 and 0 - 0.4 = -0.4; the second is 6e-6 of the first at tau 0.05."""
    assert comparison.margins[:, 0] == pytest.approx([0.2, -0.4])
    assert comparison.evidence[0] == pytest.approx(0.2 - 0.05 * np.log(2), abs=1e-6)
    assert comparison.evidence[1] == NO_EVIDENCE


def test_eq11_and_contrast_use_the_best_pair_or_the_scene(comparison: Comparison) -> None:
    """D_a: crash 0.5 and hit 0 (scene alone); D_b: follow 0.4 and pass 0 (scene alone)."""
    assert comparison.literal == pytest.approx(0.25)
    assert comparison.contrast == pytest.approx(0.25 - 0.2)


def test_what_only_pixels_show_is_silent_without_them(
    make_description: Callable[..., FlatDescription],
    make_bank: Callable[..., TextBank],
    make_rois: Callable[..., Rois],
) -> None:
    """Flames are neither a box nor a motion; with trusted pixels the leaf speaks."""
    bank = make_bank(
        [
            make_description("burn", "park", roles=("car", "null"), cues=("appearance",)),
            make_description("park", roles=("car", "null")),
        ],
        pooled=[[0, 1, 0]] * 2,
        svo=[[1, 0, 0], [0, 1, 0]],
    )
    arguments = (np.array([[0, -1]]), np.array([0, 0, 1.0]), np.array([[1.0, 0, 0]]))

    seen, unseen = (compare(bank, make_rois("car"), *arguments, gate) for gate in (0.5, 0.49))

    assert bank.needs_pixels.tolist() == [True, False]
    assert seen.evidence[0] == pytest.approx(1 / 1.5)
    assert unseen.evidence[0] == NO_EVIDENCE
    assert unseen.accepted.tolist() == [[False, True]]


def test_weather_is_not_told_by_boxes(
    make_description: Callable[..., FlatDescription], make_bank: Callable[..., TextBank]
) -> None:
    """A slippery road has to be seen; that it is day says nothing."""
    bank = make_bank(
        [
            make_description("skid", "park", conditions=("snow", "rain")),
            make_description("hit", "park", conditions=("day",)),
            make_description("fall", "park"),
            make_description("park", conditions=("night",)),
        ]
    )

    assert bank.needs_pixels.tolist() == [True, False, False, False]


def test_a_camera_that_stands_has_no_own_car(
    make_description: Callable[..., FlatDescription],
    make_bank: Callable[..., TextBank],
    make_rois: Callable[..., Rois],
) -> None:
    """What is told of the own car is silent on a mast, whatever the pair looks like."""
    bank = make_bank(
        [
            make_description("ram", "follow", roles=("car", "car"), ego=True),
            make_description("follow", roles=("car", "car")),
        ],
        pooled=[[0, 1, 0]] * 2,
        svo=[[1, 0, 0], [0, 1, 0]],
    )
    arguments = (np.array([[0, 1]]), np.array([0, 0, 1.0]), np.array([[1.0, 0, 0]]), 0.0)

    driven, fixed = (
        compare(bank, make_rois("car", "car"), *arguments, stands) for stands in (False, True)
    )

    assert driven.evidence[0] > 0
    assert fixed.evidence[0] == NO_EVIDENCE
    # Eq. (11) knows roles only: who may not speak does not drop to the scene half in it.
    assert fixed.literal == driven.literal > 0
