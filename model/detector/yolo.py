"""An ultralytics detector (YOLO11n, say) as the detector of a bundle."""

import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from model.errors import ModelError

INPUT_HW = (384, 640)
SCORE_THRESHOLD, NMS_IOU = 0.3, 0.6
ASSETS = "https://github.com"


class YoloError(ModelError):
    """The detector's weights cannot be had or exported."""


def yolo_address(weights: str) -> str | None:
    """Where ultralytics would fetch weights from; None when they are here or are random."""
    if weights.endswith((".yaml", ".yml")) or Path(_place(weights)).is_file():
        return None
    return weights if weights.startswith("http") else ASSETS


def _place(weights: str) -> str:
    """A bare name lies, or is downloaded to, ultralytics' own folder: not where one stands."""
    from ultralytics.utils import SETTINGS

    is_bare = Path(weights).name == weights and weights.endswith(".pt")
    if not is_bare or Path(weights).is_file():
        return weights
    return str(Path(SETTINGS["weights_dir"]) / weights)


def export_yolo(weights: str, out: Path) -> dict[str, Any]:
    """Write ``detector.onnx`` from weights or from an architecture file with random ones.

    Args:
        weights: ``yolo11n.pt`` (downloaded when it is not there), a path, or ``yolo11n.yaml``.
        out: The ONNX file.

    Returns:
        Its spec for the manifest.

    Raises:
        YoloError: In one line.
    """
    try:
        with warnings.catch_warnings(), TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            from ultralytics.models import YOLO

            model = YOLO(_place(weights), task="detect")
            names = [str(name) for _, name in sorted(model.names.items())]
            source = Path(folder) / "detector.pt"
            model.save(source)
            written = YOLO(source).export(
                format="onnx", imgsz=list(INPUT_HW), opset=18, simplify=False, verbose=False
            )
            shutil.move(written, out)
    except Exception as error:  # ultralytics raises whatever its downloader and exporter raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise YoloError(f"{weights}: {first}") from error
    return {
        "file": out.name,
        "layout": "ultralytics",
        "classes": names,
        "input_hw": list(INPUT_HW),
        "colour": "rgb",
        "scale": 1 / 255,
        "letterbox_value": 114,
        "score_threshold": SCORE_THRESHOLD,
        "nms_iou": NMS_IOU,
    }
