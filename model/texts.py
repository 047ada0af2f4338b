"""Put the text tower on top of a language model: the same texts, and the words of others too.

    saclip-model train-texts RECIPE --start-from runs/nano_relations --language FOLDER

The student's own text tower has read generated captions alone. Here a tower that stands on a
language model learns to say of each caption what that one says, so the image side keeps its
meaning; of words that no caption has, the language model knows which they are like.

Dimension letters used in this file: N captions, C token context, L width of the language model,
D half of the embedding.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import structlog
import torch
from rich.progress import track
from tokenizers import Tokenizer
from torch import Tensor, nn

from model.checkpoint import load_checkpoint, save_checkpoint
from model.data.loader import CaptionEncoder
from model.data.records import Caption
from model.errors import ModelError
from model.optimiser import Training, lr_at
from model.recipe import SCENES_OF_A_SEED, NanoRecipe, TextsRecipe
from model.run_log import append_row, progress
from model.synthesis.traffic import make_traffic_scene
from model.towers.language_model import WEIGHTS, load_language_model
from model.towers.nano import Nano
from model.towers.nano_text import LanguageTower
from model.train import load_student
from service.bundle.manifest import TOKENIZER
from service.bundle.text import load_tokenizer

EMBEDDED_AT_ONCE = 256
POOLED_SHARE = 0.5  # weight of the sentence half, which counts where pixels do
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Captions, what the language model says of them, and what is to be said.

    Attributes:
        tokens: (N, C) int64 of the language model.
        spans: (N, 3, C).
        words: (N, C, L) float16.
        pooled: (N, D) of the student's own tower.
        svo: (N, D).
    """

    tokens: Tensor
    spans: Tensor
    words: Tensor
    pooled: Tensor
    svo: Tensor


def train_texts(
    recipe: TextsRecipe,
    student_recipe: NanoRecipe,
    start_from: Path,
    language: Path,
    run_dir: Path,
    resume: bool = False,
    stop_at: int | None = None,
) -> None:
    """Train a text tower on a language model; the new run has all else of the student.

    Args:
        recipe: Checked recipe.
        student_recipe: The student's sizes.
        start_from: Its run, or a bundle, whose texts are the target.
        language: Folder of the language model: config.json, model.safetensors, tokenizer.json.
        run_dir: The new run.
        resume: Continue from the checkpoint in ``run_dir``.
        stop_at: Leave after this step, as if interrupted.

    Raises:
        CheckpointError: There is nothing to begin with, or nothing to resume.
        ModelError: The folder holds no such language model, or another than the recipe names.
    """
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    teacher, own_words = load_student(start_from, student_recipe)
    state = load_checkpoint(run_dir) if resume else None
    model = load_language_model(language, recipe.context_length)
    digest = hashlib.sha256((language / WEIGHTS).read_bytes()).hexdigest()
    if recipe.language_sha256 not in (None, digest):
        raise ModelError(
            f"{language / WEIGHTS}: sha256 {digest}, the recipe asks for {recipe.language_sha256}"
        )
    words = load_tokenizer(language / TOKENIZER)
    student = deepcopy(teacher)
    student.text_tower = LanguageTower(model, student.width)
    student.eval().requires_grad_(False)
    for part in (student.text_tower, student.text_pool, student.svo_linear):
        part.requires_grad_(True)
    student.text_tower.language.requires_grad_(False)
    run_dir.mkdir(parents=True, exist_ok=True)
    words.save(str(run_dir / TOKENIZER))
    lesson = _lesson(teacher, own_words, student, words, list(_captions(recipe)))
    training = Training(student, recipe.optim)
    done = 0 if state is None else training.restore(state)
    log.info(
        "texts_start",
        recipe=recipe.name,
        language=str(language),
        sha256=digest,
        step=done,
        steps=recipe.optim.steps,
        captions=len(lesson.tokens),
        parameters=sum(p.numel() for p in student.parameters() if p.requires_grad),
    )
    end = recipe.optim.steps if stop_at is None else min(stop_at, recipe.optim.steps)
    with progress() as bar:
        task = bar.add_task("texts", total=recipe.optim.steps, completed=done)
        for step in range(done, end):
            cost = _step(student, training.optimiser, recipe, lesson, step)
            training.average.update_parameters(student)
            bar.update(task, advance=1, description=f"loss {cost:.3f}")
            if step % 20 == 0:
                append_row(run_dir, {"step": step, "time": time.time(), "loss": cost})
            if step + 1 == end or (step + 1) % recipe.checkpoint_every == 0:
                meta = {"step": step + 1, "recipe": recipe.model_dump(), "from": str(start_from)}
                meta["language_sha256"] = digest
                save_checkpoint(run_dir, training.state(step + 1), meta)


def _step(
    student: Nano,
    optimiser: torch.optim.Optimizer,
    recipe: TextsRecipe,
    lesson: Lesson,
    step: int,
) -> float:
    """One optimiser step; everything random in it follows from the step number alone."""
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    for group in optimiser.param_groups:
        group["lr"] = lr_at(step, recipe.optim)
    rows = torch.randint(len(lesson.tokens), (recipe.texts_a_step,))
    cost = texts_loss(student, lesson, rows)
    optimiser.zero_grad(set_to_none=True)
    cost.backward()
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    nn.utils.clip_grad_norm_(weights, recipe.optim.clip_norm)
    optimiser.step()
    return float(cost.detach())


def texts_loss(student: Nano, lesson: Lesson, rows: Tensor) -> Tensor:
    """How far what is said of some captions lies from what is to be said: 1 - cosine.

    Args:
        student: With a `LanguageTower`; that alone is put into training mode.
        lesson: What to say.
        rows: Which captions.
    """
    tower = student.text_tower
    assert isinstance(tower, LanguageTower)
    tokens, words = lesson.tokens[rows], lesson.words[rows].float()
    tower.train()
    pooled, svo = student.encode_words(tower.refine(words, tokens), tokens, lesson.spans[rows])
    tower.eval()
    apart = 1 - (svo * lesson.svo[rows]).sum(dim=-1)
    sentences_apart = 1 - (pooled * lesson.pooled[rows]).sum(dim=-1)
    return apart.mean() + POOLED_SHARE * sentences_apart.mean()


def _captions(recipe: TextsRecipe) -> Iterator[Caption]:
    """At most ``texts_a_meaning`` different captions of each meaning."""
    told: dict[str, set[str]] = {}
    first = recipe.seed * SCENES_OF_A_SEED
    for number in track(range(first, first + recipe.scenes), "captions"):
        for fact in make_traffic_scene(number, drawn=False).facts:
            for caption in (*fact.captions, *fact.opposites):
                texts = told.setdefault(caption.meaning, set())
                if len(texts) < recipe.texts_a_meaning and caption.text not in texts:
                    texts.add(caption.text)
                    yield caption


@torch.no_grad()
def _lesson(
    teacher: Nano,
    own_words: Tokenizer,
    student: Nano,
    words: Tokenizer,
    captions: Sequence[Caption],
) -> Lesson:
    """Embed all captions once; what the language model says of them does not change."""
    if not captions:
        raise ModelError("the scenes tell nothing: make more of them")
    tower = student.text_tower
    assert isinstance(tower, LanguageTower)
    tokens, spans = CaptionEncoder(words, student.context_length)(captions)
    longest = int((tokens != 0).sum(dim=1).max())
    tokens, spans = tokens[:, :longest], spans[..., :longest]
    theirs = CaptionEncoder(own_words, teacher.context_length)
    said, pooled, svo = [], [], []
    for start in track(range(0, len(captions), EMBEDDED_AT_ONCE), "words"):
        part = slice(start, start + EMBEDDED_AT_ONCE)
        said.append(tower.language(tokens[part]).half())
        sentence, roles = teacher.encode_text(*theirs(captions[part]))
        pooled.append(sentence)
        svo.append(roles)
    return Lesson(tokens, spans, torch.cat(said), torch.cat(pooled), torch.cat(svo))
