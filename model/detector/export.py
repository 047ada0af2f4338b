"""Checkpoint to ``detector.onnx``, run once against torch before anybody may ship it."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.detector.augment import PADDING, letterbox
from model.detector.checkpoint import DetectorRun
from model.detector.classes import CLASSES
from model.detector.network import TrafficDetector, to_pixels
from service.bundle.sessions import make_session

OPSET = 18
# Largest difference allowed between torch and ONNX Runtime on offsets and probabilities alike.
PARITY_TOLERANCE = 1e-3
NMS_IOU = 0.45
# Trained at 416 with scales up to 2.2; these find more (docs/experiments.md).
LONG_SIDE, NEAR_LONG_SIDE = 512, 320


class DetectorParityError(Exception):
    """The exported graph does not compute what the checkpoint computes."""


def export_detector(student: TrafficDetector, path: Path) -> None:
    """Write the graph: ``images`` (B, 3, H, W) float32 BGR 0..255 to ``rows`` (B, A, 5 + G).

    B, H and W stay free; H and W must be multiples of 32.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but keeps every axis free, which the new one guards.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            student.eval(),
            (torch.zeros(1, 3, 256, 416),),
            str(path),
            input_names=["images"],
            output_names=["rows"],
            dynamic_axes={"images": {0: "B", 2: "H", 3: "W"}, "rows": {0: "B", 1: "A"}},
            opset_version=OPSET,
            dynamo=False,
        )


def detector_parity(student: TrafficDetector, path: Path, frames: NDArray[np.uint8]) -> float:
    """Largest absolute difference between torch and ONNX Runtime on real frames.

    Args:
        student: The network that was exported.
        path: The exported graph.
        frames: (N, H, W, 3) uint8 BGR.

    Raises:
        DetectorParityError: The difference exceeds ``PARITY_TOLERANCE``.
    """
    session = make_session(path, threads=1)
    worst = 0.0
    for input_hw in ((256, 416), (320, 416)):  # a second size proves that the axes are free
        for frame in frames:
            pixels = to_pixels(letterbox(frame, input_hw)[None])
            with torch.no_grad():
                expected = student.eval()(pixels).numpy()
            actual = session.run(None, {"images": pixels.numpy()})[0]
            worst = max(worst, float(np.abs(expected - actual).max()))
    if worst > PARITY_TOLERANCE:
        raise DetectorParityError(f"{path.name}: differs by {worst:.2e}, limit {PARITY_TOLERANCE}")
    return worst


def detector_spec(score_threshold: float) -> dict[str, Any]:
    """The ``detector`` entry of the bundle's manifest."""
    return {
        "file": "detector.onnx",
        "layout": "yolox",
        "classes": list(CLASSES),
        "input_hw": None,
        "long_side": LONG_SIDE,
        "near_long_side": NEAR_LONG_SIDE,
        "colour": "bgr",
        "scale": 1.0,
        "letterbox_value": PADDING,
        "score_threshold": score_threshold,
        "nms_iou": NMS_IOU,
    }


def export_checkpoint(checkpoint: Path, path: Path, frames: NDArray[np.uint8]) -> float:
    """Export the averaged student of a checkpoint and return its parity on ``frames``."""
    student = DetectorRun.load(checkpoint).averaged
    export_detector(student, path)
    return detector_parity(student, path, frames)
