"""Explanations: order, fields, and the objects they point at."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from knowledge.entities import CLASS_GROUPS
from knowledge.hierarchy import FlatDescription
from service.scoring.calibration import Mode
from service.scoring.comparison import compare
from service.scoring.explain import FrameView, explain, participant
from service.scoring.text_bank import TextBank
from service.vision.rois import NO_OBJECT, Rois
from tests.service.scoring.street import Street


@pytest.fixture
def street(
    make_description: Callable[..., FlatDescription],
    make_bank: Callable[..., TextBank],
    make_rois: Callable[..., Rois],
) -> Street:
    return Street(make_description, make_bank, make_rois)


def test_an_anomalous_frame_lists_one_description_per_leaf_by_evidence(street: Street) -> None:
    """Crash has margin .2, burn .458 - .5; slam (.18) is of crash's leaf; nobody can be hit."""
    found = street.explain()

    assert [item.description_id for item in found] == ["crash", "burn"]
    assert found[0].margin == pytest.approx(0.2)
    assert found[0].similarity == pytest.approx(0.5)
    assert found[1].margin == pytest.approx(np.sqrt(0.84) / 2 - 0.5)


CAR, TRUCK = CLASS_GROUPS.index("car"), CLASS_GROUPS.index("truck")


@pytest.mark.parametrize("side", ["subject_groups", "object_groups"])
@pytest.mark.parametrize(
    ("crash_says", "slam_says", "verb", "told"),
    [
        ((CAR, TRUCK), (CAR,), "meets", "slam"),
        ((CAR, TRUCK), (CAR,), "rams", "crash"),  # another verb: another statement
        ((CAR, TRUCK), (TRUCK,), "meets", "crash"),  # is not true of a car
        ((CAR,), (CAR, TRUCK), "meets", "crash"),
        ((CAR, 0, 1), (CAR, TRUCK), "meets", "crash"),  # fewer kinds, but others
    ],
)
def test_what_is_said_of_two_cars_is_told_in_the_words_for_cars(
    street: Street,
    side: Literal["subject_groups", "object_groups"],
    crash_says: tuple[int, ...],
    slam_says: tuple[int, ...],
    verb: str,
    told: str,
) -> None:
    """Crash fits best, but of any vehicles; slam says the same of cars alone, if by one verb."""
    groups = getattr(street.bank, side).copy()
    for row, says in enumerate((crash_says, slam_says)):
        groups[row] = False
        groups[row, list(says)] = True
    crash, slam, *others = street.bank.descriptions
    street.bank = replace(
        street.bank,
        **{side: groups},
        descriptions=(crash, replace(slam, verb=verb), *others),
    )

    assert [item.description_id for item in street.explain()] == [told, "burn"]


def test_the_order_is_the_order_that_made_the_score(street: Street) -> None:
    """A leaf that always says much on normal footage stands behind one that never does."""
    usual = street.explain(standardised=(0.3, 4.0, -np.inf), above_null=(0.0, 4.0, 0.0))

    assert [item.description_id for item in usual] == ["burn", "crash"]


def test_the_most_unusual_pair_comes_first(street: Street) -> None:
    """Burn made more of the score, but two cars have met: what fits them best is told first."""
    found = street.explain(standardised=(0.3, 4.0, -np.inf))

    assert [item.description_id for item in found] == ["crash", "burn"]
    assert found[0].object is not None


def test_a_leaf_is_told_of_the_pair_that_speaks_most_for_it(street: Street) -> None:
    """Motion of the second pair adds 1 to its -.26 for slam; burn with 5 is told first."""
    motion = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 5.0, 0.0]])

    burn, collision = street.explain(standardised=(0.3, 0.1, -np.inf), of_pairs=motion)

    assert burn.description_id == "burn"
    assert collision.description_id == "slam"
    assert collision.subject == participant(street.rois, 1, (200, 100))


def test_a_normal_frame_is_explained_by_what_it_is(street: Street) -> None:
    """Park has the highest similarity of all grounded normals (.5), then the nearest anomalies."""
    found = street.explain(anomalous=False)

    assert [item.description_id for item in found] == ["park", "crash", "burn"]
    assert found[0].polarity == "normal"
    assert found[0].counterpart == "burn"
    assert found[0].margin == pytest.approx(0.5 - np.sqrt(0.84) / 2)


@pytest.mark.parametrize("mode", ["literal", "contrast"])
def test_other_modes_order_by_similarity(street: Street, mode: Mode) -> None:
    """Crash .5 before burn .458; the leaf evidence has no say."""
    found = street.explain(mode=mode, standardised=(0.0, 9.0, 9.0))

    assert [item.description_id for item in found] == ["crash", "burn"]
    assert found[0].similarity > found[1].similarity


@pytest.mark.parametrize("top_k", [0, 1, 2, 9])
def test_no_more_than_top_k_are_listed(street: Street, top_k: int) -> None:
    """Three are there: one normal and two leaves."""
    assert len(street.explain(anomalous=False, top_k=top_k)) == min(top_k, 3)


def test_a_negative_top_k_is_refused(street: Street) -> None:
    """It would cut the list from the wrong end."""
    with pytest.raises(ValueError, match="top_k"):
        street.explain(top_k=-1)


def test_an_explanation_has_exactly_the_public_fields(street: Street) -> None:
    """Car 0 fills x 0 to .1 and y .5 to .6 of 200 x 100 pixels; fields as architecture.md has."""
    first, alone = (item.as_dict() for item in street.explain())

    car = {
        "xyxy": pytest.approx([0, 50, 20, 60], abs=1e-4),
        "class": "car",
        "confidence": pytest.approx(0.9),
        "track_id": None,
        "roi_source": "detected",
    }
    expected: dict[str, Any] = {
        "description_id": "crash",
        "text": "A car meets a car.",
        "path": ["Traffic", "COLLISION"],
        "polarity": "anomaly",
        "severity": 3,
        "similarity": pytest.approx(0.5),
        "margin": pytest.approx(0.2),
        "counterpart": "follow",
        "subject": car,
        "object": {**car, "xyxy": pytest.approx([20, 50, 40, 60], abs=1e-4)},
        "cues": {},
    }
    assert first == expected
    assert alone["object"] is None


def test_a_pseudo_roi_and_a_track_are_told_apart(street: Street) -> None:
    """The road is pseudo and belongs to no track; a tracked car carries its number."""
    tracked = replace(street.rois, track_id=np.array([7, -1, -1, -1, -1]))

    car, road = participant(tracked, 0, (200, 100)), participant(tracked, 3, (200, 100))

    assert car is not None
    assert road is not None
    assert (car.track_id, car.roi_source) == (7, "detected")
    assert (road.track_id, road.roi_source, road.class_name) == (None, "pseudo", "road")
    assert road.xyxy == pytest.approx((0, 55, 200, 100))
    assert participant(tracked, NO_OBJECT, (200, 100)) is None


@pytest.mark.parametrize("anomalous", [True, False])
@pytest.mark.parametrize("mode", ["literal", "contrast", "paired"])
def test_a_frame_in_which_nothing_is_grounded_has_no_explanation(
    street: Street, mode: Mode, anomalous: bool
) -> None:
    """K = 0: no objects stand in the frame, so none are named."""
    scene = np.array([0.0, 0.0, 1.0])
    nothing = np.zeros((0, 2), np.int64)
    comparison = compare(street.bank, street.rois, nothing, scene, np.zeros((0, 3)), 1.0)

    found = explain(
        street.bank,
        FrameView(street.rois, nothing, (200, 100)),
        comparison,
        comparison.evidence,
        comparison.leaf_margins,
        None,
        mode=mode,
        anomalous=anomalous,
        top_k=5,
    )

    assert found == ()


def test_a_normal_description_without_any_rival_has_margin_zero(
    make_description: Callable[..., FlatDescription],
    make_bank: Callable[..., TextBank],
    make_rois: Callable[..., Rois],
) -> None:
    """The pair is two cars; the only anomaly needs a person."""
    bank = make_bank(
        [
            make_description("follow"),
            make_description("hit", "pass", roles=("car", "person")),
            make_description("pass", roles=("car", "person")),
        ]
    )
    rois, pairs = make_rois("car", "car"), np.array([[0, 1]])
    comparison = compare(bank, rois, pairs, np.array([1.0, 0]), np.array([[1.0, 0]]), 1.0)

    (only,) = explain(
        bank,
        FrameView(rois, pairs, (10, 10)),
        comparison,
        comparison.evidence,
        comparison.leaf_margins,
        None,
        mode="paired",
        anomalous=False,
        top_k=5,
    )

    assert (only.description_id, only.counterpart, only.margin) == ("follow", None, 0.0)
