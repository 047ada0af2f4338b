"""A bundle over a DoTA download, clip by clip; finished clips are kept.

The download: ``FRAMES/<clip>/images/*.jpg`` at 10 frames a second, and one annotation file a clip,
``ANNOTATIONS/<clip>.json`` with the boxes of the anomalous objects in 1280 x 720.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray
from rich.progress import track

from model.errors import ModelError
from model.evaluate.dota_metadata import FPS, DotaClip, read_annotation
from model.evaluate.stauc import anomaly_map, region_rate
from service.errors import ServiceError
from service.pipeline.engine import Engine
from service.pipeline.report import ExplanationRow
from service.pipeline.stream import StreamScorer
from service.scoring.calibration import Mode
from service.vision.images import decode_image

MAX_PIXELS = 50_000_000
log = structlog.get_logger()


class DownloadError(ModelError):
    """The folder holds none of the clips of the list."""


@dataclass(frozen=True, slots=True, eq=False)
class ClipScores:
    """Scores of one clip, (n,) each; ``rates`` is 1 where no box is annotated."""

    scores: NDArray[np.float64]
    rates: NDArray[np.float64]


def score_clips(
    engine: Engine,
    clips: Sequence[DotaClip],
    frames: Path,
    annotations: Path | None,
    out: Path,
    mode: Mode = "paired",
) -> dict[str, ClipScores]:
    """Score every clip whose frames are there.

    Args:
        engine: Bundle and hierarchy.
        clips: The list.
        frames: Folder of the clips' frames.
        annotations: Folder of annotation files.
        out: Finished clips are kept below it, apart for each bundle, hierarchy, mode and
            annotations, so that no score of one is ever taken for another's.
        mode: Of the score.

    Raises:
        DownloadError: Not one of them is.
    """
    made_with = (engine.bundle.digest, engine.hierarchy.sha256, mode, str(annotations), "tracked")
    out = out / hashlib.sha256("|".join(made_with).encode()).hexdigest()[:12]
    out.mkdir(parents=True, exist_ok=True)
    found: dict[str, ClipScores] = {}
    skipped: Counter[str] = Counter()
    for clip in track(clips, description="clips", transient=True):
        kept = out / f"{clip.name}.json"
        if not kept.is_file():
            rows = _score(engine, clip, frames / clip.name / "images", annotations, mode, skipped)
            if rows is None:
                continue
            partial = kept.with_suffix(".partial")
            partial.write_text(json.dumps(rows) + "\n", encoding="utf-8")
            partial.replace(kept)
        content = json.loads(kept.read_text(encoding="utf-8"))
        found[clip.name] = ClipScores(np.array(content["scores"]), np.array(content["rates"]))
    log.info("clips_scored", clips=len(found), skipped=dict(skipped))
    if not found:
        raise DownloadError(f"{frames}: no clip of the list is here ({dict(skipped)})")
    return found


def _score(
    engine: Engine,
    clip: DotaClip,
    folder: Path,
    annotations: Path | None,
    mode: Mode,
    skipped: Counter[str],
) -> dict[str, list[float]] | None:
    pictures = sorted(folder.glob("*.jpg"))
    if not pictures:
        skipped["no frames"] += 1
        return None
    if len(pictures) != clip.num_frames:
        skipped["another number of frames"] += 1
        return None
    annotation = read_annotation(annotations, clip) if annotations is not None else None
    boxes = annotation.boxes if annotation is not None else {}
    stream = StreamScorer(engine, mode)  # as the service sees a clip: with tracks and its past
    scores, rates = [], []
    for number, picture in enumerate(pictures):
        try:
            frame = decode_image(picture.read_bytes(), MAX_PIXELS)
        except ServiceError:
            skipped["a frame cannot be read"] += 1
            return None
        seen = stream.score(frame, number / FPS, number)
        assert stream.latest is not None
        scores.append(stream.latest.raw_score)  # the protocol smooths in its own way
        truth = boxes.get(number, np.zeros((0, 4)))
        rates.append(
            region_rate(_painted(seen.explanations, frame.shape), truth) if len(truth) else 1.0
        )
    return {"scores": scores, "rates": rates}


def _painted(rows: Sequence[ExplanationRow], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The anomaly map: the regions of the anomalous explanations, by their margins."""
    scale = np.array([shape[1], shape[0], shape[1], shape[0]], np.float64)
    boxes, weights = [], []
    for item in rows:
        if item.polarity == "anomaly":
            for side in (item.subject, item.object):
                if side is not None and side.roi_source == "detected":
                    boxes.append(np.array(side.xyxy) / scale)
                    weights.append(max(item.margin, 0.0) + 1e-6)
    return anomaly_map(np.array(boxes).reshape(-1, 4), np.array(weights))
