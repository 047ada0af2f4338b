"""Equations 1 to 8 against values worked out by hand.

Dimension letters used in this file: T texts, C token context, K pairs, W tower width, D half.
"""

import math

import pytest
import torch
from torch import Tensor, nn

from model.sa_clip import (
    join_image,
    join_text,
    pool_roles,
    project_roi,
    project_svo,
    roi_feature,
    role_outputs,
    token_outputs,
)


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    """A layer whose numbers are written down."""
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def test_every_token_gets_an_output_of_the_text_tower() -> None:
    """A tower that looks token i up as (i, -i): ids 2 and 5 become two rows, in order."""
    rows = torch.stack([torch.arange(6.0), -torch.arange(6.0)], dim=1)
    tower = nn.Embedding.from_pretrained(rows)

    outputs = token_outputs(tower, torch.tensor([[2, 5]]))

    assert outputs.tolist() == [[[2.0, -2.0], [5.0, -5.0]]]


def test_a_role_is_the_mean_of_its_tokens() -> None:
    """Subject = tokens 0 and 1, verb = token 2, object = token 3."""
    outputs = torch.tensor([[[1.0, 0.0], [3.0, 2.0], [5.0, 5.0], [7.0, -1.0]]])
    spans = torch.tensor([[[0.5, 0.5, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]])

    roles = role_outputs(outputs, spans)

    assert roles.tolist() == [[[2.0, 1.0], [5.0, 5.0], [7.0, -1.0]]]


def test_roles_weigh_the_same_whatever_their_length() -> None:
    """Subject of two tokens (0, 0), verb (3, 0), object (0, 6): (1, 2), not (0.75, 1.5)."""
    outputs = torch.tensor([[[0.0, 0.0], [0.0, 0.0], [3.0, 0.0], [0.0, 6.0]]])
    spans = torch.tensor([[[0.5, 0.5, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]])

    pooled = pool_roles(role_outputs(outputs, spans))

    assert pooled.tolist() == [[1.0, 2.0]]


def test_pooled_roles_are_projected_with_weight_and_bias() -> None:
    """[[1, 2], [0, -1]] (1, 2) + (0.5, 0) = (5.5, -2)."""
    layer = linear([[1.0, 2.0], [0.0, -1.0]], [0.5, 0.0])

    assert project_svo(layer, torch.tensor([[1.0, 2.0]])).tolist() == [[5.5, -2.0]]


def test_a_joined_text_holds_both_halves_at_equal_length() -> None:
    """(3, 4) and (0, 100) become (0.6, 0.8) and (0, 1), each over sqrt(2)."""
    joined = join_text(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 100.0]]))

    expected = torch.tensor([[0.6, 0.8, 0.0, 1.0]]) / math.sqrt(2)
    torch.testing.assert_close(joined, expected)


def test_an_roi_is_its_unit_appearance_plus_its_scaled_position() -> None:
    """(3, 4) has unit length (0.6, 0.8); half of position (2, -2) is (1, -1)."""
    feature = roi_feature(
        torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, -2.0]]), torch.tensor(0.5)
    )

    torch.testing.assert_close(feature, torch.tensor([[1.6, -0.2]]))


def test_swapping_subject_and_object_changes_the_relation() -> None:
    """1 s + 2 o + 3 u + 0.5: with s 1, o 10, u 100 it is 321.5, swapped 312.5."""
    layer = linear([[1.0, 2.0, 3.0]], [0.5])
    one, ten, hundred = (torch.tensor([[value]]) for value in (1.0, 10.0, 100.0))

    assert project_roi(layer, one, ten, hundred).item() == pytest.approx(321.5)
    assert project_roi(layer, ten, one, hundred).item() == pytest.approx(312.5)


def test_a_cosine_of_joined_vectors_is_the_mean_of_both_cosines() -> None:
    """Scene cosine 0.6, relation cosine 0.8: (0.6 + 0.8) / 2."""
    text = join_text(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    image = join_image(torch.tensor([[0.6, 0.8]]), torch.tensor([[6.0, 8.0]]))

    assert (image @ text.T).item() == pytest.approx(0.7)


@pytest.mark.parametrize("size", [0, 1, 5])
def test_every_size_passes_and_joined_vectors_have_unit_length(size: int) -> None:
    """T = 0 texts and K = 0 pairs are ordinary sizes."""
    halves = torch.randn(2, size, 4, generator=torch.Generator().manual_seed(0))

    for joined in (join_text(*halves), join_image(*halves)):
        assert joined.shape == (size, 8)
        torch.testing.assert_close(joined.norm(dim=1), torch.ones(size))


def test_the_mean_of_rois_would_be_blind_to_roles() -> None:
    """Why Eq. (7) concatenates: W mean(s, o) + b cannot tell who hit whom."""
    layer = nn.Linear(4, 3)
    subject, other = torch.randn(2, 1, 4, generator=torch.Generator().manual_seed(1))

    def literal(first: Tensor, second: Tensor) -> Tensor:
        mean: Tensor = layer(torch.stack([first, second]).mean(dim=0))
        return mean

    torch.testing.assert_close(literal(subject, other), literal(other, subject))
