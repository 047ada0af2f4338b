"""Who sits on a motorcycle or bicycle: detectors give rider and machine a box each.

The two are one participant. Taken for two they would be a pair that has met, all the way.

Dimension letters used in this file: P persons, M machines, N ROIs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS
from service.vision.rois import Rois

PERSON_ID = CLASS_GROUPS.index("person")
MACHINE_IDS = [CLASS_GROUPS.index(group) for group in ("motorcycle", "bicycle")]
BESIDE = 0.15  # widths of the machine by which the rider's middle may lie outside it
FEET = 0.1  # heights of the rider by which the feet may lie below the wheels
SEATED = 0.15  # least share of the rider's box that the machine's box covers


def on_machines(rois: Rois) -> NDArray[np.bool_]:
    """(N,): persons whose box stands on that of a motorcycle or bicycle, as a rider's does."""
    persons = np.flatnonzero(rois.class_group == PERSON_ID)
    machines = np.flatnonzero(np.isin(rois.class_group, MACHINE_IDS))
    found = np.zeros(len(rois), np.bool_)
    if not len(persons) or not len(machines):
        return found
    left, top, right, bottom = rois.xyxy[persons].T[..., None]  # (P, 1) each
    x1, y1, x2, y2 = rois.xyxy[machines].T[:, None]  # (1, M) each
    margin = BESIDE * (x2 - x1)
    middle = (left + right) / 2
    inside = (middle > x1 - margin) & (middle < x2 + margin)
    above = (top < (y1 + y2) / 2) & (bottom < y2 + FEET * (bottom - top))
    wide = (np.minimum(right, x2) - np.maximum(left, x1)).clip(0)
    high = (np.minimum(bottom, y2) - np.maximum(top, y1)).clip(0)
    covered = wide * high >= SEATED * (right - left) * (bottom - top)
    found[persons] = (inside & above & covered).any(axis=1)
    return found


def without_riders(rois: Rois) -> Rois:
    """The ROIs of a single picture; a rider is left out, the machine stands for both."""
    return rois.chosen(~on_machines(rois))
