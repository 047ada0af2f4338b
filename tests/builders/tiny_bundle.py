"""A complete bundle of tiny graphs, written in a second: for tests that need no trained weights."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from knowledge.entities import CLASS_GROUPS
from knowledge.hierarchy import load_hierarchy
from tests.builders import tiny_graphs

CLASSES = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "animal")
PARTS = (
    "detector.onnx",
    "image_encoder.onnx",
    "text_encoder.onnx",
    "tokenizer.json",
    "calibration.json",
)


def write_tiny_bundle(folder: Path, half_dim: int = tiny_graphs.HALF_DIM) -> Path:
    """Write all files of a valid bundle into ``folder`` and return it.

    The detector sees red patches as cars and blue ones as persons (`tiny_graphs.colour_detector`);
    the encoders are seeded noise, so scores mean nothing but repeat exactly.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_tokenizer([flat.text for flat in load_hierarchy().flat])
    tokenizer.save(str(folder / "tokenizer.json"))
    vocab_size = tokenizer.get_vocab_size()
    (folder / "detector.onnx").write_bytes(tiny_graphs.colour_detector(len(CLASSES)))
    (folder / "image_encoder.onnx").write_bytes(tiny_graphs.image_encoder(half_dim))
    (folder / "text_encoder.onnx").write_bytes(tiny_graphs.text_encoder(vocab_size, half_dim))
    (folder / "calibration.json").write_text(json.dumps(calibration()), encoding="utf-8")
    write_manifest(folder, half_dim=half_dim)
    return folder


def write_manifest(folder: Path, **changes: Any) -> None:
    """Write `manifest.json` for the files as they lie there; ``changes`` replace top-level keys."""
    files = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name in [*PARTS, *(path.name for path in folder.glob("image_encoder.*.onnx"))]
        if (content := (folder / name).read_bytes())
    }
    manifest: dict[str, Any] = {
        "schema_version": 1,
        "name": "tiny",
        "git_commit": "0" * 40,
        "half_dim": tiny_graphs.HALF_DIM,
        "files": files,
        "image_input": {"max": None},
        "text": {"context_length": tiny_graphs.CONTEXT, "pad_id": 0, "lowercase": True},
        "precisions": ["fp32"],
        "parity": {"scene": 0.0, "relation": 0.0, "pooled": 0.0, "svo": 0.0},
        "detector": detector_spec(),
        "class_groups": list(CLASS_GROUPS),
        "evaluation": {"note": "seeded noise, never evaluated"},
        "training_sources": [{"name": "none", "licence": "Apache-2.0", "use": "tests"}],
        "gpu": "not measured",
    }
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}), encoding="utf-8")


def detector_spec(**changes: Any) -> dict[str, Any]:
    """The tiny detector's entry in the manifest."""
    spec: dict[str, Any] = {
        "file": "detector.onnx",
        "layout": "yolox",
        "classes": list(CLASSES),
        "input_hw": None,
        "colour": "bgr",
        "scale": 1.0,
        "letterbox_value": 114,
        "score_threshold": 0.5,
        "nms_iou": 0.3,
    }
    return {**spec, **changes}


def word_tokenizer(texts: list[str]) -> Tokenizer:
    """Every word of the texts is one token; other words fall into letters."""
    words = sorted({word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower())})
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    pieces = ["[PAD]", "[UNK]", *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no secret
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def calibration() -> dict[str, Any]:
    """Null distributions of 0 +- 0.1 for every leaf and a slope that spreads scores over 0..1."""
    leaves = {flat.leaf_id: {"mean": 0.0, "std": 0.1} for flat in load_hierarchy().flat}
    shared = {
        "leaf_null": leaves,
        "affine": {
            mode: {"slope": 1.0, "intercept": 0.0} for mode in ("literal", "contrast", "paired")
        },
        "threshold": 0.5,
        "false_alarm": {
            "rate": 0.05,
            "unit": "per_frame",
            "normal_frames": 100,
            "normal_seconds": 10.0,
            "upper_bound": 0.1,
        },
    }
    clips = {
        "smoothing_s": 0.5,
        "on": 0.6,
        "off": 0.4,
        "on_hold_s": 0.15,
        "on_window_s": 0.45,
        "min_segment_s": 0.3,
        "weight_text": 1.0,
        "weight_motion": 1.0,
    }
    return {"stills": shared, "clips": {**shared, **clips}}


def with_clips_calibration(bundle: Path, folder: Path, **changes: Any) -> Path:
    """A copy of any bundle whose calibration of clips has other values."""
    shutil.copytree(bundle, folder)
    path = folder / "calibration.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["clips"].update(changes)
    path.write_text(json.dumps(content), encoding="utf-8")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    data = path.read_bytes()
    manifest["files"][path.name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
