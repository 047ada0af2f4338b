"""Losses against values worked out by hand.

Dimension letters used in this file: A anchors, B images, T texts, D embedding size.
"""

import math

import pytest
import torch

from model.losses import idle_loss, image_text_loss, inter_sample_loss, triplet_loss

EAST, NORTH = [1.0, 0.0], [0.0, 1.0]


def mask(*rows: list[int]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.bool)


def test_inter_sample_loss_matches_the_value_worked_out_by_hand() -> None:
    """Two samples point east, one north, temperature 1; the two eastern ones are positives.

    Each of them sees e^1 for its partner and e^0 for the other: loss log(1 + 1/e). The northern
    one has no positive and does not count.
    """
    emb = torch.tensor([EAST, EAST, NORTH])
    positives = mask([0, 1, 0], [1, 0, 0], [0, 0, 0])

    loss = inter_sample_loss(emb, positives, temperature=1.0)

    assert loss.item() == pytest.approx(math.log(1 + 1 / math.e))


def test_several_positives_are_averaged() -> None:
    """Positives at cosine 1 and 0, one negative at -1, temperature 1: the mean of two log terms."""
    emb = torch.tensor([EAST, EAST, NORTH, [-1.0, 0.0]])
    positives = mask([0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])

    loss = inter_sample_loss(emb, positives, temperature=1.0)

    total = math.log(math.e + 1 + 1 / math.e)
    assert loss.item() == pytest.approx(((total - 1) + (total - 0)) / 2)


def test_a_sample_is_never_its_own_positive() -> None:
    """The diagonal of the mask is disregarded."""
    emb = torch.tensor([EAST, EAST, NORTH])
    positives = mask([0, 1, 0], [1, 0, 0], [0, 0, 0])

    with_diagonal = inter_sample_loss(emb, positives | torch.eye(3, dtype=torch.bool), 1.0)

    assert with_diagonal.item() == inter_sample_loss(emb, positives, 1.0).item()


def test_ignored_pairs_are_neither_positive_nor_negative() -> None:
    """The northern sample is left out; against the western one the loss is log(1 + 1/e^2)."""
    emb = torch.tensor([EAST, EAST, NORTH, [-1.0, 0.0]])
    positives = mask([0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])
    ignored = mask([0, 0, 1, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0])

    loss = inter_sample_loss(emb, positives, 1.0, ignored)

    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)))


@pytest.mark.parametrize("size", [1, 3])
def test_without_any_positive_the_inter_sample_loss_is_zero(size: int) -> None:
    """A batch of strangers teaches nothing, and its gradient is finite."""
    emb = torch.nn.functional.normalize(torch.ones(size, 2), dim=1).requires_grad_()

    loss = inter_sample_loss(emb, torch.zeros(size, size, dtype=torch.bool), 0.07)
    loss.backward()

    assert loss.item() == 0.0
    assert emb.grad is not None
    assert torch.isfinite(emb.grad).all()


def test_triplet_loss_matches_the_value_worked_out_by_hand() -> None:
    """V east: u at distance^2 0.8 (cosine 0.6), u' at 0.4 (cosine 0.8): 0.8 - 0.4 + 0.2."""
    loss = triplet_loss(
        torch.tensor([EAST]), torch.tensor([[0.6, 0.8]]), torch.tensor([[0.8, 0.6]]), margin=0.2
    )

    assert loss.item() == pytest.approx(0.6)


def test_a_triplet_that_keeps_its_distance_costs_nothing() -> None:
    """Text at 0, opposite at 4: the hinge is closed."""
    east = torch.tensor([EAST])

    assert triplet_loss(east, east, -east, margin=0.2).item() == 0.0


def test_no_triplets_cost_nothing() -> None:
    """A = 0 keeps the loss a scalar."""
    nothing = torch.zeros(0, 2)

    assert triplet_loss(nothing, nothing, nothing, margin=0.2).item() == 0.0


def test_image_text_loss_matches_the_value_worked_out_by_hand() -> None:
    """Two orthogonal matched pairs at scale 1: log(1 + 1/e) in both directions."""
    pairs = torch.eye(2)

    loss = image_text_loss(pairs, pairs, torch.eye(2, dtype=torch.bool), torch.tensor(1.0))

    assert loss.item() == pytest.approx(math.log(1 + 1 / math.e))


def test_an_appended_hard_negative_makes_the_choice_of_text_harder() -> None:
    """The same pairs with each image's own vector as a wrong text: the image side pays more."""
    pairs = torch.eye(2)
    positives = torch.cat([torch.eye(2, dtype=torch.bool), torch.zeros(2, 2, dtype=torch.bool)], 1)
    scale = torch.tensor(1.0)

    with_negatives = image_text_loss(pairs, torch.cat([pairs, pairs]), positives, scale)

    to_text, to_image = math.log(2 + 2 / math.e), math.log(1 + 1 / math.e)
    assert with_negatives.item() == pytest.approx((to_text + to_image) / 2)


def test_idle_loss_matches_the_value_worked_out_by_hand() -> None:
    """Nearer to the accident (0.8) than to the normal text (0.6), margin 0.1: 0.3."""
    loss = idle_loss(
        torch.tensor([EAST]), torch.tensor([[0.6, 0.8]]), torch.tensor([[0.8, 0.6]]), margin=0.1
    )

    assert loss.item() == pytest.approx(0.3)


@pytest.mark.parametrize(("num_pairs", "num_texts"), [(0, 2), (2, 0), (0, 0)])
def test_idle_loss_of_nothing_is_zero(num_pairs: int, num_texts: int) -> None:
    """Without pairs or without texts there is nothing to keep apart."""
    texts = torch.ones(num_texts, 2)

    assert idle_loss(torch.ones(num_pairs, 2), texts, texts, margin=0.1).item() == 0.0
