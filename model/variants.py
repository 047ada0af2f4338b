"""The image encoder in three precisions, each measured against the first.

fp32 and fp16 hold attention as one operator of ONNX Runtime, for which it has GPU kernels; int8 is
made from plain operators, which is what the quantiser can read.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import structlog
from numpy.typing import NDArray
from scipy.stats import spearmanr

from model.errors import ModelError
from model.export import export_image_encoder, export_text_encoder, image_parity
from model.towers.attention import export_attention
from model.towers.clip_tower import ClipTower
from service.bundle.encoder import ImageEncoder
from service.bundle.sessions import make_session
from service.pipeline.engine import Engine

LEAST_RANK_CORRELATION = 0.98
FP16_TOLERANCE = 2e-2  # of unit vectors
log = structlog.get_logger()
Frames = NDArray[np.uint8]


class VariantError(ModelError):
    """A variant does not compute what the checkpoint computes."""


def export_fp32(tower: ClipTower, path: Path) -> int:
    """Write the fp32 graph; returns how many fused attention nodes it holds."""
    exported = copy.deepcopy(tower)
    count = export_attention(exported.visual, is_fused=True)
    export_image_encoder(exported, path)
    return count


def export_text(tower: ClipTower, path: Path) -> None:
    """Write the text graph; torch's own attention would fix the number of texts in it."""
    exported = copy.deepcopy(tower)
    export_attention(exported.text, is_fused=False)
    export_text_encoder(exported, path)


def export_fp16(tower: ClipTower, path: Path) -> int:
    """Write the graph with the image tower in half precision.

    Resizing, cropping and the heads stay in fp32: they cost little and lose most.
    """
    exported = copy.deepcopy(tower)
    count = export_attention(exported.visual, is_fused=True)
    exported.visual.half()
    export_image_encoder(exported, path)
    return count


def export_int8(tower: ClipTower, path: Path) -> None:
    """Write the graph with 8-bit weights in its matrix products."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    exported = copy.deepcopy(tower)
    export_attention(exported.visual, is_fused=False)
    plain = path.with_suffix(".plain.onnx")
    export_image_encoder(exported, plain)
    try:
        quantize_dynamic(
            plain,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            # Seven bits: without VNNI, sums of two products of eight bits saturate at sixteen.
            reduce_range=True,
            nodes_to_quantize=_linear_nodes(plain),
            # Shapes behind RoiAlign cannot be inferred; every tensor there is a float.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    finally:
        plain.unlink(missing_ok=True)


def _linear_nodes(path: Path) -> list[str]:
    """The tower's linear maps. The heads are left out: small, and where an error would count."""
    graph = onnx.load(path).graph
    weights = {tensor.name for tensor in graph.initializer}
    linear = [n.name for n in graph.node if n.op_type == "MatMul" and n.input[1] in weights]
    return [name for name in linear if "relation_head" not in name]


def write_variants(
    tower: ClipTower, engine: Engine, out: Path, inputs: dict[str, NDArray[Any]], frames: Frames
) -> tuple[list[str], dict[str, float]]:
    """Export fp16 and int8, measure both, and keep what is good enough.

    Args:
        tower: The checkpoint.
        engine: A bundle with the fp32 graph.
        out: Bundle folder.
        inputs: What parity is measured on.
        frames: (N, H, W, 3) frames whose scores must come in the same order.

    Returns:
        The precisions that are there, and what was measured.

    Raises:
        VariantError: fp16 differs too much, which means a defect and no loss of precision.
    """
    half = out / "image_encoder.fp16.onnx"
    nodes = export_fp16(tower, half)
    measured = {f"fp16_{k}": v for k, v in image_parity(tower, half, inputs, loose=True).items()}
    worst = max(measured["fp16_scene"], measured["fp16_relation"])
    if worst > FP16_TOLERANCE:
        half.unlink()
        raise VariantError(f"fp16 differs by {worst:.2e}, limit {FP16_TOLERANCE}")
    measured["fp16_fused_attention_nodes"] = float(nodes)
    wanted = _scores(engine, frames)
    measured["fp16_rank_correlation"] = _rank_correlation(engine, half, frames, wanted)
    measured["ranked_frames"] = float(len(frames))
    precisions = ["fp32", "fp16"]
    eight = out / "image_encoder.int8.onnx"
    export_int8(tower, eight)
    found = image_parity(tower, eight, inputs, loose=True)
    measured |= {f"int8_{name}": value for name, value in found.items()}
    correlation = _rank_correlation(engine, eight, frames, wanted)
    measured["int8_rank_correlation"] = correlation
    if correlation >= LEAST_RANK_CORRELATION:
        precisions.append("int8")
    else:
        eight.unlink()
        log.warning("int8_refused", rank_correlation=round(correlation, 4),
                    least=LEAST_RANK_CORRELATION)  # fmt: skip
    return precisions, {name: max(0.0, value) for name, value in measured.items()}


def _scores(engine: Engine, frames: Frames) -> list[float]:
    return [engine.analyzer.analyze([frame])[0].score for frame in frames]


def _rank_correlation(engine: Engine, path: Path, frames: Frames, wanted: Sequence[float]) -> float:
    """Spearman's rank correlation of the frames' scores with those of the fp32 graph."""
    first = engine.analyzer.image_encoder
    engine.analyzer.image_encoder = ImageEncoder(make_session(path, threads=0), first.longest_side)
    try:
        found = _scores(engine, frames)
    finally:
        engine.analyzer.image_encoder = first
    return float(spearmanr(wanted, found).statistic)
