"""Where motion meets text: at the leaf, with the cues that its expert named.

Dimension letters used in this file:
    K pairs of the frame, T descriptions, L anomaly leaves, C cues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from service.scoring.calibration import Z_LIMIT
from service.scoring.cues import CUE_NAMES
from service.scoring.eq11 import NO_EVIDENCE
from service.scoring.text_bank import TextBank

ALWAYS = "residual"  # belongs to every leaf that names a cue: an accident breaks steady motion


def spoken_cues(cues: Sequence[str]) -> tuple[str, ...]:
    """The measured cues that speak for a leaf; none for a leaf whose cues nothing measures."""
    named = tuple(cue for cue in cues if cue in CUE_NAMES and cue != ALWAYS)
    return (ALWAYS, *named) if named else ()


def pair_motion(text_bank: TextBank, cues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each leaf's cues on every pair; one that nothing measures counts as 0.

    Args:
        text_bank: L anomaly leaves with the cues that their expert named.
        cues: (K, C) in 0..1, NaN where a cue was not measured.

    Returns:
        (K, L) in 0..1, NaN where none of the leaf's cues was measured.
    """
    matrix = np.full((len(cues), len(text_bank.leaf_cues)), np.nan)
    for leaf, named in enumerate(text_bank.leaf_cues):
        chosen = [CUE_NAMES.index(cue) for cue in spoken_cues(named)]
        silent = sum(cue not in CUE_NAMES for cue in named)
        values = cues[:, chosen]
        known = np.isfinite(values).sum(axis=1)
        total = np.where(np.isfinite(values), values, 0.0).sum(axis=1)
        matrix[:, leaf] = np.where(known > 0, total / np.maximum(known + silent, 1), np.nan)
    return matrix


def leaf_motion(
    text_bank: TextBank, accepted: NDArray[np.bool_], motion: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The pair that moves most oddly speaks for the leaf, of those that fit one of its texts.

    A maximum over pairs does not grow with their number as a sum would: where all drive on
    steadily every pair is near 0.

    Args:
        text_bank: T descriptions of L anomaly leaves.
        accepted: (K, T), whether the pair fits the description's roles.
        motion: (K, L) from ``pair_motion``.

    Returns:
        (L,) in 0..1; 0 where nothing was measured: it neither speaks for nor against.
    """
    if len(motion) == 0:
        return np.zeros(len(text_bank.leaf_ids))
    fits = leaf_accepts(text_bank, accepted)
    strongest: NDArray[np.float64] = np.where(fits & np.isfinite(motion), motion, 0.0).max(axis=0)
    return strongest


def leaf_accepts(text_bank: TextBank, accepted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(K, L): whether the pair fits one of the leaf's descriptions that count as evidence."""
    fits = np.zeros((len(accepted), len(text_bank.leaf_ids)), np.bool_)
    for text in np.flatnonzero((text_bank.leaf_of >= 0) & ~text_bank.of_unrecognised):
        fits[:, text_bank.leaf_of[text]] |= accepted[:, text]
    return fits


def fused(
    text: NDArray[np.float64],
    motion: NDArray[np.float64],
    text_bank: TextBank,
    weight_text: float,
    weight_motion: float,
) -> NDArray[np.float64]:
    r"""Add the two kinds of evidence.

    .. math:: e_a = w_{text} z_a + w_{dyn} w_a Z c_a

    A cue of 1, which is physically certain, counts as much as the largest deviation Z = 10 that
    a text may have from its null; w_a is the expert's weight, which z_a holds already. How far a
    loud leaf is turned down, u_a of the equations, is in its motion c_a already.

    Args:
        text: (..., L) standardised text evidence, ``NO_EVIDENCE`` where a leaf cannot speak.
        motion: (..., L) in 0..1.
        text_bank: With the experts' weights.
        weight_text: w_text >= 0.
        weight_motion: w_dyn >= 0.

    Returns:
        (..., L); ``NO_EVIDENCE`` stays.

    Source: docs/equations.md, evidence of a leaf.
    """
    speaks = np.isfinite(text)
    total = weight_text * np.where(speaks, text, 0.0)
    total = total + weight_motion * Z_LIMIT * text_bank.leaf_weight * motion
    return np.where(speaks, total, NO_EVIDENCE)


def cues_of(
    text_bank: TextBank, leaf: int, cues: NDArray[np.float64], digits: int = 3
) -> Mapping[str, float]:
    """The measured cues (C,) of one pair that spoke for a leaf, by name."""
    found = {}
    for name in spoken_cues(text_bank.leaf_cues[leaf]):
        value = float(cues[CUE_NAMES.index(name)])
        if np.isfinite(value):
            found[name] = round(value, digits)
    return found
