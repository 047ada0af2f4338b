"""Accumulation and many processes compute what one big batch computes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model.contrastive.distributed import World, WorldError
from model.contrastive.features import boxes_of, open_features
from model.contrastive.objective import Embedded, contrastive_terms
from model.contrastive.partners import PartnerIndex
from model.contrastive.recipe import ContrastiveRecipe
from model.contrastive.step import contrastive_step, draw_batch
from model.contrastive.train import _samples, load_tower
from model.data.loader import CaptionEncoder
from tests.model.contrastive.conftest import MakeRecipe


def gradients(recipe: ContrastiveRecipe, folder: Path) -> tuple[dict[str, Tensor], Tensor]:
    """Gradient of every trained parameter after one step, and the loss."""
    tower, tokenizer = load_tower(recipe)
    samples = _samples(recipe, tokenizer, tower.context_length, folder)
    cache = open_features(tower, samples, recipe.data.images, folder / "features")
    index = PartnerIndex([s.svo for s in samples], [s.image for s in samples], 20, 0.5)
    encoder = CaptionEncoder(tokenizer, tower.context_length)
    batch = draw_batch(samples, index, 0, recipe)
    terms = contrastive_step(tower, batch, samples, cache, encoder, recipe, World())
    found = {n: p.grad for n, p in tower.named_parameters() if p.grad is not None}
    return found, terms["total"]


@pytest.mark.parametrize("micro", [1, 3, 7])
def test_accumulation_equals_one_big_batch(
    make_recipe: MakeRecipe, tmp_path: Path, micro: int
) -> None:
    """Loss and every gradient to 1e-5, whatever the parts."""
    whole, loss = gradients(make_recipe(micro_batch=64), tmp_path)
    parts, same_loss = gradients(make_recipe(micro_batch=micro), tmp_path)

    assert whole.keys() == parts.keys()
    assert loss == pytest.approx(float(same_loss), abs=1e-5)
    for name, gradient in whole.items():
        assert torch.allclose(gradient, parts[name], atol=1e-5), name


def test_the_step_equals_plain_backpropagation(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    """Against autograd through everything at once, without any of the machinery."""
    recipe = make_recipe(micro_batch=5)
    by_parts, _ = gradients(recipe, tmp_path)

    tower, tokenizer = load_tower(recipe)
    samples = _samples(recipe, tokenizer, tower.context_length, tmp_path)
    index = PartnerIndex([s.svo for s in samples], [s.image for s in samples], 20, 0.5)
    batch = draw_batch(samples, index, 0, recipe)
    cache = open_features(tower, samples, recipe.data.images, tmp_path / "features")
    encoder = CaptionEncoder(tokenizer, tower.context_length)
    chosen = [samples[row] for row in batch.rows]
    scene, relation = tower.relate(cache.of(batch.rows), *boxes_of(chosen))
    true = tower.encode_text(*encoder(batch.captions))
    false = tower.encode_text(*encoder(batch.negatives))
    parts = Embedded(scene, relation, *true, *false)
    terms = contrastive_terms(
        parts, batch.likeness, batch.partner, tower.logit_scale, recipe.loss, "per_part"
    )
    terms["total"].backward()

    for name, parameter in tower.named_parameters():
        if parameter.grad is not None:
            assert torch.allclose(parameter.grad, by_parts[name], atol=1e-5), name


def test_nothing_reaches_the_locked_tower(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    """No gradient, and text, heads and temperature all get one."""
    found, _ = gradients(make_recipe(), tmp_path)

    assert not [name for name in found if name.startswith("visual.")]
    for part in ("text.", "svo_linear", "relation_head.linear", "relation_head.position.linear"):
        assert any(name.startswith(part) for name in found), part
    assert "logit_scale" in found


@pytest.mark.slow
def test_two_processes_equal_one(make_recipe: MakeRecipe, tmp_path: Path) -> None:
    """Torchrun with gloo: each embeds half of the batch, the gradients are those of the whole."""
    recipe = make_recipe()
    whole, loss = gradients(recipe, tmp_path)
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json(), encoding="utf-8")
    script = f"""
import sys, torch
sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from model.contrastive.recipe import ContrastiveRecipe
from tests.model.contrastive.test_step import gradients
torch.set_num_threads(1)
recipe = ContrastiveRecipe.model_validate_json(Path(r"{tmp_path}/recipe.json").read_text())
import os
found, loss = gradients(recipe, Path(r"{tmp_path}"))
torch.save((found, loss), Path(r"{tmp_path}") / f"rank{{os.environ['RANK']}}.pt")
import torch.distributed as dist
dist.destroy_process_group()
"""
    (tmp_path / "two.py").write_text(script, encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(tmp_path / "two.py")],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]

    for rank in (0, 1):
        found, same_loss = torch.load(tmp_path / f"rank{rank}.pt")
        assert float(loss) == pytest.approx(float(same_loss), abs=1e-5)
        for name, gradient in whole.items():
            assert torch.allclose(gradient, found[name], atol=1e-5), name


def test_an_odd_batch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names both numbers."""
    world = World()
    world.size = 3

    with pytest.raises(WorldError, match="16 samples cannot be shared evenly by 3 processes"):
        world.part(16)
