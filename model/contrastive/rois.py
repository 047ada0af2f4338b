"""ROIs of every image, found once by a bundle's detector and kept beside the run."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import structlog
from rich.progress import track

from model.errors import ModelError
from service.bundle.bundle import EMBEDDED_BUNDLE
from service.errors import ServiceError
from service.pipeline.engine import load_engine
from service.vision.images import decode_image
from service.vision.rois import Rois, detected_rois

MAX_PIXELS = 50_000_000
log = structlog.get_logger()


class RoisError(ModelError):
    """A file of detections cannot be read."""


def find_rois(
    images: Path, names: Iterable[str], out: Path, bundle: Path | None
) -> dict[str, Rois]:
    """Detect in every image that ``out`` does not have yet; one line a picture is appended.

    A picture that cannot be read is counted, named in the log and left out.
    """
    known = dict(read_rois(out)) if out.is_file() else {}
    missing = [name for name in dict.fromkeys(names) if name not in known]
    if not missing:
        return known
    detector = load_engine(bundle or EMBEDDED_BUNDLE, threads=1).analyzer.detector
    out.parent.mkdir(parents=True, exist_ok=True)
    unreadable = 0
    with out.open("a", encoding="utf-8") as file:
        for name in track(missing, description="finding ROIs", transient=True):
            path = images / name
            if not path.is_file():
                continue  # counted where samples are made
            try:
                rois = detector.detect(decode_image(path.read_bytes(), MAX_PIXELS))
            except ServiceError as error:
                unreadable += 1
                log.warning("image_unreadable", image=name, error=str(error))
                continue
            known[name] = rois
            file.write(_line(name, rois) + "\n")
    log.info("rois_found", images=len(known), unreadable=unreadable, file=str(out))
    return known


def read_rois(path: Path) -> Iterator[tuple[str, Rois]]:
    """Read detections: ``{"image", "xyxy": [[x1, y1, x2, y2]] in 0..1, "class", "confidence"}``.

    Raises:
        RoisError: Naming file and line.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
                boxes = np.array(row["xyxy"], np.float32).reshape(-1, 4)
                yield str(row["image"]), detected_rois(boxes, row["class"], row["confidence"])
            except (ValueError, KeyError, TypeError) as error:
                raise RoisError(f"{path}:{number}: {type(error).__name__}: {error}") from None


def _line(name: str, rois: Rois) -> str:
    row = {
        "image": name,
        "xyxy": [[round(float(edge), 5) for edge in box] for box in rois.xyxy],
        "class": list(rois.class_name),
        "confidence": [round(float(value), 4) for value in rois.confidence],
    }
    return json.dumps(row)
