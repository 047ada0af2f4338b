"""One process or many: who does which part of a batch, and how the parts come together.

The batch is the same on every rank; each embeds its part, all see all embeddings (so every rank has
all negatives), and gradients are summed. That equals one process with the whole batch.
"""

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from model.errors import ModelError


class WorldError(ModelError):
    """The batch cannot be shared evenly among the processes."""


class World:
    """The processes of a run; started by torchrun, or just this one."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        has_gpu = torch.cuda.is_available()
        self.device = torch.device("cuda", local_rank) if has_gpu else torch.device("cpu")
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if has_gpu else "gloo")

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """The samples of a batch that this process embeds.

        Raises:
            WorldError: They cannot be shared evenly.
        """
        if count % self.size:
            raise WorldError(f"{count} samples cannot be shared evenly by {self.size} processes")
        share = count // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def gather(self, local: Tensor) -> Tensor:
        """Parts of all processes in the order of their ranks; without gradient."""
        if self.size == 1:
            return local
        parts = [torch.empty_like(local) for _ in range(self.size)]
        dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)

    def sum_gradients(self, model: nn.Module, counted_everywhere: Iterable[Tensor]) -> None:
        """Add up the gradients of all processes.

        Args:
            model: Its parameters' gradients hold this process' part.
            counted_everywhere: Parameters whose whole gradient every process has.
        """
        if self.size == 1:
            return
        for parameter in counted_everywhere:
            if parameter.grad is not None:
                parameter.grad /= self.size
        for parameter in model.parameters():
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                dist.all_reduce(parameter.grad)

    def wait(self) -> None:
        """Let every process come this far."""
        if self.size > 1:
            dist.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
