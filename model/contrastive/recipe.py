"""The recipe of a contrastive run: tower, triplets, losses, optimiser."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from model.recipe import Section
from model.towers.spec import ClipSpec

RUNLOCAL = {"steps": 50, "warmup_steps": 5, "batch_size": 8, "micro_batch": 4}


class Triplets(Section):
    """What is trained on; paths are relative to where the command is run."""

    triplets: Path
    """``triplets.jsonl`` of `saclip-model curate`."""

    images: Path
    """Folder of the images."""

    rois: Path | None = None
    """JSONL of detections; made beside the run with the bundle's detector if None."""

    bundle: Path | None = None
    """Bundle whose detector finds the ROIs; the embedded one if None."""

    seed: int = 0


class Terms(Section):
    """Which losses are summed (docs/equations.md) and their constants."""

    objective: Literal["paper", "paper+itc"] = "paper+itc"
    positives: Literal["multi", "partner", "literal"] = "multi"
    """Eq. (9): partner and near-equal triplets, the partner alone, or all (as printed)."""

    triplet: bool = True
    """Whether Eq. (10) counts."""

    inter: bool = True
    """Whether Eq. (9) counts."""

    temperature: float = Field(default=0.07, gt=0)
    learn_temperature: bool = False
    margin: float = Field(default=0.2, ge=0)
    same_from: float = Field(default=0.95, ge=0, le=1)
    """Similarity of triplets from which two samples mean the same."""

    unclear_from: float = Field(default=0.85, ge=0, le=1)
    """Between this and ``same_from`` a pair is neither positive nor negative."""

    use_svo: bool = True
    """Ablation of Table 3: without it the sentence half stands in both places of the text."""

    use_roi: bool = True
    """Ablation of Table 3: without it the scene half stands in both places of the image."""


class Partners(Section):
    """How the second sample of each anchor is retrieved."""

    neighbours: int = Field(default=20, ge=1)
    least_similarity: float = Field(default=0.8, ge=0, le=1)


class AdamW(Section):
    """AdamW, linear warm-up, cosine to zero."""

    lr: float = Field(default=5e-4, gt=0)
    text_lr_mult: float = Field(default=1.0, ge=0)
    """Factor of the pretrained text tower's rate: 1 literal, 0.02 safe, 0 locks it."""

    weight_decay: float = Field(default=0.1, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = Field(default=1e-6, gt=0)
    warmup_steps: int = Field(default=2000, ge=0)
    steps: int = Field(default=30_000, ge=1)
    clip_norm: float = Field(default=1.0, gt=0)
    ema_decay: float = Field(default=0.9995, ge=0, lt=1)
    batch_size: int = Field(default=512, ge=2)
    """Anchors a step over all processes; each brings its partner, so twice as many samples."""

    micro_batch: int = Field(default=64, ge=1)
    """Samples that go through the towers at once; the loss always sees the whole batch."""

    precision: Literal["fp32", "bf16"] = "bf16"


class ContrastiveRecipe(Section):
    """One training run of a CLIP tower."""

    name: str
    tower: ClipSpec = ClipSpec()
    data: Triplets
    loss: Terms = Terms()
    partners: Partners = Partners()
    optim: AdamW = AdamW()
    checkpoint_every: int = Field(default=500, ge=1)
    threads: int = Field(default=0, ge=0)
    """Threads of torch; 0 leaves its choice."""

    def run_local(self) -> "ContrastiveRecipe":
        """The same run shrunk so that it can be tried on a laptop."""
        optim = self.optim.model_copy(update={**RUNLOCAL, "precision": "fp32"})
        return self.model_copy(update={"optim": optim, "checkpoint_every": 25})
