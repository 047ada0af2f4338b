"""Train a CLIP tower from a recipe: resumable at any step, on one process or many."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from model.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from model.contrastive.distributed import World
from model.contrastive.features import open_features
from model.contrastive.partners import PartnerIndex
from model.contrastive.recipe import AdamW, ContrastiveRecipe
from model.contrastive.rois import find_rois
from model.contrastive.samples import Sample, make_samples
from model.contrastive.step import contrastive_step, draw_batch
from model.curation.records import read_triplets
from model.data.loader import CaptionEncoder
from model.errors import ModelError
from model.towers.clip import build_clip_tower, load_tokenizer
from model.towers.clip_tower import ClipTower

LOG_EVERY = 10
MIN_SAMPLES = 2
log = structlog.get_logger()


class NoSamples(ModelError):
    """No triplet can be trained on."""


def train_contrastive(
    recipe: ContrastiveRecipe, run_dir: Path, resume: bool = False, stop_at: int | None = None
) -> Path:
    """Train and leave the averaged weights in the run folder.

    Args:
        recipe: Checked recipe.
        run_dir: Receives checkpoint, tokenizer, features, ``metrics.jsonl`` and TensorBoard logs.
        resume: Go on from the checkpoint in ``run_dir``.
        stop_at: Leave after this step, as if interrupted; the schedule stays the recipe's.

    Raises:
        NoSamples: Nothing in the triplets can be used.
        CheckpointError: The run was made by another recipe.
    """
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    world = World()
    tower, tokenizer = load_tower(recipe)
    tower.to(world.device)
    run_dir.mkdir(parents=True, exist_ok=True)
    if world.is_first:
        tokenizer.save(str(run_dir / "tokenizer.json"))
        samples = _samples(recipe, tokenizer, tower.context_length, run_dir)
        cache = open_features(tower, samples, recipe.data.images, run_dir / "features")
    world.wait()
    if not world.is_first:  # the first process has written what the others read
        samples = _samples(recipe, tokenizer, tower.context_length, run_dir)
        cache = open_features(tower, samples, recipe.data.images, run_dir / "features")
    index = PartnerIndex(
        [s.svo.lower() for s in samples],
        [s.image for s in samples],
        recipe.partners.neighbours,
        recipe.partners.least_similarity,
    )
    encoder = CaptionEncoder(tokenizer, tower.context_length)
    optimiser = torch.optim.AdamW(
        parameter_groups(tower, recipe.optim), betas=recipe.optim.betas, eps=recipe.optim.eps
    )
    average = MovingAverage(tower, recipe.optim.ema_decay)
    done = _restore(run_dir, recipe, tower, average, optimiser) if resume else 0
    if world.is_first:
        log.info(
            "training_starts",
            recipe=recipe.name,
            step=done,
            steps=recipe.optim.steps,
            samples=len(samples),
            processes=world.size,
            device=str(world.device),
            trained=sum(p.numel() for p in tower.parameters() if p.requires_grad),
        )
    with _reports(run_dir, recipe.optim.steps, done, world) as report:
        for step in range(done, recipe.optim.steps):
            tower.train()
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * schedule(step, recipe.optim)
            optimiser.zero_grad(set_to_none=True)
            batch = draw_batch(samples, index, step, recipe)
            terms = contrastive_step(tower, batch, samples, cache, encoder, recipe, world)
            nn.utils.clip_grad_norm_(tower.parameters(), recipe.optim.clip_norm)
            optimiser.step()
            average.update(tower)
            report(step, terms)
            last = step + 1 in (recipe.optim.steps, stop_at)
            if world.is_first and (last or (step + 1) % recipe.checkpoint_every == 0):
                _save(run_dir, recipe, tower, average, optimiser, step + 1)
            if step + 1 == stop_at:
                break
    world.wait()
    world.close()
    return run_dir


def load_tower(recipe: ContrastiveRecipe) -> tuple[ClipTower, Tokenizer]:
    """The tower of a recipe before training; random weights follow from the recipe's seed."""
    torch.manual_seed(recipe.data.seed)
    return build_clip_tower(recipe.tower), load_tokenizer(recipe.tower)


def load_trained(recipe: ContrastiveRecipe, run_dir: Path) -> tuple[ClipTower, Tokenizer]:
    """The averaged tower of a run, in evaluation mode."""
    tower, tokenizer = load_tower(recipe)
    tower.load_state_dict(load_checkpoint(run_dir)["average"], strict=False)
    return tower.eval(), tokenizer


def schedule(step: int, optim: AdamW) -> float:
    """Share of the peak rate: linear warm-up, then half a cosine to zero."""
    if step < optim.warmup_steps:
        return (step + 1) / optim.warmup_steps
    share = (step - optim.warmup_steps) / max(1, optim.steps - optim.warmup_steps)
    return 0.5 * (1 + float(np.cos(np.pi * share)))


def parameter_groups(tower: ClipTower, optim: AdamW) -> list[dict[str, Any]]:
    """Matrices decay; norms, biases, scales and embeddings do not; the text tower has its rate."""
    if optim.text_lr_mult == 0:
        tower.text.requires_grad_(False)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in tower.named_parameters():
        if parameter.requires_grad:
            decays = parameter.ndim > 1 and "embedding" not in name and "class_group" not in name
            groups.setdefault((name.startswith("text."), decays), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": optim.weight_decay if decays else 0.0,
            "peak": optim.lr * (optim.text_lr_mult if is_text else 1.0),
            "lr": 0.0,
        }
        for (is_text, decays), parameters in groups.items()
    ]


class MovingAverage:
    """EMA of the trained parameters; it follows closely at first.

    Otherwise the untrained weights would linger for 1 / (1 - decay) steps.
    """

    def __init__(self, tower: ClipTower, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.values = {n: p.detach().clone() for n, p in _trained(tower).items()}

    @torch.no_grad()
    def update(self, tower: ClipTower) -> None:
        """Move towards the present weights."""
        share = 1 - min(self.decay, (1 + self.count) / (10 + self.count))
        self.count += 1
        for name, parameter in _trained(tower).items():
            self.values[name].lerp_(parameter.detach(), share)


def _trained(tower: ClipTower) -> dict[str, nn.Parameter]:
    return {name: p for name, p in tower.named_parameters() if p.requires_grad}


def _samples(
    recipe: ContrastiveRecipe, tokenizer: Tokenizer, context_length: int, run_dir: Path
) -> list[Sample]:
    triplets = list(read_triplets(recipe.data.triplets))
    found = recipe.data.rois or run_dir / "rois.jsonl"
    rois = find_rois(recipe.data.images, (t.image for t in triplets), found, recipe.data.bundle)
    samples, skipped = make_samples(triplets, rois, recipe.data.images)
    fitting = [sample for sample in samples if _fits(sample, tokenizer, context_length)]
    skipped["caption too long"] += len(samples) - len(fitting)
    log.info(
        "samples",
        usable=len(fitting),
        grounded=sum(s.grounded for s in fitting),
        with_object=sum(s.has_object for s in fitting),
        skipped=dict(+skipped),
    )
    if len(fitting) < MIN_SAMPLES:
        reasons = ", ".join(f"{count} {why}" for why, count in (+skipped).items()) or "it is empty"
        raise NoSamples(f"{recipe.data.triplets}: {len(fitting)} triplets can be used ({reasons})")
    return fitting


def _fits(sample: Sample, tokenizer: Tokenizer, context_length: int) -> bool:
    texts = (sample.caption.text, sample.negative.text)
    return all(len(tokenizer.encode(text).ids) <= context_length for text in texts)


def _restore(
    run_dir: Path,
    recipe: ContrastiveRecipe,
    tower: ClipTower,
    average: MovingAverage,
    optimiser: torch.optim.Optimizer,
) -> int:
    state = load_checkpoint(run_dir)
    made_by = json.loads(state["recipe"])
    wanted = recipe.model_dump(mode="json")
    for section, value in wanted.items():
        if made_by.get(section) != value:
            raise CheckpointError(f"{run_dir}: the run was made with another `{section}`")
    tower.load_state_dict(state["model"], strict=False)
    optimiser.load_state_dict(state["optimiser"])
    average.values = {
        name: value.to(average.values[name]) for name, value in state["average"].items()
    }
    average.count = int(state["count"])
    return int(state["step"])


def _save(
    run_dir: Path,
    recipe: ContrastiveRecipe,
    tower: ClipTower,
    average: MovingAverage,
    optimiser: torch.optim.Optimizer,
    step: int,
) -> None:
    state = {
        # The locked tower follows from the recipe and is not written.
        "model": {name: p.detach() for name, p in _trained(tower).items()},
        "average": average.values,
        "count": average.count,
        "optimiser": optimiser.state_dict(),
        "step": step,
        "recipe": recipe.model_dump_json(),
    }
    save_checkpoint(run_dir, state, {"step": step, "recipe": recipe.model_dump(mode="json")})


@contextmanager
def _reports(run_dir: Path, steps: int, done: int, world: World) -> Iterator[Any]:
    """Progress bar, ``metrics.jsonl`` and TensorBoard, on the first process alone."""
    if not world.is_first:
        yield lambda step, terms: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar, SummaryWriter(str(run_dir / "tensorboard")) as board:
        task = bar.add_task("train", total=steps, completed=done)

        def report(step: int, terms: dict[str, Tensor]) -> None:
            values = {name: float(value) for name, value in terms.items()}
            bar.update(task, advance=1, description=f"loss {values['total']:.3f}")
            if step % LOG_EVERY == 0 or step + 1 == steps:
                row = {"step": step, "time": time.time(), **values}
                with (run_dir / "metrics.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                for name, value in values.items():
                    board.add_scalar(f"loss/{name}", value, step)

        yield report
