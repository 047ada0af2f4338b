"""Eq. (11), its contrast and the paired evidence against numbers worked out by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from service.scoring.eq11 import (
    NO_EVIDENCE,
    best_similarity,
    contrast_score,
    leaf_evidence,
    literal_score,
    pair_margins,
    paired_evidence,
    scene_only,
    similarity,
    top_k_mean,
)

EAST, NORTH = [1.0, 0.0], [0.0, 1.0]
SLANTED = [0.6, 0.8]


def test_similarity_with_an_open_gate_is_the_mean_of_both_halves() -> None:
    """Scene cosine 0.6, relation cosines 1 and 0.8: means 0.8 and 0.7."""
    values = similarity(
        np.array(EAST), np.array([SLANTED, NORTH]), np.array([SLANTED]), np.array([SLANTED]), 1.0
    )

    assert values == pytest.approx(np.array([[0.8], [0.7]]))


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        pytest.param(0.0, 1.0, id="closed: the relation alone"),
        pytest.param(0.5, (0.5 * 0.6 + 1.0) / 1.5, id="half open"),
        pytest.param(1.0, 0.8, id="open"),
    ],
)
def test_the_gate_weighs_the_scene_half(gate: float, expected: float) -> None:
    """G scene + relation, divided by 1 + g."""
    vector = np.array([SLANTED])

    values = similarity(np.array(EAST), vector, vector, vector, gate)

    assert values.item() == pytest.approx(expected)


def test_similarity_equals_the_cosine_of_the_joined_vectors() -> None:
    """U = [pooled; svo] / sqrt(2) and v = [scene; relation] / sqrt(2), as Eq. (5) and (8) say."""
    rng = np.random.default_rng(0)
    scene, *rest = _unit(rng.normal(size=(1 + 3 + 4 + 4, 8)))
    relation, pooled, svo = np.array(rest[:3]), np.array(rest[3:7]), np.array(rest[7:])

    values = similarity(scene, relation, pooled, svo, 1.0)

    joined_text = np.concatenate([pooled, svo], axis=1) / math.sqrt(2)
    joined_image = np.concatenate([np.tile(scene, (3, 1)), relation], axis=1) / math.sqrt(2)
    assert values == pytest.approx(joined_image @ joined_text.T)


def test_similarity_of_no_pairs_has_no_rows() -> None:
    """K = 0 is a frame that only its scene half describes."""
    values = similarity(
        np.array(EAST), np.zeros((0, 2)), np.array([EAST, NORTH]), np.array([EAST, NORTH]), 1.0
    )

    assert values.shape == (0, 2)


def test_the_scene_alone_is_weighed_by_its_gate() -> None:
    """0.6 seen through half a gate is 0.3."""
    alone = scene_only(np.array(EAST), np.array([SLANTED, NORTH]), 0.5)

    assert alone == pytest.approx([0.3, 0.0])


def test_a_description_takes_its_best_accepted_pair() -> None:
    """Column 0: the highest pair is not accepted; column 1: no pair is, so the scene speaks."""
    similarities = np.array([[0.9, 0.7], [0.2, 0.8], [0.4, 0.6]])
    accepted = np.array([[False, False], [True, False], [True, False]])

    best = best_similarity(similarities, accepted, np.array([-0.5, 0.1]))

    assert best.tolist() == [0.4, 0.1]


def test_without_pairs_every_description_falls_back_to_the_scene() -> None:
    """K = 0."""
    best = best_similarity(np.zeros((0, 2)), np.zeros((0, 2), np.bool_), np.array([0.3, 0.1]))

    assert best.tolist() == [0.3, 0.1]


def test_literal_score_is_the_mean_over_the_anomaly_descriptions() -> None:
    """D_a holds 0.5 and 0.1; the normal 0.9 has no part in Eq. (11)."""
    score = literal_score(np.array([0.5, 0.9, 0.1]), np.array([True, False, True]))

    assert score == pytest.approx(0.3)


def test_contrast_subtracts_the_normal_mean() -> None:
    """0.3 - 0.8."""
    score = contrast_score(np.array([0.5, 0.9, 0.1, 0.7]), np.array([True, False, True, False]))

    assert score == pytest.approx(-0.5)


def test_a_margin_compares_the_same_pair() -> None:
    """Anomaly 0 against normal 1 on pairs 0 and 1; pair 1 does not fit the anomaly's roles."""
    similarities = np.array([[0.5, 0.2], [0.9, 0.1]])
    accepted = np.array([[True, True], [False, True]])

    margins = pair_margins(similarities, accepted, np.array([1, -1]))

    assert margins == pytest.approx(np.array([[0.3, NO_EVIDENCE], [NO_EVIDENCE, NO_EVIDENCE]]))


def test_the_rival_is_the_soft_maximum_of_what_is_normal_between_the_two() -> None:
    """Normal texts 0.2 and 0.2 + tau log 3: their soft maximum is 0.2 + tau log 4."""
    similarities = np.array([[0.6, 0.2, 0.2 + 0.05 * np.log(3.0)]])

    margins = pair_margins(similarities, np.ones((1, 3), np.bool_), np.array([1, -1, -1]))

    assert margins[0, 0] == pytest.approx(0.4 - 0.05 * np.log(4.0))


def test_the_counterpart_decides_where_the_pair_accepts_no_normal_text() -> None:
    similarities = np.array([[0.6, 0.2, 0.5]])
    accepted = np.array([[True, False, False]])

    assert pair_margins(similarities, accepted, np.array([1, -1, -1]))[0, 0] == pytest.approx(0.4)


def test_what_all_texts_share_cancels_in_the_margin() -> None:
    """That this is traffic at all raises every similarity and no margin."""
    similarities = np.array([[0.5, 0.2], [0.9, 0.1]])
    accepted = np.ones((2, 2), np.bool_)
    counterpart = np.array([1, -1])

    raised = pair_margins(similarities + 0.3, accepted, counterpart)

    assert raised == pytest.approx(pair_margins(similarities, accepted, counterpart))


def test_paired_evidence_matches_the_value_worked_out_by_hand() -> None:
    """Margins 0.1 and 0 at tau 0.05: 0.05 (log(e^2 + 1) - log 2)."""
    evidence = paired_evidence(np.array([[0.1], [0.0]]), temperature=0.05)

    assert evidence.item() == pytest.approx(0.05 * math.log((math.e**2 + 1) / 2))


def test_one_pair_is_its_own_evidence() -> None:
    """With K = 1 the soft maximum is the margin."""
    assert paired_evidence(np.array([[0.37, -0.2]])) == pytest.approx([0.37, -0.2])


def test_evidence_counts_only_the_accepted_pairs() -> None:
    """Pairs of other classes neither lift nor dilute a description."""
    alone = paired_evidence(np.array([[0.1], [0.3]]))
    among_others = paired_evidence(
        np.array([[0.1], [NO_EVIDENCE], [0.3], [NO_EVIDENCE], [NO_EVIDENCE]])
    )

    assert among_others == pytest.approx(alone)


@pytest.mark.parametrize("num_pairs", [0, 1, 5])
def test_a_description_that_no_pair_accepts_stays_silent(num_pairs: int) -> None:
    """Not 0: a pedestrian leaf cannot speak when nobody walks there, K = 0 included."""
    evidence = paired_evidence(np.full((num_pairs, 3), NO_EVIDENCE))

    assert evidence.tolist() == [NO_EVIDENCE] * 3


@pytest.mark.parametrize("copies", [2, 3, 10])
def test_evidence_does_not_grow_with_the_number_of_objects(copies: int) -> None:
    """The same street with every pair seen several times is no more anomalous."""
    margins = np.random.default_rng(1).normal(scale=0.2, size=(6, 4))
    margins[:3, 2] = NO_EVIDENCE

    assert paired_evidence(np.tile(margins, (copies, 1))) == pytest.approx(paired_evidence(margins))


def test_evidence_lies_between_the_mean_and_the_maximum_of_the_margins() -> None:
    """A soft maximum that counts."""
    margins = np.random.default_rng(2).normal(scale=0.2, size=(7, 20))

    evidence = paired_evidence(margins)

    assert (evidence >= margins.mean(axis=0)).all()
    assert (evidence <= margins.max(axis=0)).all()


def test_evidence_does_not_overflow_at_a_tiny_temperature() -> None:
    """exp(2 / 1e-4) would; the largest margin is taken out first."""
    evidence = paired_evidence(np.array([[2.0], [-2.0]]), temperature=1e-4)

    assert evidence.item() == pytest.approx(2.0, abs=1e-3)


def test_the_strongest_description_speaks_for_its_leaf() -> None:
    """Leaf 0 has 0.1 and 0.4, leaf 1 a silent description; a normal one belongs to no leaf."""
    evidence = leaf_evidence(
        np.array([0.1, 0.4, NO_EVIDENCE, 0.9]), np.array([0, 0, 1, -1]), num_leaves=2
    )

    assert evidence.tolist() == [0.4, NO_EVIDENCE]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([0.1, 0.5, 0.3, 0.9], (0.9 + 0.5 + 0.3) / 3, id="the three largest"),
        pytest.param([0.1, NO_EVIDENCE, 0.3], 0.2, id="two speak"),
        pytest.param([NO_EVIDENCE, NO_EVIDENCE], NO_EVIDENCE, id="none speaks"),
        pytest.param([], NO_EVIDENCE, id="no leaf"),
    ],
)
def test_the_strongest_leaves_are_averaged(values: list[float], expected: float) -> None:
    """A silent leaf is left out, not counted as zero."""
    assert top_k_mean(np.array(values), k=3) == pytest.approx(expected)


def test_averaging_no_leaf_is_refused() -> None:
    """K = 0 would be a division by zero."""
    with pytest.raises(ValueError, match="at least 1"):
        top_k_mean(np.array([0.1]), k=0)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
