"""Train the student: one loop, resumable at any step, that says where it stands."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copyfile

import numpy as np
import structlog
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from model.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from model.data.loader import Batch, CaptionEncoder
from model.data.scenes import StepBatches, batches, draw_scenes, first_scene
from model.data.tokenizer import train_tokenizer
from model.losses import MAX_LOGIT_SCALE
from model.objective import objective
from model.optimiser import Training, lr_at
from model.recipe import NUM_GATE_SCENES, Loss, NanoRecipe, RecipeError
from model.restore import is_bundle, restore_student
from model.run_log import append_row, progress
from model.synthesis.traffic import make_traffic_scene
from model.towers.nano import Nano, nano_of
from model.unfold import has_statistics
from service.bundle.manifest import TOKENIZER

LOG_SCALES = tuple(np.arange(2.0, MAX_LOGIT_SCALE, 0.2).tolist())  # training begins at 2.66
NUM_TOKENIZER_STEPS = 16
log = structlog.get_logger()


def train(
    recipe: NanoRecipe,
    run_dir: Path,
    resume: bool = False,
    stop_at: int | None = None,
    start_from: Path | None = None,
) -> Path:
    """Train the student and leave its EMA weights in the run folder.

    Args:
        recipe: Checked recipe.
        run_dir: Receives checkpoint, tokenizer and ``metrics.jsonl``.
        resume: Continue from the checkpoint in ``run_dir`` instead of starting anew.
        stop_at: Leave after this step, as if interrupted; the schedule stays the recipe's.
        start_from: Another run, whose averaged weights and tokenizer are the beginning of this one,
            or a bundle, of whose trunk the batch norms have lost their statistics.

    Returns:
        ``run_dir``.

    Raises:
        RecipeError: A trunk that comes from a bundle is to be trained on.
    """
    torch.manual_seed(recipe.data.seed)
    begun = None
    if start_from is not None and not resume:
        begun = load_student(start_from, recipe)[0]
        _check_trunk(begun, recipe, start_from)
    torch.set_num_threads(recipe.threads)
    run_dir.mkdir(parents=True, exist_ok=True)
    if start_from is not None and not resume:
        copyfile(start_from / TOKENIZER, run_dir / TOKENIZER)
    tokenizer = _tokenizer(recipe, run_dir)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    state = load_checkpoint(run_dir) if resume else None
    model = begun or _untrained(state["model"] if state else {}, tokenizer, recipe)
    model.trunk.requires_grad_(recipe.train_trunk)
    model = model.to(device)
    training = Training(model, recipe.optim)
    done = 0
    if state is not None:
        model.load_state_dict(state["model"])
        _check_trunk(model, recipe, run_dir)  # first: its optimiser would not fit either
        done = training.restore(state)
    log.info(
        "training_starts",
        recipe=recipe.name,
        device=str(device),
        step=done,
        steps=recipe.optim.steps,
        parameters=sum(p.numel() for p in model.parameters()),
    )
    encoder = CaptionEncoder(tokenizer, model.context_length)
    end = recipe.optim.steps if stop_at is None else min(stop_at, recipe.optim.steps)
    if start_from is not None and begun is not None and is_bundle(start_from):
        _fit_scale(model, StepBatches(recipe.data, encoder)[0].to(device), recipe.loss)
    ahead = batches(recipe.data, encoder, done, end)
    with progress() as bar:
        task = bar.add_task("train", total=recipe.optim.steps, completed=done)
        for step, batch in enumerate(ahead, done):
            terms = _step(model, training, recipe, batch.to(device), step)
            bar.update(task, advance=1, description=f"loss {terms['total']:.3f}")
            if step % 20 == 0:
                append_row(run_dir, {"step": step, "time": time.time(), **terms})
            last = step + 1 == recipe.optim.steps
            if last or (step + 1) % recipe.checkpoint_every == 0:
                if last:
                    _fit_gate(training.average.module.cpu(), recipe)
                meta = {"step": step + 1, "recipe": recipe.model_dump()}
                save_checkpoint(run_dir, training.state(step + 1), meta)
    return run_dir


def load_student(run_dir: Path, recipe: NanoRecipe) -> tuple[Nano, Tokenizer]:
    """The averaged student of a run, or that of a bundle, in evaluation mode, and its tokenizer.

    Raises:
        CheckpointError: There is neither in that place, or a run of another architecture.
    """
    if not (run_dir / TOKENIZER).is_file():
        raise CheckpointError(f"{run_dir}: neither a run nor a bundle, it has no {TOKENIZER}")
    tokenizer = Tokenizer.from_file(str(run_dir / TOKENIZER))
    if is_bundle(run_dir):
        return restore_student(run_dir, recipe.sizes(), tokenizer.get_vocab_size()), tokenizer
    weights = load_checkpoint(run_dir)["average"]
    named = {name.removeprefix("module."): value for name, value in weights.items()}
    average = torch.optim.swa_utils.AveragedModel(_untrained(named, tokenizer, recipe))
    try:
        average.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{run_dir}: a student of other sizes or of before") from error
    student = average.module
    assert isinstance(student, Nano)
    return student.eval(), tokenizer


def _untrained(weights: Mapping[str, Tensor], tokenizer: Tokenizer, recipe: NanoRecipe) -> Nano:
    return nano_of(weights, tokenizer.get_vocab_size(), **recipe.sizes())


def _step(
    model: Nano,
    training: Training,
    recipe: NanoRecipe,
    batch: Batch,
    step: int,
) -> dict[str, float]:
    """One optimiser step; everything random in it follows from the step number alone."""
    torch.manual_seed(recipe.data.seed * 1_000_003 + step)
    model.train()
    model.trunk.train(recipe.train_trunk)
    for group in training.optimiser.param_groups:
        group["lr"] = lr_at(step, recipe.optim)
    terms = objective(model, batch, recipe.loss)
    training.optimiser.zero_grad(set_to_none=True)
    terms["total"].backward()
    nn.utils.clip_grad_norm_(model.parameters(), recipe.optim.clip_norm)
    training.optimiser.step()
    training.average.update_parameters(model)
    names, values = list(terms), torch.stack([value.detach() for value in terms.values()])
    return dict(zip(names, values.tolist(), strict=True))


def _tokenizer(recipe: NanoRecipe, run_dir: Path) -> Tokenizer:
    path = run_dir / TOKENIZER
    if path.is_file():
        return Tokenizer.from_file(str(path))
    tokenizer = train_tokenizer(_captions(recipe), recipe.vocab_size)
    tokenizer.save(str(path))
    return tokenizer


def _captions(recipe: NanoRecipe) -> Iterator[str]:
    for step in range(NUM_TOKENIZER_STEPS):
        for scene in draw_scenes(recipe.data, step):
            for fact in scene.facts:
                yield from (caption.text for caption in fact.captions + fact.opposites)


def _check_trunk(student: Nano, recipe: NanoRecipe, source: Path) -> None:
    if recipe.train_trunk and not has_statistics(student.trunk):
        raise RecipeError(
            f"{source}: the batch norms of its trunk come from a bundle and have no statistics, so "
            "it cannot be trained on: train_trunk: false"
        )


@torch.no_grad()
def _fit_scale(model: Nano, batch: Batch, loss: Loss) -> None:
    """Set the scale that suits the contrasts of a batch best: a bundle does not know its own."""
    model.eval()
    costs = []
    for scale in LOG_SCALES:
        model.logit_scale.fill_(scale)
        terms = objective(model, batch, loss)
        costs.append(float(sum(terms[name] for name in terms if name.startswith("itc"))))
    model.logit_scale.fill_(LOG_SCALES[int(np.argmin(costs))])
    log.info("logit_scale", value=round(float(model.logit_scale), 2))


@torch.no_grad()
def _fit_gate(model: nn.Module, recipe: NanoRecipe) -> None:
    assert isinstance(model, Nano)
    model.eval()
    # Frames no step has seen: on its own frames the trunk looks surer than it is.
    first = first_scene(recipe.data, recipe.optim.steps)
    textures = []
    for start in range(first, first + NUM_GATE_SCENES, 32):
        scenes = [make_traffic_scene(start + i) for i in range(32)]
        frames = np.stack([scene.frame for scene in scenes if scene.frame is not None])
        textures.append(model.trunk(torch.from_numpy(frames))[2])
    model.scene_gate.fit(torch.cat(textures))
