"""The detector recipe: everything a run depends on, as frozen data that refuses unknown keys."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from model.figures.figure import Kind
from model.recipe import Section, read_recipe

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
SHIPPED_RECIPE = Path(__file__).parent.parent / "recipes" / "detector.yaml"


class NetworkSize(Section):
    """Channels of the backbone at strides 4, 8, 16, 32 and of the pyramid."""

    widths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]
    neck_width: PositiveInt


class Footage(Section):
    """Which frames train. Folders are relative to ``SACLIP_TEST_DATA``.

    ``held_out`` cameras never train; ``ignored`` cameras are used for nothing, because the same
    camera also appears under another name.
    """

    camera_manifest: str
    extra_folders: tuple[str, ...]
    held_out: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    balance: Probability = 0.0
    """0: every frame is drawn equally often; 1: every camera is."""


class Augmentation(Section):
    """How often and how strongly a frame is changed before teacher and student see it."""

    plain: Probability
    mosaic: Probability
    scale: tuple[PositiveFloat, PositiveFloat]
    mosaic_scale: tuple[PositiveFloat, PositiveFloat]
    stretch: PositiveFloat
    night: Probability
    blur: Probability
    noise: Probability
    jpeg: Probability
    grey: Probability


class Figures(Section):
    """Drawn riders and animals that are laid into frames before a view is taken."""

    count: dict[Kind, PositiveInt]
    """How many of each kind are kept."""
    least_score: Probability
    """What the teacher must give a figure for its own class."""
    share: Probability
    """Share of frames that get some."""
    most: PositiveInt
    size: tuple[PositiveFloat, PositiveFloat]
    """Smallest and largest longer side, as a share of the frame's height."""


class LossWeights(Section):
    """Weights of the distillation losses; ``box_floor`` is the least teacher score with a box."""

    objectness: float
    classes: float
    overlap: float
    offsets: float
    maps: float
    box_floor: Probability


class Optimisation(Section):
    """AdamW with linear warm-up and a cosine to zero."""

    steps: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: float
    warm_up_steps: PositiveInt
    ema_decay: Probability
    gradient_limit: PositiveFloat
    bfloat16: bool


class DetectorRecipe(Section):
    """One detector run."""

    seed: int
    teacher: str
    input_hw: tuple[PositiveInt, PositiveInt]
    network: NetworkSize
    footage: Footage
    augmentation: Augmentation
    figures: Figures | None = None
    losses: LossWeights
    optimisation: Optimisation


def load_detector_recipe(path: Path = SHIPPED_RECIPE) -> DetectorRecipe:
    """Read and check a recipe file.

    Raises:
        RecipeError: A key is missing, unknown or out of range, or the file cannot be read.
    """
    return read_recipe(path, DetectorRecipe)
