"""A CLIP tower to a bundle: export, prove, calibrate where there is footage, and write it down."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from tokenizers import Tokenizer

from knowledge.entities import CLASS_GROUPS
from model.assemble import normal_pictures, parity_inputs
from model.calibrate import calibrate
from model.card import write_card
from model.checkpoint import git_commit
from model.detector.footage import data_root, read_frames, split_by_camera
from model.detector.recipe import load_detector_recipe
from model.detector.yolo import export_yolo
from model.errors import ModelError
from model.export import image_parity, text_parity, write_manifest
from model.synthesis.traffic import make_traffic_scene
from model.towers.clip_tower import ClipTower
from model.variants import export_fp32, export_text, write_variants
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.bundle.manifest import load_manifest
from service.pipeline.engine import load_engine
from service.scoring.calibration import Calibration, neutral_calibration

NUM_FRAMES = 8  # for differences between torch and ONNX, entry by entry
NUM_RANKED = 32  # for the order of scores: among 8, one exchange of neighbours would refuse int8
NUM_CALIBRATION = 200
log = structlog.get_logger()


class NotServable(ModelError):
    """This reading of the paper cannot be served."""


def assemble_clip_bundle(
    out: Path,
    name: str,
    tower: ClipTower,
    tokenizer: Tokenizer,
    sources: list[dict[str, str]],
    yolo: str | None = None,
    variants: bool = True,
    calibrated: bool = True,
) -> None:
    """Write a complete bundle.

    Args:
        out: Folder; files of an older bundle are replaced.
        name: Name of the bundle.
        tower: Trained, or just built over CLIP's weights: then it is a training-free scorer.
        tokenizer: Its tokenizer.
        sources: What the weights learned from, with licences.
        yolo: Weights for ultralytics; the embedded bundle's detector when left out.
        variants: Whether fp16 and int8 are written as well.
        calibrated: Whether normal footage is used where there is some.

    Raises:
        NotServable: The recipe normalises both halves jointly.
        ExportError: A graph differs from the checkpoint.
    """
    if tower.spec.norm != "per_part":
        raise NotServable("norm: joint has no two unit halves, which the service adds up")
    tower.eval()
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    nodes = export_fp32(tower, out / "image_encoder.onnx")
    export_text(tower, out / "text_encoder.onnx")
    fields = {
        "schema_version": 1,
        "name": name,
        "git_commit": git_commit(),
        "half_dim": tower.half_dim,
        "text": {
            "context_length": tower.context_length,
            "pad_id": 0,
            "lowercase": tokenizer.encode("A CAR").ids == tokenizer.encode("a car").ids,
        },
        "precisions": ["fp32"],
        "detector": _detector(out, yolo),
        "class_groups": list(CLASS_GROUPS),
        "training_sources": sources,
        "gpu": "not measured",
        "parity": {},
        "evaluation": {},
    }
    _write(out, neutral_calibration(), fields)
    engine = load_engine(out)
    frames, kind = _frames(NUM_RANKED if variants else NUM_FRAMES)
    inputs = parity_inputs(engine, frames[:: max(1, len(frames) // NUM_FRAMES)][:NUM_FRAMES])
    tokens, spans = engine.bundle.text_encoder.tokenise(engine.hierarchy.flat)
    parity = image_parity(tower, out / "image_encoder.onnx", inputs)
    parity |= text_parity(tower, out / "text_encoder.onnx", {"tokens": tokens, "spans": spans})
    parity["fused_attention_nodes"] = float(nodes)
    if variants:
        fields["precisions"], measured = write_variants(tower, engine, out, inputs, frames)
        parity |= measured
    calibration, footage = neutral_calibration(), "none: neutral calibration"
    normal = _normal_pictures() if calibrated else []
    if normal:
        calibration, footage = calibrate(engine, normal), f"{len(normal)} normal pictures"
    fields["parity"] = parity
    fields["evaluation"] = {"parity_frames": kind, "calibration_footage": footage}
    write_card(out, fields, _remarks(kind, footage))
    _write(out, calibration, fields)
    log.info("bundle_ready", folder=str(out), precisions=fields["precisions"], footage=footage)


def _detector(out: Path, yolo: str | None) -> dict[str, Any]:
    if yolo is not None:
        return export_yolo(yolo, out / "detector.onnx")
    spec = load_manifest(EMBEDDED_BUNDLE).detector
    shutil.copyfile(EMBEDDED_BUNDLE / spec.file, out / spec.file)
    return spec.model_dump(mode="json")


def _frames(count: int) -> tuple[NDArray[np.uint8], str]:
    """Frames for parity: real ones where they are at hand, else drawn ones."""
    if "SACLIP_TEST_DATA" in os.environ:
        held_out = split_by_camera(data_root(), load_detector_recipe().footage).held_out
        chosen = read_frames(held_out[:: max(1, len(held_out) // count)][:count])
        return np.ascontiguousarray(chosen[..., ::-1]), "real, of cameras not trained on"
    scenes = [make_traffic_scene(seed).frame for seed in range(count)]
    return np.stack([frame for frame in scenes if frame is not None]), "generated"


def _normal_pictures() -> list[Path]:
    if "SACLIP_TEST_DATA" not in os.environ:
        return []
    files = split_by_camera(data_root(), load_detector_recipe().footage).train
    return normal_pictures(files, NUM_CALIBRATION)


def _remarks(kind: str, footage: str) -> tuple[str, ...]:
    return (
        "Exported from a CLIP tower; the heads of SA-CLIP start inside CLIP's own joint space.",
        f"Differences between torch and ONNX were measured on frames that are {kind}.",
        f"Calibration: {footage}.",
    )


def _write(out: Path, calibration: Calibration, fields: dict[str, Any]) -> None:
    text = calibration.model_dump_json(indent=1) + "\n"
    (out / "calibration.json").write_text(text, encoding="utf-8")
    write_manifest(out, fields)
