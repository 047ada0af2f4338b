"""What is told of a frame and of a segment: motion says when and to whom, the text mostly what.

Dimension letters used in this file: K pairs, L anomaly leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.hierarchy import leaf_of_id
from service.scoring.eq11 import NO_EVIDENCE
from service.vision.rois import NO_OBJECT

MOTION_TELLS = 0.1  # of the weight that motion has where it says how far all is from normal


class Told(Protocol):
    """An explanation, as it is made and as it is published."""

    @property
    def polarity(self) -> str: ...
    @property
    def description_id(self) -> str: ...


class Voice(NamedTuple):
    """What one frame says has happened.

    Attributes:
        leaf_id: Of the first anomaly that it names; "" where it names none.
        evidence: How much speaks for that, its text first of all, from 0.
        score: Of the frame alone.
    """

    leaf_id: str
    evidence: float
    score: float


def told_first(
    pairs: NDArray[np.int64],
    is_place: NDArray[np.bool_],
    pair_evidence: NDArray[np.float64],
    telling_evidence: NDArray[np.float64],
) -> tuple[int, int] | None:
    """The pair and the leaf that a frame is explained by: motion says who, text mostly what.

    Motion tells that something has happened, and to whom, better than what it was: a blow turns,
    stops and flips whatever it hits. So of the pairs that share a participant with the one that
    lies furthest from normal traffic, the text chooses leaf and pair, and motion has a say.

    Args:
        pairs: (K, 2) into the frame's N ROIs; ``NO_OBJECT`` as object.
        is_place: (N,), true for the pseudo ROIs. Who shares only the road is not involved.
        pair_evidence: (K, L) evidence of each pair, motion included; ``NO_EVIDENCE`` where a leaf
            cannot speak.
        telling_evidence: (K, L) the same with motion by `MOTION_TELLS` only.

    Returns:
        (pair, leaf); None where no leaf can speak.
    """
    if not np.isfinite(pair_evidence).any():
        return None
    oddest = pairs[int(pair_evidence.max(axis=1).argmax())]
    sides = [int(side) for side in oddest if side != NO_OBJECT]
    participants = [side for side in sides if not is_place[side]] or sides
    involved = np.isin(pairs, participants).max(axis=1, keepdims=True)
    of_them = np.where(involved, telling_evidence, NO_EVIDENCE)
    pair, leaf = np.unravel_index(int(of_them.argmax()), of_them.shape)
    return int(pair), int(leaf)


def told_leaf(explanations: Iterable[Told]) -> str:
    """Id of the leaf of the first anomaly that is listed; "" where none is."""
    anomaly = next((one for one in explanations if one.polarity == "anomaly"), None)
    return "" if anomaly is None else leaf_of_id(anomaly.description_id)


def spokesman(voices: Sequence[Voice]) -> int:
    """Which of some frames explains what they show together.

    A single frame is easily mistaken about what it is that stands out; so what most of them tell
    is taken, each frame counting as much as speaks for it, and of those the frame that stands out
    most.

    Args:
        voices: Of the frames, at least one.

    Returns:
        Index of a frame; between leaves of equal evidence the number of frames decides, then the
        highest score.
    """
    votes = Counter(voice.leaf_id for voice in voices)
    spoken = dict.fromkeys(votes, 0.0)
    for voice in voices:
        spoken[voice.leaf_id] += voice.evidence
    ranks = [(spoken[voice.leaf_id], votes[voice.leaf_id], voice.score) for voice in voices]
    return max(range(len(ranks)), key=ranks.__getitem__)
