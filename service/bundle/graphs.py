"""Do the parts of a bundle fit each other? Each is run once on a small input, before any request.

Dimension letters used in this file:
    B frames, R ROIs, K pairs, T texts, C token context, D half of the embedding size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.bundle import encoder, text
from service.bundle.manifest import BundleError, DetectorSpec, TextInput, read_json_bytes
from service.bundle.sessions import Session, one_line

UNIT_TOLERANCE = 1e-2  # wide enough for an fp16 graph, far too narrow for a missing normalisation
END_TO_END_COLUMNS = 6  # ultralytics v26: x1, y1, x2, y2, score, class
YOLOX_STRIDES = (8, 16, 32)


def check_image_encoder(path: Path, session: Session, half_dim: int) -> None:
    """Run frames with pairs and a frame without any.

    Raises:
        BundleError: Names, types, shapes or lengths are not as the contract and manifest say.
    """
    try:
        motion_width = encoder.motion_width(session)
    except ValueError as error:
        raise BundleError(f"{path}: {error}") from None
    inputs = encoder.INPUTS | encoder.MOTION if motion_width else encoder.INPUTS
    _check_signature(path, session, inputs, encoder.OUTPUTS)
    frames = np.random.default_rng(0).integers(0, 256, (2, 90, 160, 3), np.uint8)
    rois = np.array([[0, 0.1, 0.2, 0.5, 0.6], [1, 0.0, 0.0, 1.0, 1.0]], np.float32)
    classes = np.array([3, 9], np.int64)
    for pairs in (np.array([[0, 1], [1, -1]], np.int64), np.zeros((0, 2), np.int64)):
        feeds = {"frames": frames, "rois": rois, "roi_classes": classes, "pairs": pairs}
        if motion_width:
            feeds["motion"] = np.ones((len(pairs), motion_width), np.float32)
        scene, relation, scene_gate = _run(path, session, encoder.OUTPUTS, feeds)
        _check_unit_rows(path, "scene", scene, (len(frames), half_dim))
        _check_unit_rows(path, "relation", relation, (len(pairs), half_dim))
        if scene_gate.shape != (2,) or not ((scene_gate >= 0) & (scene_gate <= 1)).all():
            raise BundleError(f"{path}: found scene_gate {scene_gate}, expected 2 numbers in 0..1")


def check_text_encoder(
    path: Path, session: Session, tokenizer_path: Path, spec: TextInput, half_dim: int
) -> None:
    """Run the highest token id and a short sentence, in capitals and without.

    Raises:
        BundleError: Graph, tokenizer and manifest do not fit each other.
    """
    _check_signature(path, session, text.INPUTS, text.OUTPUTS)
    tokenizer = text.load_tokenizer(tokenizer_path)
    highest = max(tokenizer.get_vocab().values(), default=0)
    tokens = np.full((2, spec.context_length), spec.pad_id, np.int64)
    tokens[:, :2] = highest
    spans = np.zeros((2, len(text.ROLES), spec.context_length), np.float32)
    spans[:, :, :2] = 0.5
    lengths = {spec.context_length, 2} if text.any_length(session) else {spec.context_length}
    for length in lengths:
        feeds = {"tokens": tokens[:, :length], "spans": spans[..., :length]}
        try:
            pooled, svo = session.run(text.OUTPUTS, feeds)
        except Exception as error:
            raise BundleError(_text_mismatch(path, tokenizer_path, spec, highest, error)) from None
        _check_unit_rows(path, "pooled", pooled, (2, half_dim))
        _check_unit_rows(path, "svo", svo, (2, half_dim))
    small, large = (tokenizer.encode(word).ids for word in ("a car", "A CAR"))
    if spec.lowercase and small != large:
        raise BundleError(
            f"{tokenizer_path}: found a tokenizer that tells capitals apart, "
            "expected text.lowercase = true as in the manifest"
        )


def check_detector(path: Path, session: Session, spec: DetectorSpec) -> None:
    """Run a grey picture and compare the output with layout and number of classes.

    Raises:
        BundleError: They do not fit.
    """
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{value.name} {value.type}" for value in inputs)
        raise BundleError(f"{path}: found inputs {found}, expected one of tensor(float)")
    for rows, columns in _detector_sizes(spec):
        pixels = np.full((1, 3, rows, columns), spec.letterbox_value * spec.scale, np.float32)
        (output, *_) = _run(path, session, None, {inputs[0].name: pixels})
        _check_boxes(path, output, spec, (rows, columns))


def _detector_sizes(spec: DetectorSpec) -> list[tuple[int, int]]:
    """Rows and columns of each look at a wide picture."""
    if spec.input_hw is not None:
        return [spec.input_hw]
    looks = (spec.long_side, spec.near_long_side)
    return [(side // 2 // 32 * 32 or 32, side) for side in looks if side is not None]


def _check_boxes(
    path: Path, output: NDArray[np.float32], spec: DetectorSpec, input_hw: tuple[int, int]
) -> None:
    rows, columns = input_hw
    num_classes = len(spec.classes)
    if spec.layout == "yolox":
        cells = sum((rows // stride) * (columns // stride) for stride in YOLOX_STRIDES)
        fits = output.shape == (1, cells, 5 + num_classes)
        expected = f"(1, {cells}, {5 + num_classes})"
    else:
        fits = output.ndim == 3 and (
            output.shape[1] == 4 + num_classes or output.shape[2] == END_TO_END_COLUMNS
        )
        expected = f"(1, {4 + num_classes}, N) or (1, N, {END_TO_END_COLUMNS})"
    if not fits:
        raise BundleError(
            f"{path}: found an output of shape {output.shape}, expected {expected} "
            f"for {num_classes} classes in the {spec.layout} layout"
        )


def check_calibration(path: Path) -> None:
    """See that the file is JSON with a part for stills and one for clips; scoring reads the rest.

    Raises:
        BundleError: It is not.
    """
    try:
        content = json.loads(read_json_bytes(path))
    except ValueError as error:
        raise BundleError(f"{path}: not JSON ({one_line(error)})") from None
    found = sorted(content) if isinstance(content, dict) else type(content).__name__
    if found != ["clips", "stills"]:
        raise BundleError(f"{path}: found {found}, expected the keys clips and stills")


def _run(
    path: Path, session: Session, outputs: Sequence[str] | None, feeds: Mapping[str, Any]
) -> list[Any]:
    try:
        return session.run(outputs, feeds)
    except Exception as error:  # ONNX Runtime's classes share no parent
        shapes = ", ".join(f"{name} {value.shape}" for name, value in feeds.items())
        raise BundleError(f"{path}: cannot run {shapes} ({one_line(error)})") from None


def _check_signature(
    path: Path, session: Session, inputs: Mapping[str, str], outputs: Sequence[str]
) -> None:
    found = {value.name: value.type for value in session.get_inputs()}
    if found != inputs:
        raise BundleError(f"{path}: found inputs {_listed(found)}, expected {_listed(inputs)}")
    names = {value.name for value in session.get_outputs()}
    if not names.issuperset(outputs):
        raise BundleError(
            f"{path}: found outputs {', '.join(sorted(names))}, expected {', '.join(outputs)}"
        )


def _listed(types: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in sorted(types.items()))


def _check_unit_rows(
    path: Path, name: str, rows: NDArray[np.float32], expected: tuple[int, int]
) -> None:
    if rows.ndim == 2 and rows.shape[0] == expected[0] and rows.shape[1] != expected[1]:
        raise BundleError(
            f"{path}: found {rows.shape[1]} columns in {name}, expected half_dim {expected[1]}"
        )
    if rows.shape != expected or rows.dtype != np.float32:
        raise BundleError(
            f"{path}: found {name} {rows.shape} {rows.dtype}, expected {expected} float32"
        )
    lengths = np.linalg.norm(rows, axis=1)
    if not (np.abs(lengths - 1) < UNIT_TOLERANCE).all():  # NaN fails as well
        raise BundleError(f"{path}: found rows of {name} of length {lengths}, expected 1")


def _text_mismatch(
    path: Path, tokenizer_path: Path, spec: TextInput, highest: int, error: Exception
) -> str:
    """Say which of graph, tokenizer and manifest disagree, as far as the refusal tells."""
    reason = one_line(error)
    bounds = re.search(r"inclusive range \[-(\d+),", str(error))
    if bounds:
        return (
            f"{tokenizer_path}: found a vocabulary of {highest + 1} tokens, "
            f"expected at most the {bounds[1]} rows of {path.name}'s embedding"
        )
    return f"{path}: cannot run text.context_length {spec.context_length} tokens ({reason})"
