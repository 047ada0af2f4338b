"""Training: a killed run goes on as if nothing had happened, and recipes refuse typos."""

from pathlib import Path

import pytest
import torch

from model.checkpoint import CheckpointError, load_checkpoint
from model.data.scenes import draw_scenes
from model.recipe import NanoRecipe, RecipeError, load_recipe
from model.train import load_student, train

SHIPPED = Path(__file__).parents[2] / "model" / "recipes" / "nano.yaml"


def _tiny(steps: int) -> NanoRecipe:
    return NanoRecipe.model_validate(
        {
            "name": "tiny", "vocab_size": 400, "checkpoint_every": 2, "half_dim": 16, "width": 24,
            "data": {"drawn_scenes": 2, "geometry_scenes": 4},
            "optim": {"steps": steps, "warmup_steps": 1},
        }
    )  # fmt: skip


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four steps at once, and two steps, a stop, two more: the same weights to the last bit."""
    monkeypatch.setattr("model.train.NUM_TOKENIZER_STEPS", 2)
    monkeypatch.setattr("model.train.NUM_GATE_SCENES", 32)
    train(_tiny(4), tmp_path / "whole")
    train(_tiny(4), tmp_path / "parts", stop_at=2)
    train(_tiny(4), tmp_path / "parts", resume=True)

    whole, parts = (load_checkpoint(tmp_path / name) for name in ("whole", "parts"))

    assert whole["step"] == parts["step"] == 4
    for name, value in whole["model"].items():
        assert torch.equal(value, parts["model"][name]), name
    student, _ = load_student(tmp_path / "whole", _tiny(4))
    assert student.scene_gate.limits[1] > student.scene_gate.limits[0]


def test_scenes_of_a_pool_are_met_again_and_others_are_not() -> None:
    """Ten steps of two from a pool of three: no fourth scene; without a pool all differ."""
    data = _tiny(1).data.model_copy(update={"geometry_scenes": 0, "layout_share": 0.0})
    pooled = data.model_copy(update={"drawn_pool": 3})

    again = [id(scene) for step in range(10) for scene in draw_scenes(pooled, step)]
    once = [id(scene) for step in range(3) for scene in draw_scenes(data, step)]

    assert 1 < len(set(again)) <= 3
    assert len(set(once)) == 6
    assert [id(scene) for scene in draw_scenes(pooled, 4)] == again[8:10]


def test_a_typo_in_a_recipe_is_named(tmp_path: Path) -> None:
    """An unknown key would otherwise train with a default that nobody asked for."""
    path = tmp_path / "recipe.yaml"
    path.write_text("name: x\noptim: {learning_rate: 0.1}\n")

    with pytest.raises(RecipeError, match=r"optim\.learning_rate"):
        load_recipe(path)


def test_an_override_is_checked_too() -> None:
    """``--set`` goes through the same validation."""
    assert load_recipe(SHIPPED, ("optim.steps=5",)).optim.steps == 5
    with pytest.raises(RecipeError, match=r"optim\.steps"):
        load_recipe(SHIPPED, ("optim.steps=0",))


def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    """And a missing one too."""
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_checkpoint(tmp_path)
    (tmp_path / "state.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path)
