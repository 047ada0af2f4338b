"""A bundle's student comes back into torch, computes what its graphs compute, and can go on."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from model.checkpoint import load_checkpoint
from model.errors import ModelError
from model.export import export_text_encoder, image_parity, text_parity
from model.look import silence_look
from model.recipe import NanoRecipe, RecipeError
from model.restore import is_bundle, restore_student
from model.synthesis.traffic import make_traffic_scene
from model.towers.nano import Nano
from model.train import load_student, train
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.bundle.encoder import MOTION_WIDTH

SIZES = NanoRecipe(name="shipped").sizes()


def _shipped() -> Nano:
    return restore_student(EMBEDDED_BUNDLE, SIZES, _words().get_vocab_size())


def _words() -> Tokenizer:
    return Tokenizer.from_file(str(EMBEDDED_BUNDLE / "tokenizer.json"))


def test_the_shipped_encoders_compute_the_same_in_torch() -> None:
    """Of a drawn frame, whose pixels are trusted, of noise, and of noise that is blurred."""
    rng = np.random.default_rng(0)
    drawn = make_traffic_scene(20_000_001).frame
    assert drawn is not None
    blurred = cv2.GaussianBlur(rng.integers(0, 255, drawn.shape, dtype=np.uint8), (0, 0), 6)
    frames: dict[str, NDArray[Any]] = {
        "frames": np.stack([drawn, rng.integers(0, 255, drawn.shape, dtype=np.uint8), blurred]),
        "rois": np.array(
            [[0, 0.1, 0.1, 0.5, 0.6], [0, 0.4, 0.3, 0.9, 0.9], [1, 0, 0, 1, 1], [2, 0, 0, 1, 1]],
            np.float32,
        ),
        "roi_classes": np.array([3, 1, 9, 6]),
        "pairs": np.array([[0, 1], [2, -1], [3, -1]]),
        "motion": np.zeros((3, MOTION_WIDTH), np.float32),
    }
    texts: dict[str, NDArray[Any]] = {
        "tokens": rng.integers(1, 600, (3, 32)),
        "spans": np.full((3, 3, 32), 1 / 32, np.float32),
    }
    student = _shipped()

    image = image_parity(student, EMBEDDED_BUNDLE / "image_encoder.onnx", frames)
    text = text_parity(student, EMBEDDED_BUNDLE / "text_encoder.onnx", texts)

    assert max(image["scene"], image["relation"]) < 1e-3
    assert image["scene_gate"] < 1e-2
    assert max(text.values()) < 1e-5
    assert student.scene_gate.limits[1] > student.scene_gate.limits[0] > 1
    assert student.relation_head.look.weight.any()  # or its part of the relation shows nothing


def test_a_look_that_is_silenced_adds_nothing() -> None:
    """Folds begin from there: the look of the bundle has seen the pictures they are asked about."""
    student = _shipped()
    head = student.relation_head
    rois, unions = torch.rand(2, 288), torch.rand(1, 288)

    boxes = torch.tensor([[0.1, 0.2, 0.4, 0.6], [0.3, 0.3, 0.7, 0.9]])

    def embed(looks: tuple[Tensor, Tensor, Tensor] | None) -> Tensor:
        found: Tensor = head(
            torch.zeros(2, 1024), torch.zeros(1, 1024), boxes, torch.tensor([3, 6]),
            torch.tensor([[0, 1]]), torch.zeros(1, MOTION_WIDTH), torch.zeros(2, 1),
            torch.zeros(1, 1), looks,
        )  # fmt: skip
        return found

    looks, plain = (rois, unions, torch.ones(1, 1)), embed(None)
    assert not torch.allclose(plain, embed(looks))

    silence_look(student)

    assert torch.equal(plain, embed(looks))


@pytest.mark.parametrize("any_length", [False, True])
def test_a_text_tower_of_captions_comes_back(tmp_path: Path, any_length: bool) -> None:
    """As bundles had it before the language model, of one length, and as they may have it now."""
    torch.manual_seed(0)
    student = Nano(vocab_size=120).eval()
    for name, weight in student.named_parameters():
        if weight.ndim == 1:  # biases of 0 are one constant to an export, and norms of 1
            torch.nn.init.normal_(weight, float("norm" in name and "weight" in name), 0.02)
    shutil.copy(EMBEDDED_BUNDLE / "image_encoder.onnx", tmp_path)
    graph = tmp_path / "text_encoder.onnx"
    export_text_encoder(student, graph, any_length)
    length = 11 if any_length else 32
    texts: dict[str, NDArray[Any]] = {
        "tokens": np.random.default_rng(0).integers(1, 120, (3, length)),
        "spans": np.full((3, 3, length), 1 / length, np.float32),
    }

    back = restore_student(tmp_path, SIZES, 120)

    assert max(text_parity(back, graph, texts).values()) < 1e-5
    for name, value in student.text_tower.state_dict().items():
        assert torch.equal(value, back.text_tower.state_dict()[name]), name


def test_a_text_encoder_that_has_lost_a_name_is_refused(tmp_path: Path) -> None:
    """Two constants that are equal are one to an export: the other's would be untrained."""
    shutil.copy(EMBEDDED_BUNDLE / "image_encoder.onnx", tmp_path)
    export_text_encoder(Nano(vocab_size=120).eval(), tmp_path / "text_encoder.onnx")

    with pytest.raises(ModelError, match=r"text_tower\..* is not in it"):
        restore_student(tmp_path, SIZES, 120)


def test_a_bundle_of_another_width_is_refused() -> None:
    """By the name of the first weight that does not fit."""
    with pytest.raises(ModelError, match="has no place in the student"):
        restore_student(EMBEDDED_BUNDLE, {**SIZES, "half_dim": 128}, _words().get_vocab_size())


def _recipe(steps: int = 1, **changes: bool) -> NanoRecipe:
    return NanoRecipe.model_validate(
        {
            "name": "more", "data": {"drawn_scenes": 2, "geometry_scenes": 4},
            "optim": {"steps": steps, "warmup_steps": 0}, "checkpoint_every": 1, **changes,
        }
    )  # fmt: skip


@pytest.mark.slow
def test_training_goes_on_from_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is trained moves; the trunk, batch norms included, stays to the last bit.

    Stopped after a step and resumed it is the run that was not stopped, its scale too: that is
    fitted where a run begins, not where it goes on.
    """
    monkeypatch.setattr("model.train.NUM_GATE_SCENES", 32)
    recipe = _recipe(steps=2, train_trunk=False)

    train(recipe, tmp_path / "run", start_from=EMBEDDED_BUNDLE)
    train(recipe, tmp_path / "parts", stop_at=1, start_from=EMBEDDED_BUNDLE)
    train(recipe, tmp_path / "parts", resume=True)

    whole, parts = (load_checkpoint(tmp_path / name)["model"] for name in ("run", "parts"))
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name
    assert is_bundle(EMBEDDED_BUNDLE)
    assert not is_bundle(tmp_path / "run")
    before, words = load_student(EMBEDDED_BUNDLE, recipe)
    after, same = load_student(tmp_path / "run", recipe)
    assert same.to_str() == words.to_str()
    for name, value in before.trunk.state_dict().items():
        assert torch.equal(value, after.trunk.state_dict()[name]), name
    moved = (before.relation_head.linear.weight - after.relation_head.linear.weight).abs().max()
    assert moved > 0


def test_a_trunk_that_comes_from_a_bundle_cannot_be_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batch norms know no statistics, nor do those of a run that began with it."""
    monkeypatch.setattr("model.train.NUM_GATE_SCENES", 32)
    with pytest.raises(RecipeError, match="train_trunk: false"):
        train(_recipe(), tmp_path / "run", start_from=EMBEDDED_BUNDLE)
    assert not (tmp_path / "run").exists()

    train(_recipe(train_trunk=False), tmp_path / "run", start_from=EMBEDDED_BUNDLE)

    with pytest.raises(RecipeError, match="train_trunk: false"):
        train(_recipe(), tmp_path / "more", start_from=tmp_path / "run")
    with pytest.raises(RecipeError, match="train_trunk: false"):
        train(_recipe(), tmp_path / "run", resume=True)
