"""Teach the relation head what film tells, against every meaning at once.

    saclip-model train-relations RECIPE --start-from runs/nano --out runs/nano_relations

Where pixels are not trusted, as on real film, nothing else speaks. Most of a step of `model.train`
goes into drawing pixels, and it compares a pair with the texts of its batch; here the scenes are
made once, without pixels, and each pair is compared with all that could be told of such a pair.
All else stays as it is: texts, trunk, and what is said of stills, beside which the look is taught.
"""

from copy import deepcopy
from pathlib import Path
from shutil import copyfile

import numpy as np
import structlog
import torch
import torch.nn.functional as F
from rich.progress import track
from torch import Tensor, nn

from model.checkpoint import load_checkpoint
from model.data.loader import Batch, CaptionEncoder
from model.data.meaning_bank import MeaningBank, bank_of
from model.data.scenes import batches
from model.losses import meaning_loss, rival_loss
from model.optimiser import Training
from model.recipe import NanoRecipe, RelationsRecipe
from model.steps import Part, run_steps
from model.towers.nano import Nano
from model.towers.without_pixels import relation_without_pixels
from model.train import load_student
from service.bundle.manifest import TOKENIZER

log = structlog.get_logger()


def train_relations(
    recipe: RelationsRecipe,
    student_recipe: NanoRecipe,
    start_from: Path,
    run_dir: Path,
    resume: bool = False,
    stop_at: int | None = None,
) -> None:
    """Train `RelationHead.video_residual` of a student; the new run has all else of it.

    Args:
        recipe: Checked recipe.
        student_recipe: The student's sizes.
        start_from: Its run, or a bundle.
        run_dir: The new run.
        resume: Continue from the checkpoint in ``run_dir``.
        stop_at: Leave after this step, as if interrupted.

    Raises:
        CheckpointError: There is nothing to begin with, or nothing to resume.
        ModelError: The bundle is of another architecture, or the scenes tell too little.
    """
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.data.seed)  # a bundle of before has no such layers
    student, tokenizer = load_student(start_from, student_recipe)
    state = load_checkpoint(run_dir) if resume else None
    run_dir.mkdir(parents=True, exist_ok=True)
    copyfile(start_from / TOKENIZER, run_dir / TOKENIZER)
    encoder = CaptionEncoder(tokenizer, student.context_length)
    made = batches(recipe.data, encoder, 0, recipe.batches)
    # Copied: what another process made keeps a file open for each tensor.
    pool = [deepcopy(batch) for batch in track(made, "scenes", total=recipe.batches)]
    bank = bank_of(student, pool, recipe.texts_a_meaning)
    trained = only_video_residual(student)
    training = Training(student, recipe.optim)
    done = 0 if state is None else training.restore(state)
    log.info(
        "relations_start",
        recipe=recipe.name,
        step=done,
        steps=recipe.optim.steps,
        scenes=recipe.batches * recipe.data.geometry_scenes,
        meanings=len(bank.meanings),
        texts=len(bank.svo),
        parameters=sum(weight.numel() for weight in trained),
    )

    def terms_of(step: int) -> dict[str, Tensor]:
        texts = bank.draw(np.random.default_rng((recipe.data.seed, step)))
        batch = pool[_in_turn(step, recipe)]
        return relations_objective(student, batch, bank, texts, recipe.temperature)

    run_steps(
        "relations",
        training,
        recipe.optim,
        Part(done, stop_at, recipe.checkpoint_every),
        run_dir,
        {"recipe": recipe.model_dump(), "from": str(start_from)},
        terms_of,
    )


def relations_objective(
    student: Nano, batch: Batch, bank: MeaningBank, texts: Tensor, temperature: float
) -> dict[str, Tensor]:
    """The two terms of one batch without pixels.

    Args:
        student: In evaluation mode.
        batch: K pairs, the first T of them facts.
        bank: Of M meanings.
        texts: (M, D) from ``bank.draw``.
        temperature: Of the first term.
    """
    boxes = batch.rois[:, 1:]
    relation = relation_without_pixels(
        student, boxes, batch.roi_classes, batch.pairs, batch.motion
    )  # (K, D)
    told, fitting = bank.told_of(batch), bank.fitting(batch)
    count = len(told)
    compared = fitting | F.pad(told, (0, 0, 0, len(fitting) - count))
    is_anomalous = F.pad(batch.polarity == 1, (0, len(fitting) - count))
    normal, anomaly = ~bank.is_anomaly, bank.is_anomaly
    sides = compared[:, normal], compared[:, anomaly]
    return {
        "meaning": meaning_loss(relation[:count], texts, told, compared[:count], temperature),
        "rival": rival_loss(relation, is_anomalous, texts[normal], texts[anomaly], sides),
    }


def only_video_residual(student: Nano) -> list[nn.Parameter]:
    """Lock all weights but those that speak on film alone; these."""
    student.eval().requires_grad_(False)
    residual = student.relation_head.video_residual.requires_grad_(True)
    return list(residual.parameters())


def _in_turn(step: int, recipe: RelationsRecipe) -> int:
    """Which batch a step takes: all in each pass, in an order of the pass's own."""
    turn, place = divmod(step, recipe.batches)
    rng = np.random.default_rng((recipe.data.seed, turn, 1))
    return int(rng.permutation(recipe.batches)[place])
