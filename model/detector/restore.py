"""The network of an exported detector: a bundle holds all that is needed to go on from it."""

import math
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from model.detector.network import ConvUnit, TrafficDetector
from model.errors import ModelError

SMALLEST = 64  # pixels of the frame on which the order of the units is seen


@torch.no_grad()
def restore_detector(graph: Path, network: TrafficDetector | None = None) -> TrafficDetector:
    """Load ``detector.onnx`` of a bundle back into torch.

    The export has folded each batch norm into its convolution, so the norms come back as
    identities with the folded bias: outputs are the same, the running statistics are gone.

    Args:
        graph: Written by `model.detector.export`.
        network: Of the exported architecture; the shipped one when left out.

    Returns:
        The network in evaluation mode.

    Raises:
        ModelError: The graph is of another architecture.
    """
    restored = (network or TrafficDetector()).eval()
    arrays = {i.name: numpy_helper.to_array(i) for i in onnx.load(graph).graph.initializer}
    folded = [(name, array) for name, array in arrays.items() if name.startswith("onnx::Conv")]
    units = _in_order(restored)
    if len(folded) != 2 * len(units):
        raise ModelError(f"{graph}: {len(folded) // 2} folded convolutions, not {len(units)}")
    for index, unit in enumerate(units):
        convolution, norm = unit[0], unit[1]
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        (name, weight), (_, bias) = folded[2 * index : 2 * index + 2]
        if weight.shape != tuple(convolution.weight.shape):
            expected = tuple(convolution.weight.shape)
            raise ModelError(f"{graph}: {name} is {weight.shape}, not {expected}")
        convolution.weight.copy_(torch.from_numpy(weight.copy()))
        norm.reset_running_stats()
        norm.weight.fill_(math.sqrt(1 + norm.eps))
        norm.bias.copy_(torch.from_numpy(bias.copy()))
    kept = {name: torch.from_numpy(a.copy()) for name, a in arrays.items() if "heads." in name}
    restored.load_state_dict(kept, strict=False)
    return restored


@torch.no_grad()
def measure_norms(network: TrafficDetector, images: Tensor) -> None:
    """Give restored batch norms the statistics of (B, 3, H, W) BGR pixels, in place.

    In evaluation the network computes what it did; in training, too, up to the batch's own
    statistics, where the identities that ``restore_detector`` leaves would lose every scale.
    """
    norms = [unit[1] for unit in _in_order(network)]

    def measure(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3))
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * gain
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(gain * (variance + norm.eps).sqrt())
        norm.bias.copy_(shift + mean * gain)

    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    network.eval()(images)
    for hook in hooks:
        hook.remove()


def _in_order(network: TrafficDetector) -> list[ConvUnit]:
    """The units as they run, which is the order of the graph's constants."""
    units: list[ConvUnit] = []
    hooks = [
        module.register_forward_hook(lambda unit, *_: units.append(unit))
        for module in network.modules()
        if isinstance(module, ConvUnit)
    ]
    network(torch.zeros(1, 3, SMALLEST, SMALLEST))
    for hook in hooks:
        hook.remove()
    return units
