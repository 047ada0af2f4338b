"""What two boxes alone say about a spatial relation: an honest baseline for VSR."""

import numpy as np
from numpy.typing import NDArray

NEAR_GAP = 0.25  # of the mean size of both boxes
INSIDE_SHARE = 0.8


def geometry_says(relation: str, xyxy: NDArray[np.float32]) -> bool | None:
    """True, false, or None when boxes cannot tell.

    Args:
        relation: A relation of VSR.
        xyxy: (2, 4) subject and object in 0..1.
    """
    s, o = xyxy.astype(float)
    (sx, sy), (ox, oy) = _centre(s), _centre(o)
    inside = _shared(s, o) / max(_area(s), 1e-9)
    around = _shared(s, o) / max(_area(o), 1e-9)
    gap = _gap(s, o)
    rules = {
        "left of": sx < ox,
        "at the left side of": sx < ox,
        "right of": sx > ox,
        "at the right side of": sx > ox,
        "above": sy < oy,
        "over": sy < oy,
        "on top of": sy < oy,
        "below": sy > oy,
        "under": sy > oy,
        "beneath": sy > oy,
        "behind": s[3] < o[3],
        "in front of": s[3] > o[3],
        "ahead of": s[3] > o[3],
        "inside": inside >= INSIDE_SHARE,
        "in": inside >= INSIDE_SHARE,
        "within": inside >= INSIDE_SHARE,
        "enclosed by": inside >= INSIDE_SHARE,
        "outside": inside < 0.5,
        "out of": inside < 0.5,
        "contains": around >= INSIDE_SHARE,
        "surrounding": around >= INSIDE_SHARE,
        "touching": gap <= 0,
        "on": gap <= 0 and sy < oy,
        "attached to": gap <= 0,
        "connected to": gap <= 0,
        "detached from": gap > 0,
        "off": gap > 0,
        "near": gap <= NEAR_GAP,
        "close to": gap <= NEAR_GAP,
        "by": gap <= NEAR_GAP,
        "next to": gap <= NEAR_GAP,
        "beside": gap <= NEAR_GAP,
        "adjacent to": gap <= NEAR_GAP,
        "far from": gap > NEAR_GAP,
        "far away from": gap > NEAR_GAP,
        "away from": gap > NEAR_GAP,
    }
    found = rules.get(relation)
    return None if found is None else bool(found)


def _centre(box: NDArray[np.float64]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _area(box: NDArray[np.float64]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _shared(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return float(max(0.0, width) * max(0.0, height))


def _gap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Distance between the boxes in units of their mean size; 0 or less when they touch."""
    size = (np.sqrt(_area(a)) + np.sqrt(_area(b))) / 2 or 1e-9
    across = max(a[0], b[0]) - min(a[2], b[2])
    down = max(a[1], b[1]) - min(a[3], b[3])
    return float(max(across, down) / size)
