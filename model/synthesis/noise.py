"""What a detector does to true boxes: jitter, misses, class swaps, false boxes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

JITTER = 0.03  # of the box size
PARTIAL, PARTIAL_MOST = 0.1, 0.25  # boxes that end too soon or too late on one side, and how far
MISS, MISS_SMALL = 0.10, 0.30
SMALL_PX, REFERENCE_WIDTH_PX = 24, 640
SWAP = 0.08
FALSE_BOX = 0.05
SWAPPED = {"car": "truck", "truck": "car", "bus": "truck"}
FALSE_CLASSES = ("car", "person", "truck", "bicycle")


def apply_detector_noise(
    xyxy: NDArray[np.float32], class_names: Sequence[str], rng: np.random.Generator
) -> tuple[NDArray[np.float32], tuple[str, ...], NDArray[np.int64]]:
    """Turn true boxes into what a small detector would have reported.

    Args:
        xyxy: (N, 4) in 0..1.
        class_names: N detector classes.
        rng: Draws the noise.

    Returns:
        Noisy boxes (M, 4), their classes and (M,) the row each came from, -1 for a false box.
    """
    size = xyxy[:, 2:] - xyxy[:, :2]
    small = size.min(axis=1, initial=1.0) * REFERENCE_WIDTH_PX < SMALL_PX
    kept = np.flatnonzero(rng.random(len(xyxy)) >= np.where(small, MISS_SMALL, MISS))
    noise = rng.normal(0.0, JITTER, (len(kept), 4)) * np.tile(size[kept], 2)
    noise += one_side_off(len(kept), rng) * np.tile(size[kept], 2)
    boxes = list(np.clip(xyxy[kept] + noise, 0.0, 1.0).astype(np.float32))
    names = [class_names[int(row)] for row in kept]
    for i, name in enumerate(names):
        if name in SWAPPED and rng.random() < SWAP:
            names[i] = SWAPPED[name]
    origin = kept.tolist()
    if rng.random() < FALSE_BOX * max(1, len(xyxy)):
        low = rng.uniform(0.0, 0.8, 2)
        boxes.append(np.concatenate([low, low + rng.uniform(0.03, 0.2, 2)]).astype(np.float32))
        names.append(FALSE_CLASSES[int(rng.integers(len(FALSE_CLASSES)))])
        origin.append(-1)
    stacked = np.stack(boxes) if boxes else np.zeros((0, 4), np.float32)
    return stacked, tuple(names), np.array(origin, np.int64)


def one_side_off(
    count: int, rng: np.random.Generator, share: float = PARTIAL
) -> NDArray[np.float64]:
    """(count, 4) in box sizes: some miss a part of what they hold, or take in a neighbour's."""
    off = np.zeros((count, 4))
    chosen = np.flatnonzero(rng.random(count) < share)
    off[chosen, rng.integers(0, 4, len(chosen))] = rng.uniform(
        -PARTIAL_MOST, PARTIAL_MOST, len(chosen)
    )
    return off
