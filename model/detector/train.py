"""Train the shipped detector from a recipe; kill it at any time and go on with ``resume``.

Sources: rf_accident (CC BY 4.0) and normal_frames (MIT / Apache-2.0 repositories); the teacher is
YOLOX-nano (Apache-2.0). No weight of the teacher is copied: only its answers are learned.

Dimension letters used in this file: B views, H W view size.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from rich.progress import Progress, TextColumn, TimeRemainingColumn

from model.detector.augment import random_batch
from model.detector.bank import draw_bank, with_figures
from model.detector.checkpoint import DetectorRun
from model.detector.distil import distillation_loss
from model.detector.footage import camera_shares, data_root, read_frames, split_by_camera
from model.detector.network import grid_cells, to_pixels
from model.detector.recipe import SHIPPED_RECIPE, Optimisation, load_detector_recipe
from model.detector.teacher import Teacher, TeacherView
from model.figures.figure import Figure

CHECKPOINT_EVERY_S = 120.0
FRAMES_PER_VIEW = 4  # a mosaic joins four
REPORT_EVERY = 20

log = structlog.get_logger()
Label = Callable[[NDArray[np.uint8]], TeacherView]


def learning_rate(step: int, how: Optimisation) -> float:
    """Linear warm-up to the peak, then half a cosine to zero at ``how.steps``."""
    if step < how.warm_up_steps:
        return how.learning_rate * (step + 1) / how.warm_up_steps
    done = (step - how.warm_up_steps) / max(1, how.steps - how.warm_up_steps)
    return how.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def train_step(run: DetectorRun, views: NDArray[np.uint8], label: Label) -> dict[str, float]:
    """One optimiser step on (B, H, W, 3) uint8 BGR views; returns the losses as numbers."""
    how = run.recipe.optimisation
    run.student.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=how.bfloat16):
        maps = run.student.features(to_pixels(views))
        rows = run.student.logits(maps)
        adapted = [adapter(x) for adapter, x in zip(run.adapters, maps, strict=True)]
    grid = grid_cells(*views.shape[1:3])
    loss = distillation_loss(rows.float(), adapted, label(views), grid, run.recipe.losses)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(run.step, how)
    run.optimizer.zero_grad()
    loss.total.backward()
    weights = [weight for group in run.optimizer.param_groups for weight in group["params"]]
    torch.nn.utils.clip_grad_norm_(weights, how.gradient_limit)
    run.optimizer.step()
    run.step += 1
    run.average(how)
    return {part.name: getattr(loss, part.name).item() for part in fields(loss)}


def advance(
    run: DetectorRun,
    frames: NDArray[np.uint8],
    label: Label,
    shares: NDArray[np.float64] | None = None,
    bank: Sequence[Figure] = (),
) -> dict[str, float]:
    """Draw the next batch of views from (N, H, W, 3) ``frames`` and learn from it.

    ``shares`` (N,) sum to 1 and say how often each frame is drawn; all equally when left out.
    Figures of ``bank`` are laid into them as the recipe says.
    """
    recipe = run.recipe
    size = recipe.optimisation.batch_size
    if shares is not None:
        frames = frames[run.rng.choice(len(frames), FRAMES_PER_VIEW * size, p=shares)]
    if recipe.figures is not None and bank:
        frames = with_figures(frames, bank, recipe.figures, run.rng)
    views = random_batch(frames, size, recipe.input_hw, recipe.augmentation, run.rng)
    return train_step(run, views, label)


def train_detector(
    recipe: Path = SHIPPED_RECIPE,
    out: Path = Path("runs/detector"),
    resume: bool = False,
    threads: int = 1,
    start_from: Path | None = None,
) -> Path:
    """Run a recipe to its end and return the checkpoint's path.

    ``out`` receives ``checkpoint.pt`` every two minutes and ``metrics.jsonl``. With
    ``start_from`` the weights of that bundle's detector are the beginning; not with ``resume``.
    """
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    checkpoint = out / "checkpoint.pt"
    run = (
        DetectorRun.load(checkpoint)
        if resume and checkpoint.exists()
        else DetectorRun(load_detector_recipe(recipe))
    )
    root = data_root()
    files = split_by_camera(root, run.recipe.footage).train
    frames, shares = read_frames(files), camera_shares(files, run.recipe.footage.balance)
    teacher = Teacher(root / run.recipe.teacher, threads)
    if start_from is not None:
        run.begin_with(start_from / "detector.onnx", frames)
    figures = run.recipe.figures
    bank = (
        draw_bank(frames, run.recipe.input_hw, teacher, figures, run.recipe.seed) if figures else []
    )
    out.mkdir(parents=True, exist_ok=True)
    log.info("detector_training", frames=len(frames), figures=len(bank), step=run.step)
    _loop(run, lambda: advance(run, frames, teacher.view, shares, bank), out)
    run.save(checkpoint)
    return checkpoint


def _loop(run: DetectorRun, step: Callable[[], dict[str, float]], out: Path) -> None:
    steps = run.recipe.optimisation.steps
    saved = time.monotonic()
    sums: dict[str, float] = {}
    with _progress() as progress, (out / "metrics.jsonl").open("a") as metrics:
        task = progress.add_task("detector", total=steps, completed=run.step, loss="")
        while run.step < steps:
            started = time.monotonic()
            losses = step()
            losses["step_s"] = time.monotonic() - started
            sums = {name: sums.get(name, 0.0) + value for name, value in losses.items()}
            if run.step % REPORT_EVERY == 0:
                means = {name: round(value / REPORT_EVERY, 5) for name, value in sums.items()}
                metrics.write(json.dumps({"step": run.step, **means}) + "\n")
                metrics.flush()
                sums = {}
                progress.update(task, completed=run.step, loss=f"loss {means['total']:.3f}")
            if time.monotonic() - saved > CHECKPOINT_EVERY_S:
                run.save(out / "checkpoint.pt")
                saved = time.monotonic()


def _progress() -> Progress:
    """A bar that costs nothing: redrawn every five seconds."""
    columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[loss]}"), refresh_per_second=0.2)
