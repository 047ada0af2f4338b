"""The network of an exported detector: a bundle holds all that is needed to go on from it."""

from pathlib import Path

import torch
from torch import Tensor, nn

from model.detector.network import TrafficDetector
from model.unfold import Unit, constants, unfold, units_in_order

SMALLEST = 64  # pixels of the frame on which the order of the units is seen


@torch.no_grad()
def restore_detector(graph: Path, network: TrafficDetector | None = None) -> TrafficDetector:
    """Load ``detector.onnx`` of a bundle back into torch.

    Its batch norms are identities afterwards (`model.unfold`).

    Args:
        graph: Written by `model.detector.export`.
        network: Of the exported architecture; the shipped one when left out.

    Returns:
        The network in evaluation mode.

    Raises:
        ModelError: The graph is of another architecture.
    """
    restored = (network or TrafficDetector()).eval()
    found = constants(graph)
    unfold(graph, found, _in_order(restored))
    kept = {name: value for name, value in found.items() if "heads." in name}
    restored.load_state_dict(kept, strict=False)
    return restored


@torch.no_grad()
def measure_norms(network: TrafficDetector, images: Tensor) -> None:
    """Give restored batch norms the statistics of (B, 3, H, W) BGR pixels, in place.

    In evaluation the network computes what it did; in training, too, up to the batch's own
    statistics, where the identities that ``restore_detector`` leaves would lose every scale.
    """
    norms = [norm for _, norm in _in_order(network)]

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


def _in_order(network: TrafficDetector) -> list[Unit]:
    """The units as they run, which is the order of the graph's constants."""
    blank = torch.zeros(1, 3, SMALLEST, SMALLEST)
    return units_in_order([network], lambda: network(blank))
