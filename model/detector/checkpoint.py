"""Everything a detector run needs to continue after a kill -9, and how it is kept on disk."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from model.detector.augment import letterbox
from model.detector.classes import CLASSES
from model.detector.network import STRIDES, TrafficDetector, to_pixels
from model.detector.recipe import DetectorRecipe, Optimisation
from model.detector.restore import measure_norms, restore_detector

NORM_FRAMES = 48
TEACHER_WIDTH = 64  # channels of YOLOX-nano just before its heads


class DetectorRun:
    """Student, map adapters, optimiser, averaged student, step and random state.

    The adapters translate the student's maps into the teacher's channels; they are not exported.
    """

    def __init__(self, recipe: DetectorRecipe) -> None:
        torch.manual_seed(recipe.seed)
        size = recipe.network
        self.recipe = recipe
        self.student = TrafficDetector(len(CLASSES), size.widths, size.neck_width)
        self.adapters = nn.ModuleList(nn.Conv2d(size.neck_width, TEACHER_WIDTH, 1) for _ in STRIDES)
        self.averaged = copy.deepcopy(self.student).requires_grad_(False).eval()
        self.optimizer = _optimizer(nn.ModuleList([self.student, self.adapters]), recipe)
        self.rng = np.random.default_rng(recipe.seed)
        self.step = 0

    def begin_with(self, graph: Path, frames: NDArray[np.uint8]) -> None:
        """Take the weights of an exported detector before the first step.

        Args:
            graph: ``detector.onnx``.
            frames: (N, H, W, 3) uint8 BGR; some of them measure the batch norms anew.
        """
        size = self.recipe.network
        blank = TrafficDetector(len(CLASSES), size.widths, size.neck_width)
        restored = restore_detector(graph, blank)
        some = self.rng.choice(len(frames), min(NORM_FRAMES, len(frames)), replace=False)
        views = np.stack([letterbox(frames[i], self.recipe.input_hw) for i in some])
        measure_norms(restored, to_pixels(views))
        self.student.load_state_dict(restored.state_dict())
        self.averaged.load_state_dict(restored.state_dict())

    def average(self, optimisation: Optimisation) -> None:
        """Move the averaged student towards the student (EMA with a short start)."""
        decay = min(optimisation.ema_decay, (1 + self.step) / (10 + self.step))
        ours = self.student.state_dict()
        with torch.no_grad():
            for name, mean in self.averaged.state_dict().items():
                if mean.dtype.is_floating_point:
                    mean.lerp_(ours[name], 1 - decay)
                else:
                    mean.copy_(ours[name])

    def save(self, path: Path) -> None:
        """Write the run next to ``path`` and move it there, so a kill leaves a whole file."""
        state = {
            "recipe": self.recipe.model_dump(mode="json"),
            "student": self.student.state_dict(),
            "adapters": self.adapters.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.bit_generator.state,
            "step": self.step,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> "DetectorRun":
        """Read a run that ``save`` wrote."""
        state: dict[str, Any] = torch.load(path, weights_only=True)
        run = cls(DetectorRecipe.model_validate(state["recipe"]))
        run.student.load_state_dict(state["student"])
        run.adapters.load_state_dict(state["adapters"])
        run.averaged.load_state_dict(state["averaged"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.rng.bit_generator.state = state["rng"]
        run.step = state["step"]
        return run


def _optimizer(modules: nn.Module, recipe: DetectorRecipe) -> torch.optim.AdamW:
    """AdamW that leaves biases and batch norm without weight decay."""
    kernels = [weight for weight in modules.parameters() if weight.ndim > 1]
    others = [weight for weight in modules.parameters() if weight.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": kernels}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        groups,
        lr=recipe.optimisation.learning_rate,
        weight_decay=recipe.optimisation.weight_decay,
    )
