"""Graphs back into torch: what an export has folded is unfolded again.

Each batch norm has gone into its convolution, so it comes back as an identity with the folded bias:
outputs are the same, the running statistics are gone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from model.eight_bits import EIGHT, SCALE
from model.errors import ModelError

Constants = dict[str, Tensor]
Unit = tuple[nn.Conv2d, nn.BatchNorm2d]


def constants(graph: Path) -> Constants:
    """The weights of an exported graph by name; nameless ones in the order of their use.

    Raises:
        ModelError: There is no ONNX graph in that place.
    """
    try:
        initializers = onnx.load(graph, format="protobuf").graph.initializer
    except Exception as error:
        raise ModelError(f"{graph}: cannot be read as an ONNX graph ({error})") from error
    found = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in initializers}
    return dict(_multiplied_out(found))


def _multiplied_out(found: Constants) -> Iterator[tuple[str, Tensor]]:
    """What is stored in 8 bits, as the graph multiplies it out (`model.eight_bits`)."""
    for name, value in found.items():
        if name.endswith(EIGHT):
            whole = name.removesuffix(EIGHT)
            yield whole, value.float() * found[whole + SCALE]
        elif name.removesuffix(SCALE) + EIGHT not in found:
            yield name, value


def nameless(found: Constants, kind: str) -> list[tuple[str, Tensor]]:
    """The constants that nodes of a kind ("Conv") use and the export gave no name of ours."""
    return [(name, value) for name, value in found.items() if name.startswith(f"onnx::{kind}")]


def units_in_order(networks: Sequence[nn.Module], run: Callable[[], object]) -> list[Unit]:
    """Convolutions with a batch norm, in the order in which ``run`` uses them."""
    convolutions: list[nn.Conv2d] = []
    norms: list[nn.BatchNorm2d] = []

    def see(module: nn.Module, *_: object) -> None:
        if isinstance(module, nn.Conv2d) and module.bias is None:
            convolutions.append(module)
        if isinstance(module, nn.BatchNorm2d):
            norms.append(module)

    hooks = [m.register_forward_hook(see) for network in networks for m in network.modules()]
    run()
    for hook in hooks:
        hook.remove()
    return list(zip(convolutions, norms, strict=True))


@torch.no_grad()
def unfold(graph: Path, found: Constants, units: Sequence[Unit]) -> None:
    """Give convolutions and norms the folded constants of a graph.

    Args:
        graph: Named in errors.
        found: From `constants` of it.
        units: From `units_in_order`, run as the graph runs them.

    Raises:
        ModelError: The graph is of another architecture.
    """
    folded = nameless(found, "Conv")
    if len(folded) != 2 * len(units):
        raise ModelError(f"{graph}: {len(folded) // 2} folded convolutions, not {len(units)}")
    for index, (convolution, norm) in enumerate(units):
        (name, weight), (_, bias) = folded[2 * index : 2 * index + 2]
        if weight.shape != convolution.weight.shape:
            expected, got = tuple(convolution.weight.shape), tuple(weight.shape)
            raise ModelError(f"{graph}: {name} is {got}, not {expected}")
        convolution.weight.copy_(weight)
        norm.reset_running_stats()
        norm.weight.fill_(math.sqrt(1 + norm.eps))
        norm.bias.copy_(bias)


def has_statistics(network: nn.Module) -> bool:
    """Whether the batch norms of a network can be trained on: unfolded ones have lost theirs."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    return any(norm.running_mean is not None and bool(norm.running_mean.any()) for norm in norms)
