"""Which pairs of ROIs may stand for the subject and object of which description.

Dimension letters used in this file: K pairs, T descriptions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knowledge.entities import CLASS_GROUPS
from service.scoring.text_bank import TextBank
from service.vision.rois import Rois

_NULL_COLUMN = len(CLASS_GROUPS)  # last column of `object_groups`


def may_speak(text_bank: TextBank, pixels: bool, stands: bool) -> NDArray[np.bool_]:
    """(T,): which of T descriptions can be told of such a frame, whoever is in it.

    Args:
        text_bank: T descriptions.
        pixels: Whether they are trusted; else nobody may tell what only they show, and if they
            are, nobody tells of something unrecognised.
        stands: Whether the camera is known to stand, so that there is no own car.
    """
    speaks = ~(text_bank.of_unrecognised if pixels else text_bank.needs_pixels)
    if stands:
        speaks &= ~text_bank.is_ego
    return speaks


def accepts(text_bank: TextBank, rois: Rois, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Match the class groups of each pair with the roles of each description.

    Args:
        text_bank: T descriptions.
        rois: ROIs of one frame.
        pairs: (K, 2) subject and object indices into ``rois``, object -1 = no object.

    Returns:
        (K, T). A pedestrian leaf accepts nothing in a frame without a person.
    """
    subjects, objects = pairs[:, 0], pairs[:, 1]
    subject_group = rois.class_group[subjects]  # (K,)
    object_group = np.where(objects < 0, _NULL_COLUMN, rois.class_group[objects])
    fits: NDArray[np.bool_] = (
        text_bank.subject_groups[:, subject_group] & text_bank.object_groups[:, object_group]
    )
    return fits.T
