"""The steps of a training whose lesson is made before it begins: what film tells, the texts."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from model.checkpoint import save_checkpoint
from model.optimiser import Training, lr_at
from model.recipe import Optim
from model.run_log import append_row, progress

LOG_EVERY = 20


class Part(NamedTuple):
    """Which steps of a schedule are taken, and how often they are saved."""

    done: int
    stop_at: int | None
    checkpoint_every: int


def run_steps(
    name: str,
    training: Training,
    optim: Optim,
    part: Part,
    run_dir: Path,
    meta: Mapping[str, Any],
    terms_of: Callable[[int], dict[str, Tensor]],
) -> None:
    """Take the steps that are left, show them, and leave their rows and checkpoints in the run.

    Args:
        name: On the bar.
        training: Model, average and optimiser.
        optim: Its schedule.
        part: From which step to which.
        run_dir: The run.
        meta: For the readers of its checkpoints, the step apart.
        terms_of: The loss terms of a step, by its number alone, so that a run that was stopped
            and resumed is the run that was not stopped.
    """
    end = optim.steps if part.stop_at is None else min(part.stop_at, optim.steps)
    groups = training.optimiser.param_groups
    weights = [weight for group in groups for weight in group["params"]]
    with progress() as bar:
        task = bar.add_task(name, total=optim.steps, completed=part.done)
        for step in range(part.done, end):
            for group in groups:
                group["lr"] = lr_at(step, optim)
            terms = terms_of(step)
            cost = torch.stack(list(terms.values())).sum()
            training.optimiser.zero_grad(set_to_none=True)
            cost.backward()
            nn.utils.clip_grad_norm_(weights, optim.clip_norm)
            training.optimiser.step()
            training.average.update_parameters(training.model)
            bar.update(task, advance=1, description=f"loss {float(cost.detach()):.3f}")
            if step % LOG_EVERY == 0:
                values = {name: float(term.detach()) for name, term in terms.items()}
                append_row(run_dir, {"step": step, "time": time.time(), **values})
            if step + 1 == end or (step + 1) % part.checkpoint_every == 0:
                save_checkpoint(run_dir, training.state(step + 1), {"step": step + 1, **meta})
