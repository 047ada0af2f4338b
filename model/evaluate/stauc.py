"""STAUC: a frame counts as found only as far as the anomaly was found in the right place.

For an anomalous frame the true anomaly region rate (TARR) is the share of the anomaly map's mass,
over the pixels it marks most, that lies in the annotated boxes. The ROC curve weighs each true
positive with its TARR; so STAUC equals AUC when every TARR is 1 and is never above it.

Source: DoTA (Yao et al.), written from the definition.

Dimension letters used in this file: n frames, N boxes.
"""

import numpy as np
from numpy.typing import NDArray

SIDE = 256


def anomaly_map(xyxy: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Paint each box's score as a Gaussian that fills it.

    Args:
        xyxy: (N, 4) boxes in 0..1.
        scores: (N,) not negative.

    Returns:
        (256, 256), the sum over the boxes.
    """
    painted = np.zeros((SIDE, SIDE))
    centres = (np.arange(SIDE) + 0.5) / SIDE
    for (x1, y1, x2, y2), score in zip(xyxy, scores, strict=True):
        across = np.exp(-0.5 * ((centres - (x1 + x2) / 2) / max((x2 - x1) / 4, 1e-3)) ** 2)
        down = np.exp(-0.5 * ((centres - (y1 + y2) / 2) / max((y2 - y1) / 4, 1e-3)) ** 2)
        painted += score * down[:, None] * across[None, :]
    return painted


def region_rate(painted: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """TARR of one frame.

    Args:
        painted: (256, 256) anomaly map.
        truth: (N, 4) annotated boxes in 0..1; without any the rate is 1.

    Returns:
        Share of the map's mass over its K largest pixels that lies in the boxes, K being as many
        pixels as the boxes have; 0 for an empty map.
    """
    if not len(truth):
        return 1.0
    inside = np.zeros((SIDE, SIDE), np.bool_)
    for x1, y1, x2, y2 in np.round(np.clip(truth, 0, 1) * SIDE).astype(int):
        inside[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)] = True
    flat = painted.ravel()
    largest = np.argsort(-flat, kind="stable")[: int(inside.sum())]
    mass = float(flat[largest].sum())
    return float(flat[largest][inside.ravel()[largest]].sum() / mass) if mass > 0 else 0.0


def stauc(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], rates: NDArray[np.float64]
) -> float:
    """Area under the curve whose true positives weigh as much as their region rate.

    Args:
        scores: (n,).
        labels: (n,).
        rates: (n,) TARR in 0..1; read for anomalous frames only.

    Returns:
        0..1, or NaN when only one class is there.
    """
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return float("nan")
    calm, found = np.sort(scores[~labels]), scores[labels]
    below = np.searchsorted(calm, found, side="left")
    tied = np.searchsorted(calm, found, side="right") - below
    return float(rates[labels] @ (below + 0.5 * tied)) / (positives * negatives)
