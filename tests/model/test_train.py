"""Training: a killed run goes on as if nothing had happened, and recipes refuse typos."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from model.checkpoint import CheckpointError, load_checkpoint
from model.data.loader import CaptionEncoder
from model.data.scenes import batches, draw_scenes, first_scene
from model.data.tokenizer import train_tokenizer
from model.recipe import (
    NUM_GATE_SCENES,
    NanoRecipe,
    RecipeError,
    RelationsRecipe,
    TextsRecipe,
    load_recipe,
    read_recipe,
)
from model.synthesis.traffic import HELD_OUT_SEED
from model.train import load_student, train

SHIPPED = Path(__file__).parents[2] / "model" / "recipes" / "nano.yaml"


@pytest.fixture
def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the tokenizer and the gate."""
    monkeypatch.setattr("model.train.NUM_TOKENIZER_STEPS", 2)
    monkeypatch.setattr("model.train.NUM_GATE_SCENES", 32)


def _tiny(steps: int) -> NanoRecipe:
    return NanoRecipe.model_validate(
        {
            "name": "tiny", "vocab_size": 400, "checkpoint_every": 2, "half_dim": 16, "width": 24,
            "data": {"drawn_scenes": 2, "geometry_scenes": 4},
            "optim": {"steps": steps, "warmup_steps": 1},
        }
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.usefixtures("few_scenes")
def test_a_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path,
) -> None:
    """Four steps at once, and two steps, a stop, two more: the same weights to the last bit."""
    train(_tiny(4), tmp_path / "whole")
    train(_tiny(4), tmp_path / "parts", stop_at=2)
    train(_tiny(4), tmp_path / "parts", resume=True)

    whole, parts = (load_checkpoint(tmp_path / name) for name in ("whole", "parts"))

    assert whole["step"] == parts["step"] == 4
    for name, value in whole["model"].items():
        assert torch.equal(value, parts["model"][name]), name
    student, _ = load_student(tmp_path / "whole", _tiny(4))
    assert student.scene_gate.limits[1] > student.scene_gate.limits[0]


@pytest.mark.slow
@pytest.mark.usefixtures("few_scenes")
def test_a_run_may_begin_with_the_weights_of_another(
    tmp_path: Path,
) -> None:
    """At a rate of nothing they stay what they are, and so do the words; the steps begin anew."""
    train(_tiny(2), tmp_path / "first")
    still = _tiny(1)
    optim = still.optim.model_copy(update={"lr": 0.0, "weight_decay": 0.0})

    more = still.model_copy(update={"optim": optim})
    train(more, tmp_path / "more", start_from=tmp_path / "first")

    (first, words), (second, same) = (load_student(tmp_path / n, still) for n in ("first", "more"))
    assert same.to_str() == words.to_str()
    assert load_checkpoint(tmp_path / "more")["step"] == 1
    for (name, value), other in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(value, other), name


def test_no_batch_depends_on_who_makes_it() -> None:
    """Two processes ahead of the training, from step 1 on, make what the training itself makes."""
    data = _tiny(4).data
    captions = [c.text for s in draw_scenes(data, 0) for f in s.facts for c in f.captions]
    encoder = CaptionEncoder(train_tokenizer(captions, 400), 96)  # rare words are spelled
    ahead = data.model_copy(update={"workers": 2})

    alone, others = list(batches(data, encoder, 0, 4)), list(batches(ahead, encoder, 1, 4))

    assert len(others) == 3
    for expected, batch in zip(alone[1:], others, strict=True):
        assert batch.keys == expected.keys
        assert batch.meanings == expected.meanings
        assert torch.equal(batch.frames, expected.frames)
        assert torch.equal(batch.tokens, expected.tokens)
        assert torch.equal(batch.motion, expected.motion)


def test_no_two_recipes_and_no_two_steps_draw_the_same_scenes() -> None:
    """A student that goes on shall see something new, and nothing of the evaluation."""
    data = _tiny(4).data
    other = data.model_copy(update={"seed": 1})

    boxes = [
        scene.xyxy.tobytes()
        for recipe in (data, other)
        for step in (0, 1)
        for scene in draw_scenes(recipe, step)
    ]

    assert len(set(boxes)) == len(boxes) == 24
    relations = read_recipe(SHIPPED.with_name("nano_relations.yaml"), RelationsRecipe)
    texts = read_recipe(SHIPPED.with_name("nano_texts.yaml"), TextsRecipe)
    others = ("nano_look.yaml", "nano_relations.yaml", "nano_texts.yaml")
    paths = [path for path in SHIPPED.parent.glob("nano*.yaml") if path.name not in others]
    students = [load_recipe(path) for path in paths]
    steps = [(relations.data, relations.batches), *((s.data, s.optim.steps) for s in students)]
    for scenes, last_step in steps:
        last = scenes.model_copy(update={"seed": 9})
        assert first_scene(last, last_step) + NUM_GATE_SCENES < HELD_OUT_SEED
    seeds = [*(scenes.seed for scenes, _ in steps), texts.seed]
    assert len(set(seeds)) == len(seeds)
    with pytest.raises(ValidationError, match="at most 999488"):
        NanoRecipe.model_validate({"name": "x", "optim": {"steps": 100_000}})
    with pytest.raises(ValidationError, match="at most 999488"):
        RelationsRecipe.model_validate({**relations.model_dump(), "batches": 100_000})


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
    with pytest.raises(CheckpointError, match="neither a run nor a bundle"):
        load_student(tmp_path, _tiny(1))
    (tmp_path / "state.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path)
