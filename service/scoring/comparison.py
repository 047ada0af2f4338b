"""One frame against all descriptions: the arrays from which scores and explanations are read.

Dimension letters used in this file:
    K pairs of the frame, T descriptions, L anomaly leaves, D half dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.scoring.eq11 import (
    NO_EVIDENCE,
    best_similarity,
    contrast_score,
    leaf_evidence,
    leaf_margins,
    literal_score,
    pair_margins,
    paired_evidence,
    scene_only,
    similarity,
)
from service.scoring.pairing import accepts, may_speak
from service.scoring.text_bank import TextBank
from service.vision.rois import Rois

GATE_OPEN = 0.5  # from here the pixels are called trusted


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What every description says about one frame, before calibration.

    Attributes:
        similarities: (K, T) in -1..1.
        accepted: (K, T), whether the pair may stand for the description's roles; nobody may for
            what only pixels show where they are not trusted, nor for the unrecognised where they
            are.
        margins: (K, T) similarity minus that of the normal counterpart on the same pair;
            ``NO_EVIDENCE`` where not accepted and for normal descriptions.
        leaf_margins: (K, L) the largest of each leaf's margins on the pair, of texts that name
            what they are about: of what nobody has recognised it can only be told.
        description_evidence: (T,) those margins pooled over pairs, ``NO_EVIDENCE`` where none.
        evidence: (L,) per anomaly leaf, ``NO_EVIDENCE`` for a leaf that cannot speak.
        literal: Eq. (11) as printed, in -1..1; it knows roles, but nobody who may not speak.
        contrast: Mean over D_a minus mean over D_b, in -2..2.
    """

    similarities: NDArray[np.float64]
    accepted: NDArray[np.bool_]
    margins: NDArray[np.float64]
    leaf_margins: NDArray[np.float64]
    description_evidence: NDArray[np.float64]
    evidence: NDArray[np.float64]
    literal: float
    contrast: float


def compare(
    text_bank: TextBank,
    rois: Rois,
    pairs: NDArray[np.int64],
    scene: NDArray[np.floating],
    relation: NDArray[np.floating],
    scene_gate: float,
    stands: bool = False,
) -> Comparison:
    """Compare one encoded frame with the whole text bank.

    Args:
        text_bank: T descriptions of L anomaly leaves.
        rois: ROIs of the frame.
        pairs: (K, 2) into ``rois``, object -1 = none; K = 0 leaves only the scene half.
        scene: (D,) unit vector.
        relation: (K, D) unit vectors.
        scene_gate: In 0..1.
        stands: Whether the camera is known to stand, so that there is no own car.
    """
    similarities = similarity(scene, relation, text_bank.pooled, text_bank.svo, scene_gate)
    fits = accepts(text_bank, rois, pairs)
    accepted = fits & may_speak(text_bank, scene_gate >= GATE_OPEN, stands)
    best = best_similarity(similarities, fits, scene_only(scene, text_bank.pooled, scene_gate))
    margins = pair_margins(similarities, accepted, text_bank.counterpart)
    named = ~text_bank.of_unrecognised
    counted = np.where(named, margins, NO_EVIDENCE)
    description_evidence = paired_evidence(counted)
    return Comparison(
        similarities=similarities,
        accepted=accepted,
        margins=margins,
        leaf_margins=leaf_margins(counted, text_bank.leaf_of, len(text_bank.leaf_ids)),
        description_evidence=description_evidence,
        evidence=leaf_evidence(description_evidence, text_bank.leaf_of, len(text_bank.leaf_ids)),
        literal=literal_score(best[named], text_bank.is_anomaly[named]),
        contrast=contrast_score(best[named], text_bank.is_anomaly[named]),
    )
