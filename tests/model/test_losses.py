"""Equations 9 and 10 and the image-text term against values worked out by hand."""

import math

import pytest
import torch

from model.losses import (
    image_text_loss,
    inter_sample_loss,
    meaning_loss,
    rival_loss,
    triplet_loss,
)

TWO_AND_TWO = torch.tensor(
    [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=torch.bool
)


def test_two_clusters_cost_what_the_softmax_says() -> None:
    """Eq. 9: one positive at cosine 1, two negatives at 0, temperature 1: log(e + 2) - 1."""
    emb = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])

    loss = inter_sample_loss(emb, TWO_AND_TWO, temperature=1.0)

    assert loss.item() == pytest.approx(math.log(math.e + 2) - 1)


def test_an_ignored_sample_leaves_the_denominator() -> None:
    """Eq. 9: without one of the two negatives it is log(e + 1) - 1 for the first anchor pair."""
    emb = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    positives = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
    ignored = torch.tensor([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=torch.bool)

    loss = inter_sample_loss(emb, positives, 1.0, ignored)

    with_negative = math.log(math.e + 1) - 1
    assert loss.item() == pytest.approx((0.0 + with_negative) / 2)


def test_the_diagonal_is_no_positive() -> None:
    """A sample may not be its own partner: with nobody else there is no loss."""
    emb = torch.eye(3)

    assert inter_sample_loss(emb, torch.eye(3, dtype=torch.bool), 0.07).item() == 0.0


@pytest.mark.parametrize(
    ("negative", "expected"),
    [
        pytest.param([0.0, 1.0], 0.0, id="far enough: 0 - 2 + 0.5 < 0"),
        pytest.param([1.0, 0.0], 0.5, id="equal: the margin is left"),
        pytest.param([0.8, 0.6], 0.1, id="squared distance 0.4"),
    ],
)
def test_the_triplet_hinge(negative: list[float], expected: float) -> None:
    """Eq. 10 with v = u = (1, 0) and alpha = 0.5."""
    anchor = torch.tensor([[1.0, 0.0]])

    loss = triplet_loss(anchor, anchor, torch.tensor([negative]), margin=0.5)

    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_no_pair_costs_nothing() -> None:
    """An empty batch of facts is possible and must not be NaN."""
    empty = torch.zeros(0, 4)

    assert triplet_loss(empty, empty, empty, 0.2).item() == 0.0
    none = torch.zeros(0, dtype=torch.bool)
    assert rival_loss(empty, none, torch.zeros(2, 4), torch.zeros(2, 4)).item() == 0.0


def test_image_and_text_with_one_extra_negative_text() -> None:
    """Two images, their texts and one text of nobody, orthogonal, scale 1."""
    images = torch.eye(3)[:2]
    texts = torch.eye(3)
    positives = torch.tensor([[1, 0, 0], [0, 1, 0]], dtype=torch.bool)

    loss = image_text_loss(images, texts, positives, torch.tensor(1.0))

    to_text = math.log(math.e + 2) - 1
    to_image = math.log(math.e + 1) - 1
    assert loss.item() == pytest.approx((to_text + to_image) / 2)


def test_several_right_answers_share() -> None:
    """One image, two true texts at equal logits: half of the mass each, so log 2."""
    image = torch.tensor([[1.0, 0.0]])
    texts = torch.tensor([[0.0, 1.0], [0.0, 1.0]])

    loss = image_text_loss(image, texts, torch.ones(1, 2, dtype=torch.bool), torch.tensor(1.0))

    assert loss.item() == pytest.approx((math.log(2) + 0.0) / 2)


def test_a_pair_leans_to_the_accident_by_the_difference_of_soft_maxima() -> None:
    """One text of each kind: e = 0.6 - 0.8 = -0.2, scale 0.1; both kinds of pairs weigh the same.

    The accident pair costs log(1 + e^2), the two normal ones log(1 + e^-2) each.
    """
    pairs = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    normal, anomalous = torch.tensor([[0.8, 0.6]]), torch.tensor([[0.6, 0.8]])

    loss = rival_loss(pairs, torch.tensor([True, False, False]), normal, anomalous)

    expected = (math.log1p(math.exp(2)) + math.log1p(math.exp(-2))) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_of_several_normal_texts_the_one_that_fits_best_is_the_rival() -> None:
    """Cosines 0.8 and 0: the far one adds 0.05 log(1 + e^-16), which is nothing."""
    pair = torch.tensor([[1.0, 0.0]])
    normal, anomalous = torch.tensor([[0.8, 0.6], [0.0, 1.0]]), torch.tensor([[0.6, 0.8]])

    loss = rival_loss(pair, torch.tensor([True]), normal, anomalous)

    assert loss.item() == pytest.approx(math.log1p(math.exp(2)), rel=1e-5)


def test_a_pair_is_compared_with_texts_of_its_kinds_alone() -> None:
    """The nearest normal text is of other kinds: e = 0.6 - 0; and who has no rival is left out."""
    pairs = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    normal, anomalous = torch.tensor([[0.8, 0.6], [0.0, 1.0]]), torch.tensor([[0.6, 0.8]])
    fitting = torch.tensor([[False, True], [True, True]]), torch.tensor([[True], [False]])

    loss = rival_loss(pairs, torch.tensor([True, False]), normal, anomalous, fitting)

    assert loss.item() == pytest.approx(math.log1p(math.exp(-6)), rel=1e-5)
    nobody = (fitting[0], torch.zeros(2, 1, dtype=torch.bool))
    assert rival_loss(pairs, torch.tensor([True, False]), normal, anomalous, nobody).item() == 0.0


def test_a_fact_is_named_among_what_fits_its_participants() -> None:
    """Four meanings at equal logits, one of other kinds: two are told, so each costs log 3.

    What is told takes part even where its participants are of other kinds: log 4.
    """
    fact, texts = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]).repeat(4, 1)
    told = torch.tensor([[True, True, False, False]])
    fitting = torch.tensor([[True, True, True, False]])

    assert meaning_loss(fact, texts, told, fitting, 0.07).item() == pytest.approx(math.log(3))
    told_of_others = meaning_loss(fact, texts, ~fitting, fitting, 0.07)
    assert told_of_others.item() == pytest.approx(math.log(4))


def test_the_temperature_divides_the_cosine() -> None:
    """Cosines 1 and 0 at 0.5: log(1 + e^-2)."""
    fact, texts = torch.tensor([[1.0, 0.0]]), torch.eye(2)
    told = torch.tensor([[True, False]])

    loss = meaning_loss(fact, texts, told, torch.ones(1, 2, dtype=torch.bool), 0.5)

    assert loss.item() == pytest.approx(math.log1p(math.exp(-2)), rel=1e-5)
    assert meaning_loss(fact[:0], texts, told[:0], told[:0], 0.5).item() == 0.0
