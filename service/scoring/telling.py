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
STANDS_OUT = 0.25  # of the highest score of some frames: whose is lower looks like normal traffic


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
    most. Frames among them that look normal have nothing to tell of it.

    Args:
        voices: Of the frames, at least one.

    Returns:
        Index of a frame; between leaves of equal evidence the number of frames decides, then the
        highest score.
    """
    highest = max(voice.score for voice in voices)
    least = STANDS_OUT * highest if highest > 0 else NO_EVIDENCE
    heard = [i for i, voice in enumerate(voices) if voice.score >= least]
    votes = Counter(voices[i].leaf_id for i in heard)
    spoken = dict.fromkeys(votes, 0.0)
    for i in heard:
        spoken[voices[i].leaf_id] += voices[i].evidence

    def rank(i: int) -> tuple[float, int, float]:
        leaf_id = voices[i].leaf_id
        return spoken[leaf_id], votes[leaf_id], voices[i].score

    return max(heard, key=rank)
