"""Which pairs the losses take for positives: worked out by hand for three facts."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from model.data.loader import Batch, CaptionEncoder, make_batch
from model.data.records import Caption, Fact, Scene
from model.data.tokenizer import train_tokenizer
from model.objective import objective
from model.recipe import Loss
from model.towers.nano import Nano

SPANS = ((0, 5), (6, 10), (11, 19))
TEXT = "A car hits a person."
FACTS = (
    ("hit:truck:person", "hit:vehicle:person", "wait:truck:person"),
    ("hit:car:person", "hit:car:person", "wait:car:person"),
    ("wait:car:person", "wait:car:person", "hit:vehicle:person"),
)


def _scene(key: str, says: str, denies: str) -> Scene:
    boxes = np.array([[0.1, 0.1, 0.4, 0.5], [0.5, 0.2, 0.6, 0.6]], np.float32)
    fact = Fact(0, 1, key, (Caption(TEXT, SPANS, says),), (Caption(TEXT, SPANS, denies),), True)
    frame = np.zeros((48, 80, 3), np.uint8)
    return Scene(frame, boxes, ("car", "person"), (fact,), anomalous=True, leaf_id=None)


@pytest.fixture
def batch() -> Batch:
    encoder = CaptionEncoder(train_tokenizer([TEXT], 200), 16)
    scenes = [_scene(*fact) for fact in FACTS]
    return make_batch(scenes, encoder, np.random.default_rng(0), num_idle_pairs=1, noise=False)


@pytest.fixture
def asked(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What each kind of loss was asked, in the order of the terms."""
    found: dict[str, list[Any]] = {"image_text_loss": [], "inter_sample_loss": []}

    def record(name: str) -> Any:
        def loss(*arguments: Any) -> Tensor:
            found[name].append([a.tolist() if isinstance(a, Tensor) else a for a in arguments])
            return torch.zeros(())

        return loss

    for name in found:
        monkeypatch.setattr(f"model.objective.{name}", record(name))
    objective(Nano(200, 16, half_dim=16, width=24), batch, Loss())
    return found


def test_meanings_are_those_of_captions_then_of_hard_negatives(batch: Batch) -> None:
    assert batch.keys == tuple(fact[0] for fact in FACTS)
    assert batch.meanings == (*(fact[1] for fact in FACTS), *(fact[2] for fact in FACTS))


def test_a_text_is_positive_wherever_it_is_true(asked: dict[str, list[Any]]) -> None:
    """The vehicle that hits is the truck and the car.

    What the third fact denies is true of both, and what the second denies is the third.
    """
    relation, joint, scene = (call[2] for call in asked["image_text_loss"])
    true = [
        [True, False, False, False, False, True],
        [True, True, False, False, False, True],
        [False, False, True, False, True, False],
    ]

    assert relation[:3] == true
    assert not any(any(row) for row in relation[3:])  # idle pairs
    assert joint == true
    assert scene == true


def test_texts_that_may_mean_the_same_are_left_out(asked: dict[str, list[Any]]) -> None:
    """To say that a vehicle hits is neither the same as that a car does, nor another thing."""
    text, image, relation = asked["inter_sample_loss"]
    itself = np.eye(3, dtype=bool).tolist()

    assert text[1] == itself
    assert text[3] == [[True, True, False], [True, True, False], [False, False, True]]
    assert image[1] == relation[1] == itself
