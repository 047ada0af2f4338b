"""How much boxes cover each other."""

import numpy as np
from numpy.typing import NDArray


def iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union: (T, 4) and (N, 4) corners to (T, N) in 0..1."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = (high - low).clip(min=0.0).prod(axis=2).astype(np.float64)
    area, other = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (first, second))
    union = area[:, None] + other[None, :] - overlap
    ratio: NDArray[np.float64] = np.divide(
        overlap, union, out=np.zeros_like(overlap), where=union > 0
    )
    return ratio
