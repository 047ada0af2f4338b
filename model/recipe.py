"""Training recipes: YAML files checked key by key, so that a typo never trains silently."""

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from model.errors import ModelError

SCENES_OF_A_SEED = 1_000_000
NUM_GATE_SCENES = 512  # of them, after the last step
LEAST_DRAWN = 2  # of a step, for the batch norms of the trunk


class RecipeError(ModelError):
    """A recipe cannot be read, or has a key or value that nothing uses."""


class Section(BaseModel):
    """A part of a recipe: frozen, and a key that nothing uses is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Data(Section):
    """What the batches are made of."""

    drawn_scenes: int = Field(default=12, ge=0)
    """Scenes a step with pixels; the student as a whole needs two of them."""
    geometry_scenes: int = Field(default=48, ge=0)
    """Scenes a step of which only classes and boxes are known: appearance dropout, cheaply."""
    layout_share: float = Field(default=0.2, ge=0, le=1)
    idle_pairs: int = Field(default=4, ge=0)
    still_share: float = Field(default=1.0, ge=0, le=1)
    """Of the scenes of traffic that come without the motion of their participants."""
    seed: int = Field(default=0, ge=0, le=9)
    """Ten seeds of a million scenes each lie below those of the evaluation."""
    workers: int = Field(default=0, ge=0)
    """Processes that make batches ahead; 0: the training makes them. No batch depends on it."""


class Loss(Section):
    """Which terms are summed (docs/equations.md) and their constants."""

    objective: Literal["paper", "paper+itc"] = "paper+itc"
    temperature: float = Field(default=0.07, gt=0)
    margin: float = Field(default=0.2, ge=0)


class Optim(Section):
    """AdamW with warm-up and cosine decay to zero."""

    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.05, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    warmup_steps: int = Field(default=200, ge=0)
    steps: int = Field(default=6000, ge=1)
    clip_norm: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.995, ge=0, lt=1)


class NanoRecipe(Section):
    """One training run of the student."""

    name: str
    vocab_size: int = Field(default=2048, ge=64)
    context_length: int = Field(default=32, ge=8)
    half_dim: int = Field(default=256, ge=8)
    width: int = Field(default=192, ge=12, multiple_of=6)
    train_trunk: bool = True
    """Whether the image trunk is trained, too; that of a bundle cannot be."""
    data: Data = Data()
    loss: Loss = Loss()
    optim: Optim = Optim()
    checkpoint_every: int = Field(default=200, ge=1)
    threads: int = Field(default=1, ge=1)

    def sizes(self) -> dict[str, int]:
        """Of the student, as its constructor names them."""
        return {name: getattr(self, name) for name in ("context_length", "half_dim", "width")}

    @model_validator(mode="after")
    def _fits_its_seed(self) -> "NanoRecipe":
        """The scenes of one seed do not run into those of the next."""
        if self.data.drawn_scenes < LEAST_DRAWN:
            raise ValueError(
                f"{self.data.drawn_scenes} drawn scenes a step, at least {LEAST_DRAWN}"
            )
        check_scenes(self.optim.steps, self.data)
        return self


class RelationsRecipe(Section):
    """One training of what film tells, on boxes, classes and motion alone."""

    name: str
    data: Data
    batches: int = Field(default=190, ge=1)
    """Made once and gone through again and again."""
    texts_a_meaning: int = Field(default=12, ge=1)
    temperature: float = Field(default=0.07, gt=0)
    optim: Optim
    checkpoint_every: int = Field(default=100, ge=1)
    threads: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _has_no_pixels(self) -> "RelationsRecipe":
        if self.data.drawn_scenes or not self.data.geometry_scenes:
            raise ValueError("data.drawn_scenes must be 0 and data.geometry_scenes more")
        if self.data.still_share == 1:
            raise ValueError("data.still_share is 1, but nothing here is learned from stills")
        check_scenes(self.batches, self.data)
        return self


class TextsRecipe(Section):
    """One training that puts the text tower on top of a language model."""

    name: str
    seed: int = Field(default=0, ge=0, le=9)
    """As `Data.seed`."""
    scenes: int = Field(default=16000, ge=1, le=SCENES_OF_A_SEED)
    """Whose captions are taken."""
    texts_a_meaning: int = Field(default=100, ge=1)
    mixed: int = Field(default=24000, ge=0)
    """Sentences of the same words that tell of nothing, half of each step's."""
    context_length: int = Field(default=64, ge=8)
    language_sha256: str | None = None
    """Of the language model's weights; others are refused."""
    texts_a_step: int = Field(default=256, ge=1)
    optim: Optim
    checkpoint_every: int = Field(default=200, ge=1)
    threads: int = Field(default=1, ge=1)


Recipe = TypeVar("Recipe", bound=Section)


def check_scenes(steps: int, data: Data) -> None:
    """Raise ValueError where the scenes of one seed would run into those of the next."""
    scenes = steps * (data.drawn_scenes + data.geometry_scenes)
    limit = SCENES_OF_A_SEED - NUM_GATE_SCENES
    if scenes > limit:
        raise ValueError(f"{scenes} scenes in all its steps, at most {limit}")


def load_recipe(path: Path, overrides: tuple[str, ...] = ()) -> NanoRecipe:
    """`read_recipe` of the student."""
    return read_recipe(path, NanoRecipe, overrides)


def read_recipe(path: Path, kind: type[Recipe], overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe and apply ``section.key=value`` overrides.

    Args:
        path: YAML file.
        kind: What it is a recipe of.
        overrides: Values for keys, parsed as YAML.

    Raises:
        RecipeError: Naming the file and the key.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: a recipe is a mapping, found {type(content).__name__}")
    for override in overrides:
        _apply(content, override)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        # A typo is an unknown key and a missing one: the unknown one tells what to mend.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        raise RecipeError(f"{path}: {key}: {first['msg']}") from error


def section_names(path: Path) -> frozenset[str]:
    """Keys at the top of a recipe; none when it cannot be read, which reading it will say."""
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return frozenset()
    return frozenset(content) if isinstance(content, dict) else frozenset()


def _apply(content: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals:
        raise RecipeError(f"--set {override}: expected section.key=value")
    *sections, last = key.split(".")
    target = content
    for section in sections:
        target = target.setdefault(section, {})
    target[last] = yaml.safe_load(value)
