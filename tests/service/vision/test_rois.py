"""ROIs and pairs against cases worked out by hand, with the empty frame first."""

import math

import numpy as np
import pytest

from knowledge.entities import CLASS_GROUPS
from service.vision.rois import (
    NO_OBJECT,
    Rois,
    affinity,
    box_geometry,
    detected_rois,
    form_pairs,
    with_pseudo_rois,
)


def rois_of(*named_boxes: tuple[str, tuple[float, float, float, float]]) -> Rois:
    """Detected ROIs with confidence 0.9, and the pseudo ROIs full, road, ego behind them."""
    names = [name for name, _ in named_boxes]
    return with_pseudo_rois(
        detected_rois([box for _, box in named_boxes], names, [0.9] * len(names))
    )


def as_set(pairs: np.ndarray) -> set[tuple[int, int]]:
    return {(int(s), int(o)) for s, o in pairs}


def test_a_frame_without_detections_still_has_three_rois() -> None:
    """R = 0 detections is a result: the frame, the road and the ego vehicle remain."""
    rois = with_pseudo_rois(detected_rois(np.zeros((0, 4)), [], []))

    assert rois.class_name == ("full", "road", "ego")
    assert [CLASS_GROUPS[group] for group in rois.class_group] == ["full", "road", "ego"]
    assert rois.source == ("pseudo",) * 3
    assert rois.confidence.tolist() == [1.0, 1.0, 1.0]
    assert rois.track_id.tolist() == [-1, -1, -1]
    assert rois.xyxy == pytest.approx(
        np.array([[0, 0, 1, 1], [0, 0.55, 1, 1], [0.2, 0.82, 0.8, 1.0]])
    )


def test_detected_boxes_are_clipped_and_their_classes_mapped() -> None:
    """What hangs over the border is cut; a class nobody knows is "other"."""
    rois = detected_rois([[-0.1, 0.2, 0.5, 1.3], [0.1, 0.1, 0.2, 0.2]], ["car", "zeppelin"], [1, 0])

    assert rois.xyxy == pytest.approx(np.array([[0, 0.2, 0.5, 1.0], [0.1, 0.1, 0.2, 0.2]]))
    assert [CLASS_GROUPS[group] for group in rois.class_group] == ["car", "other"]
    assert rois.xyxy.dtype == rois.confidence.dtype == np.float32
    assert len(rois) == 2


@pytest.mark.parametrize(
    ("xyxy", "names", "confidence", "message"),
    [
        pytest.param([[0, 0, 1, 1]], [], [0.5], "equally many", id="no name"),
        pytest.param([[0, 0, 1, 1]], ["car"], [0.5, 0.5], "equally many", id="two confidences"),
        pytest.param([[0, 0, math.nan, 1]], ["car"], [0.5], "finite", id="not a number"),
        pytest.param([[0, 0, 1, 1]], ["car"], [math.inf], "finite", id="infinite confidence"),
        pytest.param([[0.5, 0, 0.4, 1]], ["car"], [0.5], "x1 <= x2", id="inside out"),
        pytest.param([[0, 0, 1, 1]], ["car"], [1.5], "0..1", id="confidence above one"),
    ],
)
def test_boxes_that_cannot_be_right_are_refused(
    xyxy: list[list[float]], names: list[str], confidence: list[float], message: str
) -> None:
    """The message says which rule was broken."""
    with pytest.raises(ValueError, match=message):
        detected_rois(xyxy, names, confidence)


def test_pseudo_rois_are_added_only_once() -> None:
    """A second road would be encoded and paired twice."""
    with pytest.raises(ValueError, match="already"):
        with_pseudo_rois(rois_of())


@pytest.mark.parametrize("num_boxes", [0, 1, 3])
def test_geometry_is_corners_centre_and_size(num_boxes: int) -> None:
    """[0.1, 0.2, 0.5, 0.8] has its centre at (0.3, 0.5) and measures 0.4 x 0.6."""
    boxes = np.tile(np.array([0.1, 0.2, 0.5, 0.8], np.float32), (num_boxes, 1))

    geometry = box_geometry(boxes)

    expected = np.tile([0.1, 0.2, 0.5, 0.8, 0.3, 0.5, 0.4, 0.6], (num_boxes, 1)).reshape(-1, 8)
    assert geometry.shape == (num_boxes, 8)
    assert geometry == pytest.approx(expected)


def test_affinity_matches_the_value_worked_out_by_hand() -> None:
    """Squares of side 0.2: half overlapping, 0.1 apart, and a point in the far corner."""
    boxes = np.array(
        [[0, 0, 0.2, 0.2], [0.1, 0, 0.3, 0.2], [0.3, 0, 0.5, 0.2], [1, 1, 1, 1]], np.float64
    )

    near = affinity(boxes)

    assert near[0, 0] == pytest.approx(2.0)
    assert near[0, 1] == pytest.approx(1 / 3 + 1)  # overlap 0.02 of union 0.06, no gap
    assert near[0, 2] == pytest.approx(math.exp(-0.1 / 0.2))  # no overlap, mean size 0.2
    assert near[0, 3] == pytest.approx(math.exp(-math.hypot(0.8, 0.8) / 0.1))
    assert near == pytest.approx(near.T)


def test_boxes_without_area_are_close_only_to_themselves() -> None:
    """No division by zero: equal points touch, distinct points have nothing in common."""
    near = affinity(np.array([[0.1, 0.1, 0.1, 0.1], [0.9, 0.9, 0.9, 0.9]]))

    assert near.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_an_empty_frame_keeps_the_pairs_of_the_ego_vehicle() -> None:
    """(ego, road) and (ego, nothing) are always there."""
    assert form_pairs(rois_of()).tolist() == [[2, 1], [2, NO_OBJECT]]


def test_without_any_roi_there_is_no_pair() -> None:
    """K = 0 has the shape of a pair list, so that an encoder can take it."""
    pairs = form_pairs(detected_rois(np.zeros((0, 4)), [], []))

    assert pairs.shape == (0, 2)
    assert pairs.dtype == np.int64


def test_two_cars_are_paired_in_both_orders_and_with_every_place() -> None:
    """Cars 0 and 1, full 2, road 3, ego 4: all there is fits into the budget."""
    pairs = form_pairs(rois_of(("car", (0.1, 0.5, 0.3, 0.7)), ("car", (0.3, 0.5, 0.5, 0.7))))

    with_places = {(x, place) for x in (0, 1) for place in (2, 3, 4, NO_OBJECT)}
    assert as_set(pairs) == with_places | {(4, 0), (4, 1), (0, 1), (1, 0), (4, 3), (4, NO_OBJECT)}
    assert len(pairs) == len(as_set(pairs))


def test_thirty_overlapping_cars_do_not_starve_one_person() -> None:
    """The far smaller person keeps pairs in both orders, with the ego vehicle and alone."""
    cars = [("car", (0.1 + 0.005 * i, 0.5, 0.4 + 0.005 * i, 0.8)) for i in range(30)]
    rois = rois_of(*cars, ("person", (0.9, 0.5, 0.92, 0.58)))
    person, road, ego = 30, 32, 33

    pairs = as_set(form_pairs(rois))

    with_cars = {car for car in range(30) if {(person, car), (car, person)} <= pairs}
    assert len(with_cars) == 4  # six of 32 pairs are theirs, and two that no obstacle claims
    assert with_cars == {26, 27, 28, 29}  # the nearest ones
    assert {(person, ego), (ego, person), (person, road), (person, NO_OBJECT)} <= pairs
    assert {(ego, road), (ego, NO_OBJECT)} <= pairs
    assert len(pairs) <= 32


def test_a_bicycle_and_an_animal_have_shares_of_their_own() -> None:
    """A bicycle counts as a person on it; a dog as a thing on the road."""
    cars = [("car", (0.1 + 0.01 * i, 0.5, 0.4 + 0.01 * i, 0.8)) for i in range(20)]
    pairs = as_set(
        form_pairs(
            rois_of(*cars, ("bicycle", (0.9, 0.5, 0.95, 0.6)), ("animal", (0.0, 0.9, 0.05, 0.95)))
        )
    )

    assert any((20, car) in pairs and (car, 20) in pairs for car in range(20))
    assert any((21, car) in pairs and (car, 21) in pairs for car in range(20))


def test_two_people_alone_are_still_looked_at_together() -> None:
    """A type without a share of its own takes what the others leave over."""
    pairs = as_set(
        form_pairs(rois_of(("person", (0, 0, 0.1, 0.3)), ("person", (0.1, 0, 0.2, 0.3))))
    )

    assert {(0, 1), (1, 0)} <= pairs


@pytest.mark.parametrize("max_pairs", [2, 3, 7, 8, 32, 64])
@pytest.mark.parametrize("num_cars", [0, 1, 5, 40])
def test_the_budget_holds_and_both_orders_come_together(max_pairs: int, num_cars: int) -> None:
    """No repeated pair, no ROI paired with itself, no pair of participants in one order only."""
    cars = [("car", (0.02 * i, 0.5, 0.02 * i + 0.1, 0.6)) for i in range(num_cars)]
    pairs = form_pairs(rois_of(*cars), max_pairs)
    chosen = as_set(pairs)

    assert len(chosen) == len(pairs) <= max_pairs
    assert all(subject != obj for subject, obj in chosen)
    for subject, obj in chosen:
        if 0 <= obj < num_cars and subject < num_cars:
            assert (obj, subject) in chosen


def test_the_order_of_pairs_is_the_same_every_time_even_among_equals() -> None:
    """Identical boxes tie in everything; the lower index goes first."""
    same = ("car", (0.4, 0.5, 0.6, 0.7))
    rois = rois_of(*[same] * 12)

    first = form_pairs(rois)

    assert first.tolist() == form_pairs(rois).tolist()
    assert (0, 1) in as_set(first)
    assert (10, 11) not in as_set(first)


def test_a_budget_below_the_fixed_pairs_is_refused() -> None:
    """One pair could not hold (ego, road) and (ego, nothing)."""
    with pytest.raises(ValueError, match="at least 2"):
        form_pairs(rois_of(), max_pairs=1)
