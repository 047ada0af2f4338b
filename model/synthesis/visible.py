"""Which actors a detector could report, and where.

Dimension letters used in this file: N boxes.
"""

import numpy as np
from numpy.typing import NDArray

from model.synthesis.solids import DETECTED, FRAME_WH, Actor, Camera, actor_box

MIN_BOX_PX, MAX_HIDDEN = 5.0, 0.7


def visible_boxes(
    actors: tuple[Actor, ...], camera: Camera
) -> tuple[NDArray[np.float32], tuple[str, ...], dict[int, int]]:
    """Boxes a detector could report: large enough, in the frame, not hidden behind nearer ones."""
    scale = np.array([*FRAME_WH, *FRAME_WH], np.float32)
    boxes: list[NDArray[np.float32]] = []
    names: list[str] = []
    row_of: dict[int, int] = {}
    raw = [np.clip(actor_box(actor, camera), 0, scale) for actor in actors]
    for index, actor in enumerate(actors):
        box = raw[index]
        area = float(np.prod(box[2:] - box[:2]))
        if actor.kind not in DETECTED or actor.z < 1.0 or (box[2:] - box[:2]).min() < MIN_BOX_PX:
            continue
        nearer = [
            raw[i]
            for i, other in enumerate(actors)
            if other.z < actor.z - 0.5 and other.kind in DETECTED
        ]
        if max((_shared(box, other) / area for other in nearer), default=0.0) > MAX_HIDDEN:
            continue
        row_of[index] = len(boxes)
        boxes.append(box / scale)
        names.append(actor.kind)
    stacked = np.stack(boxes).astype(np.float32) if boxes else np.zeros((0, 4), np.float32)
    return stacked, tuple(names), row_of


def _shared(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    overlap = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.prod(np.maximum(overlap, 0)))
