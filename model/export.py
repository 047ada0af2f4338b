"""Checkpoint to bundle: ONNX graphs that hold the whole path from uint8 pixels to embeddings."""

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import structlog
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.eight_bits import store_in_eight_bits
from model.errors import ModelError
from service.bundle.encoder import INPUTS, MOTION, MOTION_WIDTH, OUTPUTS
from service.bundle.sessions import make_session

OPSET = 18
PARITY_TOLERANCE = 1e-3  # of unit vectors; float32 graphs differ by about 1e-4 after resizing
# The gate is no vector but a ramp that is a fraction of a deviation wide: it magnifies rounding.
GATE_TOLERANCE = 1e-2
log = structlog.get_logger()
Arrays = tuple[NDArray[Any], ...]


class ExportError(ModelError):
    """The exported graph does not compute what the checkpoint computes."""


class _ImageGraph(nn.Module):
    """Only what the service needs of the image side."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student: Any = student

    def forward(
        self, frames: Tensor, rois: Tensor, roi_classes: Tensor, pairs: Tensor, *motion: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        scene, relation, gate = self.student.encode_image(frames, rois, roi_classes, pairs, *motion)
        return scene, relation, gate


class _TextGraph(nn.Module):
    """Only what the service needs of the text side."""

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.student: Any = student

    def forward(self, tokens: Tensor, spans: Tensor) -> tuple[Tensor, Tensor]:
        pooled, svo = self.student.encode_text(tokens, spans)
        return pooled, svo


def export_image_encoder(student: nn.Module, path: Path, with_motion: bool = False) -> None:
    """Write ``image_encoder.onnx``; every size but the channel count stays free.

    Args:
        student: Nano or a CLIP tower.
        path: File to write.
        with_motion: Whether the graph is told how pairs have moved (nano).
    """
    frames = torch.zeros(2, 360, 640, 3, dtype=torch.uint8)
    rois = torch.tensor([[0, 0.1, 0.1, 0.5, 0.6], [0, 0.4, 0.3, 0.9, 0.9], [1, 0.0, 0.0, 1.0, 1.0]])
    classes, pairs = torch.tensor([3, 1, 9]), torch.tensor([[0, 1], [2, -1]])
    example: tuple[Tensor, ...] = (frames, rois, classes, pairs)
    inputs = list(INPUTS)
    if with_motion:
        inputs += MOTION
        example += (torch.zeros(2, MOTION_WIDTH),)
    axes = {
        "frames": {0: "B", 1: "H", 2: "W"},
        "rois": {0: "R"},
        "roi_classes": {0: "R"},
        "pairs": {0: "K"},
        "motion": {0: "K"},
        "scene": {0: "B"},
        "relation": {0: "K"},
        "scene_gate": {0: "B"},
    }
    used = {name: axes[name] for name in (*inputs, *OUTPUTS)}
    _export(_ImageGraph(student), example, path, inputs, list(OUTPUTS), used)


def export_text_encoder(student: nn.Module, path: Path, any_length: bool = False) -> None:
    """Write ``text_encoder.onnx`` for any number of texts; a language model's weights in 8 bits.

    Args:
        student: Nano or a CLIP tower.
        path: File to write.
        any_length: Whether texts may be cut to the longest of them (nano), which saves time.
    """
    context = int(cast(Any, student).context_length)
    spans = torch.full((2, 3, context), 1.0 / context)
    example = (torch.ones(2, context, dtype=torch.int64), spans)
    axes = {"tokens": {0: "T"}, "spans": {0: "T"}, "pooled": {0: "T"}, "svo": {0: "T"}}
    if any_length:
        axes["tokens"][1] = axes["spans"][2] = "C"
    _export(_TextGraph(student), example, path, ["tokens", "spans"], ["pooled", "svo"], axes)
    store_in_eight_bits(path)


def parity(
    graph: nn.Module,
    path: Path,
    inputs: Mapping[str, NDArray[Any]],
    outputs: Sequence[str],
    loose: bool = False,
) -> dict[str, float]:
    """Largest absolute difference between torch and ONNX Runtime on the same inputs, by output.

    Raises:
        ExportError: When one exceeds its tolerance; never when ``loose``.
    """
    with torch.no_grad():
        expected = graph(*(torch.from_numpy(value) for value in inputs.values()))
    actual = make_session(path, threads=1).run(list(outputs), dict(inputs))
    found = {}
    for name, wanted, got in zip(outputs, expected, actual, strict=True):
        found[name] = float(np.abs(wanted.numpy() - got).max(initial=0.0))
        limit = GATE_TOLERANCE if name == "scene_gate" else PARITY_TOLERANCE
        if found[name] > limit and not loose:
            raise ExportError(
                f"{path.name}: {name} of torch and ONNX differ by {found[name]:.2e}, limit {limit}"
            )
    return found


def image_parity(
    student: nn.Module, path: Path, inputs: Mapping[str, NDArray[Any]], loose: bool = False
) -> dict[str, float]:
    """`parity` of the image graph."""
    return parity(_ImageGraph(student), path, inputs, OUTPUTS, loose)


def text_parity(
    student: nn.Module, path: Path, inputs: Mapping[str, NDArray[Any]]
) -> dict[str, float]:
    """`parity` of the text graph."""
    return parity(_TextGraph(student), path, inputs, ("pooled", "svo"))


def write_manifest(bundle: Path, fields: dict[str, Any]) -> None:
    """Write ``manifest.json`` over the files that are in the folder.

    Args:
        bundle: Folder with every other file of the bundle in place.
        fields: All fields but ``files``.
    """
    files: dict[str, dict[str, Any]] = {
        path.name: {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in sorted(bundle.iterdir())
        if path.name != "manifest.json" and path.is_file()
    }
    text = json.dumps({**fields, "files": files}, indent=2, sort_keys=True)
    (bundle / "manifest.json").write_text(text + "\n", encoding="utf-8")
    log.info("bundle_written", folder=str(bundle), bytes=sum(f["bytes"] for f in files.values()))


def copy_into(bundle: Path, sources: Sequence[Path]) -> None:
    """Copy finished files (detector, tokenizer, model card) into the bundle."""
    bundle.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copyfile(source, bundle / source.name)


def _export(
    graph: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    graph.eval()
    torch.onnx.utils.register_custom_op_symbolic(
        "aten::_upsample_bilinear2d_aa", _resize_symbolic, OPSET
    )
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but keeps every axis free, which the new one guards.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            example,
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def _resize_symbolic(g: Any, pixels: Any, size: Any, *_: Any) -> Any:
    """Antialiased bilinear resizing, which the tracing exporter does not know by itself."""
    shape = g.op("Shape", pixels)
    zero, two = (g.op("Constant", value_t=torch.tensor([i])) for i in (0, 2))
    batch_and_channels = g.op("Slice", shape, zero, two)
    sizes = g.op("Concat", batch_and_channels, size, axis_i=0)
    none = g.op("Constant", value_t=torch.tensor([], dtype=torch.float32))
    return g.op(
        "Resize",
        pixels,
        none,
        none,
        sizes,
        coordinate_transformation_mode_s="half_pixel",
        mode_s="linear",
        antialias_i=1,
    )
