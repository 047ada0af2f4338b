"""Put the text tower on top of a language model: the same texts, and the words of others too.

    saclip-model train-texts RECIPE --start-from runs/nano_relations --language FOLDER

The student's own text tower has read generated captions alone. Here a tower that stands on a
language model learns to say of each caption what that one says, so the image side keeps its
meaning; of words that no caption has, the language model knows which they are like. Half of what
it learns from are sentences whose parts come from anywhere: captions alone leave open what the
tower makes of any other sentence, those of the experts among them.

Dimension letters used in this file: N captions, C token context, L width of the language model,
D half of the embedding.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
import torch
from rich.progress import track
from tokenizers import Tokenizer
from torch import Tensor

from model.checkpoint import CheckpointError, load_checkpoint
from model.data.loader import CaptionEncoder, cut_to_longest
from model.data.records import Caption
from model.errors import ModelError
from model.optimiser import Training
from model.recipe import SCENES_OF_A_SEED, NanoRecipe, TextsRecipe
from model.steps import Part, run_steps
from model.synthesis.captions import mixed_caption
from model.synthesis.traffic import make_traffic_scene
from model.towers.language_model import WEIGHTS, LanguageModel, load_language_model
from model.towers.nano import LANGUAGE_PREFIX, Nano
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
        said: (N, C, L) float16.
        pooled: (N, D) of the student's own tower.
        svo: (N, D).
    """

    tokens: Tensor
    spans: Tensor
    said: Tensor
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
    teacher, own_tokenizer = load_student(start_from, student_recipe)
    state = load_checkpoint(run_dir) if resume else None
    model = load_language_model(language, recipe.context_length)
    digest = hashlib.sha256((language / WEIGHTS).read_bytes()).hexdigest()
    if recipe.language_sha256 not in (None, digest):
        raise ModelError(
            f"{language / WEIGHTS}: sha256 {digest}, the recipe asks for {recipe.language_sha256}"
        )
    tokenizer = load_tokenizer(language / TOKENIZER)
    student = deepcopy(teacher)
    student.text_tower = LanguageTower(model, student.width)
    student.eval().requires_grad_(False)
    for part in (student.text_tower, student.text_pool, student.svo_linear):
        part.requires_grad_(True)
    student.text_tower.language.requires_grad_(False)
    training = Training(student, recipe.optim)
    done = 0
    if state is not None:
        _check_same(state["model"], model, run_dir)
        done = training.restore(state)
    run_dir.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(run_dir / TOKENIZER))
    captions = list(_captions(recipe))
    rng = np.random.default_rng(recipe.seed)
    mixed = [mixed_caption(rng) for _ in range(recipe.mixed)]
    lesson = _lesson(teacher, own_tokenizer, student, tokenizer, captions + mixed)
    log.info(
        "texts_start",
        recipe=recipe.name,
        language=str(language),
        sha256=digest,
        step=done,
        steps=recipe.optim.steps,
        captions=len(captions),
        mixed=len(mixed),
        parameters=sum(p.numel() for p in student.parameters() if p.requires_grad),
    )

    def terms_of(step: int) -> dict[str, Tensor]:
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        return texts_loss(student, lesson, _drawn(len(captions), len(mixed), recipe.texts_a_step))

    run_steps(
        "texts",
        training,
        recipe.optim,
        Part(done, stop_at, recipe.checkpoint_every),
        run_dir,
        {"recipe": recipe.model_dump(), "from": str(start_from), "language_sha256": digest},
        terms_of,
    )


def _drawn(captions: int, mixed: int, count: int) -> Tensor:
    """(count,) rows of a step: half of them captions, half mixed ones where there are any."""
    half = count // 2 if mixed else 0
    first = torch.randint(captions, (count - half,))
    return first if not mixed else torch.cat([first, captions + torch.randint(mixed, (half,))])


def _check_same(weights: Mapping[str, Tensor], model: LanguageModel, run_dir: Path) -> None:
    """A run goes on with the language model with which it began."""
    for name, value in model.state_dict().items():
        if not torch.equal(weights.get(LANGUAGE_PREFIX + name, torch.empty(0)), value):
            raise CheckpointError(f"{run_dir}: begun with another language model, or other sizes")


def texts_loss(student: Nano, lesson: Lesson, rows: Tensor) -> dict[str, Tensor]:
    """How far what is said of some captions lies from what is to be said: 1 - cosine, by half.

    Args:
        student: With a `LanguageTower`; that alone is put into training mode.
        lesson: What to say.
        rows: Which captions.
    """
    tower = student.text_tower
    assert isinstance(tower, LanguageTower)
    tokens, said = lesson.tokens[rows], lesson.said[rows].float()
    tower.train()
    pooled, svo = student.encode_words(tower.refine(said, tokens), tokens, lesson.spans[rows])
    tower.eval()
    apart = 1 - (svo * lesson.svo[rows]).sum(dim=-1)
    sentences_apart = 1 - (pooled * lesson.pooled[rows]).sum(dim=-1)
    return {"svo": apart.mean(), "pooled": POOLED_SHARE * sentences_apart.mean()}


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
    own_tokenizer: Tokenizer,
    student: Nano,
    tokenizer: Tokenizer,
    captions: Sequence[Caption],
) -> Lesson:
    """Embed all captions once; what the language model says of them does not change."""
    if not captions:
        raise ModelError("the scenes tell nothing: make more of them")
    tower = student.text_tower
    assert isinstance(tower, LanguageTower)
    encoder = CaptionEncoder(tokenizer, student.context_length)
    tokens, spans = cut_to_longest(*encoder(captions))
    theirs = CaptionEncoder(own_tokenizer, teacher.context_length)
    said, pooled, svo = [], [], []
    for start in track(range(0, len(captions), EMBEDDED_AT_ONCE), "words"):
        part = slice(start, start + EMBEDDED_AT_ONCE)
        said.append(tower.language(tokens[part]).half())
        sentence, roles = teacher.encode_text(*theirs(captions[part]))
        pooled.append(sentence)
        svo.append(roles)
    return Lesson(tokens, spans, torch.cat(said), torch.cat(pooled), torch.cat(svo))
