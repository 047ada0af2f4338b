"""An ultralytics detector (YOLO11n, say) as the detector of a bundle."""

import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from model.errors import ModelError

INPUT_HW = (384, 640)
SCORE_THRESHOLD, NMS_IOU = 0.3, 0.6


class YoloError(ModelError):
    """The detector's weights cannot be had or exported."""


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

            model = YOLO(weights, task="detect")
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
