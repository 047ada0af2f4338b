"""Real pictures for the look: participants, pairs, and which of them lie in a marked accident.

Dimension letters used in this file: R ROIs, K pairs, G marked accidents, V numbers of a look.
"""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from model.detector.footage import FRAME_WH, FrameFile, read_frame
from model.towers.nano_image import union_boxes
from model.towers.nano_look import DetectorLook, look_at
from service.pipeline.frame import DetectsRois
from service.vision.rois import NO_OBJECT, Rois, form_pairs, with_pseudo_rois

INSIDE, OUTSIDE = 0.5, 0.1  # share of a participant's box within the marked accident
ACCIDENT, NORMAL, UNKNOWN = 1, -1, 0
EXPOSURE, MIRRORED = (0.7, 1.3), 0.5


@dataclass(frozen=True, slots=True, eq=False)
class RealPicture:
    """One picture as the look sees it.

    Attributes:
        camera: Pictures of one camera are near copies of each other.
        anomalous: Its label.
        rois: R ROIs, pseudo ROIs last.
        pairs: (K, 2) into ``rois``.
        polarity: (K,) ``ACCIDENT`` for a pair that lies in it, ``NORMAL`` for one that has no part
            in any, ``UNKNOWN`` for one of both kinds.
        roi_look: (R, V).
        union_look: (K, V).
        texture: (1, C) of the whole picture.
    """

    camera: str
    anomalous: bool
    rois: Rois
    pairs: NDArray[np.int64]
    polarity: NDArray[np.int64]
    roi_look: Tensor
    union_look: Tensor
    texture: Tensor


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture on disk with its label and the boxes (cx, cy, w, h in 0..1) of its accident."""

    file: FrameFile
    anomalous: bool
    boxes: tuple[tuple[float, float, float, float], ...] = ()


def read_marked(manifest: Path) -> list[Marked]:
    """The rows of a manifest with ``file``, ``scene``, ``label`` and ``boxes_cxcywh``."""
    with manifest.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [
        Marked(
            FrameFile(manifest.parent / row["file"], row["scene"]),
            row["label"] != "normal",
            tuple(tuple(box) for box in json.loads(row["boxes_cxcywh"] or "[]")),
        )
        for row in rows
    ]


def look_at_pictures(
    marked: Sequence[Marked],
    detector: DetectsRois,
    look: DetectorLook,
    seed: int | None = None,
) -> list[RealPicture]:
    """Detect, pair and look; a seed mirrors and exposes each picture by chance.

    Args:
        marked: The pictures.
        detector: Of the bundle.
        look: With the detector's layers.
        seed: None leaves the pictures as they are.
    """
    rng = None if seed is None else np.random.default_rng(seed)
    return [
        _picture(item, detector, look, rng) for item in track(marked, "looking", transient=True)
    ]


@torch.no_grad()
def _picture(
    item: Marked, detector: DetectsRois, look: DetectorLook, rng: np.random.Generator | None
) -> RealPicture:
    bgr = cv2.resize(read_frame(item.file), FRAME_WH, interpolation=cv2.INTER_AREA)
    frame = np.asarray(bgr[..., ::-1], np.uint8)
    boxes: NDArray[np.floating] = np.array(item.boxes, np.float32).reshape(-1, 4)
    if rng is not None:
        frame = np.clip(frame * rng.uniform(*EXPOSURE), 0, 255).astype(np.uint8)
        if rng.random() < MIRRORED:
            frame, boxes = frame[:, ::-1], boxes * [-1, 1, 1, 1] + [1, 0, 0, 0]
    frame = np.ascontiguousarray(frame)
    rois = with_pseudo_rois(detector.detect(frame))
    pairs = form_pairs(rois)
    xyxy, of_pairs = torch.from_numpy(rois.xyxy), torch.from_numpy(pairs)
    seen, texture = look(torch.from_numpy(frame[None]))
    first = torch.zeros(len(rois), dtype=torch.int64)
    return RealPicture(
        camera=item.file.camera,
        anomalous=item.anomalous,
        rois=rois,
        pairs=pairs,
        polarity=_polarity(rois, pairs, boxes),
        roi_look=look_at(seen, first, xyxy),
        union_look=look_at(seen, first[of_pairs[:, 0]], union_boxes(xyxy, of_pairs)),
        texture=texture,
    )


def _polarity(
    rois: Rois, pairs: NDArray[np.int64], boxes: NDArray[np.floating]
) -> NDArray[np.int64]:
    share = _share_inside(rois.xyxy, boxes)
    detected = np.array([source == "detected" for source in rois.source])
    found = np.full(len(pairs), UNKNOWN, np.int64)
    for row, sides in enumerate(pairs.tolist()):
        shares = [share[i] for i in sides if i != NO_OBJECT and detected[i]]
        if shares and min(shares) > INSIDE:
            found[row] = ACCIDENT
        elif not shares or max(shares) < OUTSIDE:
            found[row] = NORMAL if shares or not len(boxes) else UNKNOWN
    return found


def _share_inside(xyxy: NDArray[np.float32], boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """(R,): the largest share of a box's area that lies within one marked accident."""
    if not len(boxes):
        return np.zeros(len(xyxy))
    low = np.maximum(xyxy[:, None, :2], (boxes[:, :2] - boxes[:, 2:] / 2)[None])
    high = np.minimum(xyxy[:, None, 2:], (boxes[:, :2] + boxes[:, 2:] / 2)[None])
    area = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1).clip(min=1e-6)
    inside: NDArray[np.float64] = ((high - low).clip(min=0).prod(axis=2) / area[:, None]).max(1)
    return inside
