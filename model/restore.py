"""The student of an exported bundle: a bundle holds all that is needed to go on from it."""

from collections.abc import Mapping
from pathlib import Path

import torch

from model.errors import ModelError
from model.towers.nano import LANGUAGE_PREFIX, Nano, nano_of
from model.towers.nano_text import LanguageTower
from model.unfold import Constants, constants, nameless, unfold, units_in_order
from service.bundle.manifest import IMAGE_ENCODER, TEXT_ENCODER

PREFIX = "student."
TEXT = ("text_tower.", "text_pool.", "svo_linear.")
TRANSPOSED = ("qkv", "out", "mlp.0", "mlp.2")  # matrices of a block, as the export orders them


def is_bundle(folder: Path) -> bool:
    """Whether a folder is a bundle and no run."""
    return (folder / IMAGE_ENCODER).is_file()


@torch.no_grad()
def restore_student(bundle: Path, sizes: Mapping[str, int], vocab_size: int) -> Nano:
    """Load the encoders of a bundle back into torch.

    The batch norms of its trunk are identities afterwards (`model.unfold`), so the trunk must not
    be trained on. The logit scale is in no graph: it stays as it was.

    Args:
        bundle: Written by ``saclip-model export``.
        sizes: Of the exported student, as `Nano` names them.
        vocab_size: Of its tokenizer.

    Returns:
        The student, in evaluation mode.

    Raises:
        ModelError: The graphs are of another architecture.
    """
    image, text = constants(bundle / IMAGE_ENCODER), constants(bundle / TEXT_ENCODER)
    named = {
        name.removeprefix(PREFIX): value
        for name, value in (image | text).items()
        if name.startswith(PREFIX)
    }
    student = nano_of(named, vocab_size, **sizes)
    matrices, names = nameless(text, "MatMul"), _matrices(student)
    if len(matrices) != len(names):
        raise ModelError(f"{bundle / TEXT_ENCODER}: {len(matrices)} matrices, not {len(names)}")
    named |= {name: value.T for name, (_, value) in zip(names, matrices, strict=True)}
    known = student.state_dict()
    for name, value in named.items():
        if name not in known or known[name].shape != value.shape:
            raise ModelError(f"{bundle}: {name} {tuple(value.shape)} has no place in the student")
    # Constants that are equal are one to an export, and then only one of them has its name.
    lost = [name for name in known if name.startswith(TEXT) and name not in named]
    if lost:
        raise ModelError(f"{bundle / TEXT_ENCODER}: {lost[0]} is not in it")
    student.eval().load_state_dict(named, strict=False)
    frame = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    networks = (student.trunk, student.detector_look)
    units = units_in_order(networks, lambda: [network(frame) for network in networks])
    unfold(bundle / IMAGE_ENCODER, image, units)
    _restore_limits(bundle / IMAGE_ENCODER, image, student)
    return student


def _matrices(student: Nano) -> list[str]:
    """Names of the text tower's nameless matrices, in the order of their use."""
    tower = student.text_tower
    blocks = [f"text_tower.blocks.{i}" for i in range(len(tower.blocks))]
    if not isinstance(tower, LanguageTower):
        return [f"{block}.{part}.weight" for block in blocks for part in TRANSPOSED]
    below = [f"{LANGUAGE_PREFIX}blocks.{i}" for i in range(len(tower.language.blocks))]
    below_it = [f"{block}.{part}.weight" for block in below for part in TRANSPOSED]
    above_it = [f"{block}.{part}.weight" for block in blocks for part in TRANSPOSED]
    return [*below_it, "text_tower.inward.weight", *above_it]


def _restore_limits(graph: Path, image: Constants, student: Nano) -> None:
    """A gate is (high - distance) / (high - low): both are constants without a name."""
    gates = (student.scene_gate, student.drawn_gate, student.look_gate)  # as `encode_image` asks
    highs, widths = nameless(image, "Sub"), nameless(image, "Div")
    if len(highs) != len(gates) or len(widths) != len(gates):
        raise ModelError(f"{graph}: {len(highs)} limits, not {len(gates)}")
    for gate, (_, high), (_, width) in zip(gates, highs, widths, strict=True):
        gate.limits.copy_(torch.stack([high - width, high]))
