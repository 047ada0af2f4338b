"""Equations 1 to 8 against values worked out by hand."""

import math

import pytest
import torch
from torch import nn

from model import sa_clip


def _linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    linear = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
        linear.bias.copy_(torch.tensor(bias))
    return linear


def test_every_token_gets_an_output() -> None:
    """Eq. 1: the tower's outputs are passed on as they are, one row a token."""
    table = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])

    outputs = sa_clip.token_outputs(lambda tokens: table[tokens], torch.tensor([[2, 0]]))

    assert outputs.tolist() == [[[4.0, 5.0], [0.0, 1.0]]]


def test_a_role_of_two_tokens_is_their_mean() -> None:
    """Eq. 2: subject = token 0, verb = mean of tokens 1 and 2, object = token 3."""
    tokens = torch.tensor([[[1.0, 0.0], [2.0, 4.0], [4.0, 0.0], [0.0, 7.0]]])
    spans = torch.tensor([[[1.0, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1.0]]])

    roles = sa_clip.role_outputs(tokens, spans)

    assert roles.tolist() == [[[1.0, 0.0], [3.0, 2.0], [0.0, 7.0]]]


def test_roles_weigh_the_same_however_long_they_are() -> None:
    """Eq. 3: (1 + 3 + 0) / 3 and (0 + 2 + 7) / 3."""
    pooled = sa_clip.pool_roles(torch.tensor([[[1.0, 0.0], [3.0, 2.0], [0.0, 7.0]]]))

    assert pooled[0].tolist() == pytest.approx([4 / 3, 3.0])


def test_the_triplet_is_projected_with_weight_and_bias() -> None:
    """Eq. 4: W (1, 2) + b with W = [[1, 1], [0, 3]] and b = (10, -1)."""
    linear = _linear([[1.0, 1.0], [0.0, 3.0]], [10.0, -1.0])

    assert sa_clip.project_svo(linear, torch.tensor([[1.0, 2.0]])).tolist() == [[13.0, 5.0]]


def test_a_joined_text_is_two_unit_halves() -> None:
    """Eq. 5: (3, 4) and (0, 2) become (.6, .8) and (0, 1), each over the root of two."""
    joined = sa_clip.join_text(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]]))

    expected = [x / math.sqrt(2) for x in (0.6, 0.8, 0.0, 1.0)]
    assert joined[0].tolist() == pytest.approx(expected)


def test_position_is_added_to_a_unit_appearance() -> None:
    """Eq. 6: (3, 4) / 5 + 0.5 (2, -2)."""
    feature = sa_clip.roi_feature(
        torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, -2.0]]), torch.tensor(0.5)
    )

    assert feature[0].tolist() == pytest.approx([1.6, -0.2])


def test_subject_and_object_have_weights_of_their_own() -> None:
    """Eq. 7: 1 s + 10 o + 100 union + 0.5; swapping the roles changes the result."""
    linear = _linear([[1.0, 10.0, 100.0]], [0.5])
    s, o, union = (torch.tensor([[x]]) for x in (2.0, 3.0, 4.0))

    assert sa_clip.project_roi(linear, s, o, union).item() == pytest.approx(432.5)
    assert sa_clip.project_roi(linear, o, s, union).item() == pytest.approx(423.5)


def test_a_cosine_of_joined_vectors_is_the_mean_of_the_halves() -> None:
    """Eq. 8 against Eq. 5: scene cosine 0.6, relation cosine 1.0, so 0.8 together."""
    image = sa_clip.join_image(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 5.0]]))
    text = sa_clip.join_text(torch.tensor([[0.6, 0.8]]), torch.tensor([[0.0, 1.0]]))

    assert (image @ text.T).item() == pytest.approx(0.8)
