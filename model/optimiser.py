"""AdamW, its schedule and the average of weights, as every training of the student uses them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from model.recipe import Optim


def make_optimiser(model: nn.Module, optim: Optim) -> torch.optim.AdamW:
    """AdamW over what is trained: matrices decay; vectors (norms, biases, scales) do not."""
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": optim.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=optim.lr, betas=optim.betas)


class Training:
    """A model, the average of its weights and its optimiser: what a checkpoint holds."""

    def __init__(self, model: nn.Module, optim: Optim) -> None:
        self.model = model
        self.average = torch.optim.swa_utils.AveragedModel(
            model, multi_avg_fn=moving_average(optim.ema_decay), use_buffers=True
        )
        self.optimiser = make_optimiser(model, optim)

    def state(self, step: int) -> dict[str, Any]:
        """What to go on from after so many steps."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": step,
        }

    def restore(self, state: Mapping[str, Any]) -> int:
        """Go on where ``state`` was taken; the steps that are done."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])


def moving_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """EMA that follows closely at first: otherwise the untrained weights linger for 1/(1-decay)."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], num_averaged: Tensor) -> None:
        count = float(num_averaged)
        share = 1 - min(decay, (1 + count) / (10 + count))
        for mean, now in zip(averaged, current, strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, share)
            else:
                mean.copy_(now)

    return update


def lr_at(step: int, optim: Optim) -> float:
    """Linear warm-up, then a half cosine to zero."""
    if step < optim.warmup_steps:
        return optim.lr * (step + 1) / optim.warmup_steps
    share = (step - optim.warmup_steps) / max(1, optim.steps - optim.warmup_steps)
    return optim.lr * 0.5 * (1 + float(np.cos(np.pi * share)))
