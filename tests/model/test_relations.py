"""Teaching what film tells: what it is compared with, what stays locked, and resuming."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tokenizers import Tokenizer

from knowledge.entities import CLASS_GROUPS
from model.checkpoint import load_checkpoint
from model.data.loader import Batch, CaptionEncoder
from model.data.meaning_bank import MeaningBank, bank_of
from model.data.scenes import StepBatches
from model.errors import ModelError
from model.recipe import Data, NanoRecipe, RelationsRecipe, load_recipe, read_recipe
from model.relations import only_video_residual, relations_objective, train_relations
from model.towers.nano import Nano
from model.train import load_student
from service.bundle.bundle import EMBEDDED_BUNDLE

RECIPES = Path(__file__).parents[2] / "model" / "recipes"
NUM_GROUPS = len(CLASS_GROUPS)


def _recipe(steps: int = 4) -> RelationsRecipe:
    return RelationsRecipe.model_validate(
        {
            "name": "few", "batches": 2, "texts_a_meaning": 2, "checkpoint_every": 2,
            "data": {"drawn_scenes": 0, "geometry_scenes": 24, "still_share": 0.0},
            "optim": {"steps": steps, "warmup_steps": 1},
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def student_recipe() -> NanoRecipe:
    return load_recipe(RECIPES / "nano.yaml")


@pytest.fixture(scope="module")
def pool() -> list[Batch]:
    words = Tokenizer.from_file(str(EMBEDDED_BUNDLE / "tokenizer.json"))
    made = StepBatches(_recipe().data, CaptionEncoder(words, 32))
    return [made[0], made[1]]


@pytest.fixture(scope="module")
def bank(pool: list[Batch], student_recipe: NanoRecipe) -> MeaningBank:
    return bank_of(load_student(EMBEDDED_BUNDLE, student_recipe)[0], pool, max_texts=2)


def test_every_fact_is_told_by_a_meaning_that_fits_it(pool: list[Batch], bank: MeaningBank) -> None:
    """And by one of its own kind: accident or not."""
    for batch in pool:
        told, fitting = bank.told_of(batch), bank.fitting(batch)[: len(batch.keys)]
        assert bool(told.any(dim=1).all())
        assert bool((told <= fitting).all())
        is_anomaly = bank.is_anomaly[None].expand_as(told)
        assert bool(
            (is_anomaly[told] == (batch.polarity == 1)[:, None].expand_as(told)[told]).all()
        )


def test_a_meaning_fits_only_pairs_of_the_kinds_that_it_names(
    pool: list[Batch], bank: MeaningBank
) -> None:
    """A person is no car, and nobody is the camera's own car but itself."""
    person, car, ego = (CLASS_GROUPS.index(name) for name in ("person", "car", "ego"))
    for row, meaning in enumerate(bank.meanings):
        _, subject, object_ = meaning.split(":")
        if subject in ("car", "vehicle"):
            assert bool(bank.subjects[row, car])
        elif subject != "truck":  # which a detector takes for a car now and then
            assert not bool(bank.subjects[row, car])
        assert bool(bank.objects[row, ego]) == (object_ == "ego")
        if subject != "bicycle":  # of a cyclist the machine may have no box
            assert bool(bank.subjects[row, person]) == (subject == "person")
    alone = next(m for m in bank.meanings if m.endswith((":tree", ":pole", ":barrier")))
    assert bank.objects[bank.meanings.index(alone)].nonzero().tolist() == [[NUM_GROUPS]]
    batch = pool[0]
    fits = bank.fitting(batch)
    assert fits.shape == (len(batch.pairs), len(bank.meanings))
    assert not bool(fits.all())


def test_drawn_texts_are_of_their_meaning(bank: MeaningBank) -> None:
    """At most two of each, unit vectors, and over many draws every one of them comes."""
    assert bank.num_texts.max() == 2
    assert len(bank.svo) == bank.num_texts.sum()
    torch.testing.assert_close(bank.svo.norm(dim=1), torch.ones(len(bank.svo)))
    rng, seen = np.random.default_rng(0), np.zeros(len(bank.svo), np.bool_)
    for _ in range(30):
        drawn = bank.draw(rng)
        assert drawn.shape == (len(bank.meanings), bank.svo.shape[1])
        for row, (start, count) in enumerate(zip(bank.starts, bank.num_texts, strict=True)):
            same = (bank.svo[start : start + count] == drawn[row]).all(dim=1).numpy()
            assert same.any()
            seen[start : start + count] |= same
    assert seen.all()


def test_what_contradicts_itself_is_refused(pool: list[Batch], student_recipe: NanoRecipe) -> None:
    """A meaning of accidents and of normal traffic; a participant that no fact has."""
    student = load_student(EMBEDDED_BUNDLE, student_recipe)[0]
    turned = replace(pool[0], polarity=-pool[0].polarity)
    with pytest.raises(ModelError, match="told of accidents and of normal traffic"):
        bank_of(student, [pool[0], turned], 2)
    strange = replace(pool[0], meanings=("hits:car:whale", *pool[0].meanings[1:]))
    with pytest.raises(ModelError, match="no fact has a whale"):
        bank_of(student, [strange], 2)


def test_it_learns_what_it_is_shown(
    pool: list[Batch], bank: MeaningBank, student_recipe: NanoRecipe
) -> None:
    """By the layers for film alone, from a bundle in which they may say anything."""
    student = load_student(EMBEDDED_BUNDLE, student_recipe)[0]
    torch.manual_seed(0)
    for weight in only_video_residual(student):
        torch.nn.init.normal_(weight, std=0.05)
    optimiser = torch.optim.AdamW(student.relation_head.video_residual.parameters(), lr=2e-3)
    losses = []
    for step in range(40):
        texts = bank.draw(np.random.default_rng(step))
        terms = relations_objective(student, pool[step % 2], bank, texts, 0.07)
        losses.append({name: float(value.detach()) for name, value in terms.items()})
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        optimiser.step()

    assert losses[-1]["meaning"] < 0.8 * losses[0]["meaning"]
    assert losses[-1]["rival"] < 0.5 * losses[0]["rival"]


@pytest.mark.slow
def test_a_resumed_run_is_the_run_that_was_not_stopped(
    tmp_path: Path, student_recipe: NanoRecipe
) -> None:
    """To the last bit; all but what speaks on film is the bundle's; the run is a student's."""
    train_relations(_recipe(), student_recipe, EMBEDDED_BUNDLE, tmp_path / "whole")
    train_relations(_recipe(), student_recipe, EMBEDDED_BUNDLE, tmp_path / "parts", stop_at=2)
    train_relations(_recipe(), student_recipe, EMBEDDED_BUNDLE, tmp_path / "parts", resume=True)

    whole, parts = (load_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 4
    for name, value in whole["average"].items():
        assert torch.equal(value, parts["average"][name]), name
    first = load_student(EMBEDDED_BUNDLE, student_recipe)[0]
    second, words = load_student(tmp_path / "whole", student_recipe)
    assert words.to_str() == load_student(EMBEDDED_BUNDLE, student_recipe)[1].to_str()
    changed = {name for name, value in second.state_dict().items() if _differs(first, name, value)}
    assert changed
    assert all(name.startswith("relation_head.video_residual.") for name in changed)
    meta = json.loads((tmp_path / "whole" / "meta.json").read_text())
    assert meta["from"] == str(EMBEDDED_BUNDLE)
    assert len((tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()) == 1


def _differs(student: Nano, name: str, value: torch.Tensor) -> bool:
    return not torch.equal(student.state_dict()[name], value)


def test_pixels_and_stills_are_refused() -> None:
    """Nothing here would learn from them; and the student as a whole needs pixels."""
    with pytest.raises(ValidationError, match=r"drawn_scenes must be 0"):
        RelationsRecipe.model_validate({"name": "x", "data": {"drawn_scenes": 2}, "optim": {}})
    with pytest.raises(ValidationError, match=r"still_share is 1"):
        RelationsRecipe.model_validate({"name": "x", "data": {"drawn_scenes": 0}, "optim": {}})
    with pytest.raises(ValidationError, match=r"0 drawn scenes a step, at least 2"):
        NanoRecipe(name="x", data=Data(drawn_scenes=0))
    shipped = read_recipe(RECIPES / "nano_relations.yaml", RelationsRecipe)
    assert shipped.optim.steps == 6 * shipped.batches
