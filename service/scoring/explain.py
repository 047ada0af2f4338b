"""Why a frame got its score: descriptions that fit, and the objects they are about.

One description speaks for each anomaly leaf, because five wordings of one event would fill the
list. Only grounded descriptions are listed: a pair of the frame stands for subject and object.

    paired                first what the text tells of the most unusual participants (`telling.py`);
                          then the other leaves by their evidence, the order in which they made the
                          score, each on the pair that speaks most for it, motion included, by the
                          description that fits this pair best, in its narrowest words
    literal, contrast     leaves by similarity; the best description on its best pair

What has no box is not named where pixels are not trusted: the leaf is told of "an unrecognised
object", if it has such a description, which never counts as evidence itself.

A frame that is not anomalous is explained by what it is: the normal description with the highest
similarity comes first, the anomalies that come closest follow.

Dimension letters used in this file: K pairs, T descriptions, L anomaly leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.scoring.calibration import Mode
from service.scoring.comparison import Comparison
from service.scoring.dynamics import cues_of
from service.scoring.eq11 import NO_EVIDENCE
from service.scoring.text_bank import TextBank
from service.vision.rois import NO_OBJECT, NO_TRACK, Rois


@dataclass(frozen=True, slots=True)
class Participant:
    """The ROI that stands for a subject or an object; `xyxy` in pixels of the image as sent."""

    xyxy: tuple[float, float, float, float]
    class_name: str
    confidence: float
    track_id: int | None
    roi_source: str

    def as_dict(self) -> dict[str, Any]:
        """The public field names of architecture.md section 5; `class` is no Python name."""
        return {
            "xyxy": list(self.xyxy),
            "class": self.class_name,
            "confidence": self.confidence,
            "track_id": self.track_id,
            "roi_source": self.roi_source,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """A description that fits the frame.

    Attributes:
        description_id: Stable slug.
        text: The description.
        path: Titles from the root to the leaf.
        polarity: ``anomaly`` or ``normal``.
        severity: 0..5.
        similarity: Of description and pair, in -1..1.
        margin: Similarity minus that of ``counterpart`` on the same pair, in -2..2.
        counterpart: Id of the normal counterpart. For a normal description, the anomaly that
            comes closest on the same pair; None when no anomaly fits the pair (margin 0).
        subject: ROI of the subject.
        object: ROI of the object, None when the description is about the subject alone.
        cues: Measured motion cues by name; empty for a single frame.
    """

    description_id: str
    text: str
    path: tuple[str, ...]
    polarity: Literal["anomaly", "normal"]
    severity: int
    similarity: float
    margin: float
    counterpart: str | None
    subject: Participant | None
    object: Participant | None
    cues: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The public fields of architecture.md section 5."""
        return {
            "description_id": self.description_id,
            "text": self.text,
            "path": list(self.path),
            "polarity": self.polarity,
            "severity": self.severity,
            "similarity": self.similarity,
            "margin": self.margin,
            "counterpart": self.counterpart,
            "subject": self.subject.as_dict() if self.subject else None,
            "object": self.object.as_dict() if self.object else None,
            "cues": dict(self.cues),
        }


def participant(rois: Rois, index: int, frame_wh: tuple[int, int]) -> Participant | None:
    """One ROI as people read it; None for ``NO_OBJECT``."""
    if index == NO_OBJECT:
        return None
    width, height = frame_wh
    x1, y1, x2, y2 = (float(value) for value in rois.xyxy[index])
    track_id = int(rois.track_id[index])
    return Participant(
        xyxy=(x1 * width, y1 * height, x2 * width, y2 * height),
        class_name=rois.class_name[index],
        confidence=float(rois.confidence[index]),
        track_id=None if track_id == NO_TRACK else track_id,
        roi_source=rois.source[index],
    )


@dataclass(frozen=True, slots=True, eq=False)
class FrameView:
    """What an explanation needs to know about a frame beside the comparison.

    `pairs` is (K, 2) into `rois`; `frame_wh` is the size of the image as sent, in pixels; `cues`
    is (K, C) in the order of `CUE_NAMES` and `motion` (K, M) what the encoder is told, both None
    for a still; `stands` says that the camera of a clip does.
    """

    rois: Rois
    pairs: NDArray[np.int64]
    frame_wh: tuple[int, int]
    cues: NDArray[np.float64] | None = None
    motion: NDArray[np.float32] | None = None
    stands: bool = False


def explain(
    text_bank: TextBank,
    view: FrameView,
    comparison: Comparison,
    evidence: NDArray[np.float64],
    pair_evidence: NDArray[np.float64],
    first: tuple[int, int] | None,
    *,
    mode: Mode,
    anomalous: bool,
    top_k: int,
) -> tuple[Explanation, ...]:
    """List at most ``top_k`` explanations, best first; the module says how they are ordered.

    Args:
        text_bank: T descriptions.
        view: The frame's ROIs, pairs and size.
        comparison: From ``compare`` with the same text bank, ROIs and pairs.
        evidence: (L,) leaf evidence from ``calibration.standardise`` or ``dynamics.fused``.
        pair_evidence: (K, L) the same of each pair alone.
        first: Pair and leaf from ``telling.told_first``, for mode ``paired``.
        mode: The scoring mode that the list has to explain.
        anomalous: The decision on the frame.
        top_k: 0 asks for none.

    Raises:
        ValueError: ``top_k`` is negative.
    """
    if top_k < 0:
        raise ValueError(f"top_k must not be negative, got {top_k}")
    if mode == "paired":
        found = _by_evidence(text_bank, comparison, evidence, pair_evidence, first)
    else:
        found = _by_similarity(text_bank, comparison)
    if not anomalous:
        found = _best_normal(text_bank, comparison) + found
    return tuple(
        _explanation(text_bank, view, comparison, text, pair) for text, pair in found[:top_k]
    )


def _by_evidence(
    text_bank: TextBank,
    comparison: Comparison,
    evidence: NDArray[np.float64],
    pair_evidence: NDArray[np.float64],
    first: tuple[int, int] | None,
) -> list[tuple[int, int]]:
    """(description, pair) of every anomaly leaf that a pair accepts, the told one first."""
    speaks = np.isfinite(pair_evidence.max(axis=0, initial=NO_EVIDENCE))  # (L,)
    ranked = [leaf for leaf in np.argsort(-evidence, kind="stable").tolist() if speaks[leaf]]
    places = [(int(pair_evidence[:, leaf].argmax()), leaf) for leaf in ranked]
    if first is not None:
        places = [first, *(place for place in places if place[1] != first[1])]
    return [(_best_text(text_bank, comparison, pair, leaf), pair) for pair, leaf in places]


def _best_text(text_bank: TextBank, comparison: Comparison, pair: int, leaf: int) -> int:
    """The description of a leaf that fits a pair best, in the narrowest words that say it.

    The experts say of vehicles what they say of cars; of two cars nobody wants to read that "a
    vehicle" hit "a vehicle". Texts of a leaf with the same verb are taken for the same statement.
    """
    texts = np.flatnonzero((text_bank.leaf_of == leaf) & ~text_bank.of_unrecognised)
    fit = comparison.margins[pair]
    best = int(texts[fit[texts].argmax()])
    if vague := _unrecognised(text_bank, comparison, pair, best):
        texts, best = np.array(vague), max(vague, key=fit.__getitem__)
    kinds = np.concatenate([text_bank.subject_groups, text_bank.object_groups], axis=1)
    verb = text_bank.descriptions[best].verb
    narrower: list[int] = [
        text
        for text in texts[comparison.accepted[pair, texts]].tolist()
        if text_bank.descriptions[text].verb == verb and not (kinds[text] & ~kinds[best]).any()
    ]
    return min([best, *narrower], key=kinds.sum(axis=1).__getitem__)


def _unrecognised(text_bank: TextBank, comparison: Comparison, pair: int, text: int) -> list[int]:
    """The descriptions of a leaf by which it is told in place of one that fits a pair best.

    Boxes show that a car has struck what has no box, not whether that is a tree: "a tree" counts
    as evidence, and where pixels are not trusted, "an unrecognised object" is told.
    """
    of_leaf = np.flatnonzero(text_bank.leaf_of == text_bank.leaf_of[text])
    roles = text_bank.descriptions[text].roles
    return [
        other
        for other in of_leaf[comparison.accepted[pair, of_leaf]].tolist()
        if text_bank.descriptions[other].has_unrecognised
        and text_bank.descriptions[other].roles == roles
    ]


def _by_similarity(text_bank: TextBank, comparison: Comparison) -> list[tuple[int, int]]:
    """(description, pair) of every anomaly leaf that a pair accepts, the most similar first."""
    named = comparison.accepted & ~text_bank.of_unrecognised
    grounded = np.where(named, comparison.similarities, NO_EVIDENCE)
    best = grounded.max(axis=0, initial=NO_EVIDENCE)  # (T,)
    ranked: list[tuple[float, int, int]] = []
    for leaf in range(len(text_bank.leaf_ids)):
        texts = np.flatnonzero(text_bank.leaf_of == leaf)
        text = int(texts[best[texts].argmax()])
        if np.isfinite(best[text]):
            pair = int(grounded[:, text].argmax())
            vague = _unrecognised(text_bank, comparison, pair, text)
            told = max(vague, key=comparison.similarities[pair].__getitem__) if vague else text
            ranked.append((-float(best[text]), told, pair))
    return [(text, pair) for _, text, pair in sorted(ranked)]


def _best_normal(text_bank: TextBank, comparison: Comparison) -> list[tuple[int, int]]:
    """(description, pair) of the most similar grounded normal description; empty if none is."""
    usable = comparison.accepted & ~text_bank.is_anomaly
    if not usable.any():
        return []
    grounded = np.where(usable, comparison.similarities, NO_EVIDENCE)
    pair, text = np.unravel_index(int(grounded.argmax()), grounded.shape)
    return [(int(text), int(pair))]


def _explanation(
    text_bank: TextBank, view: FrameView, comparison: Comparison, text: int, pair: int
) -> Explanation:
    description = text_bank.descriptions[text]
    similarities = comparison.similarities[pair]
    rival = _rival(text_bank, comparison, text, pair)
    subject, obj = (int(index) for index in view.pairs[pair])
    leaf = int(text_bank.leaf_of[text])
    cues: Mapping[str, float] = {}
    if view.cues is not None and leaf >= 0:
        cues = cues_of(text_bank, leaf, view.cues[pair])
    return Explanation(
        description_id=description.id,
        text=description.text,
        path=description.path,
        polarity=description.polarity,
        severity=description.severity,
        similarity=float(similarities[text]),
        margin=0.0 if rival is None else float(similarities[text] - similarities[rival]),
        counterpart=None if rival is None else text_bank.descriptions[rival].id,
        subject=participant(view.rois, subject, view.frame_wh),
        object=participant(view.rois, obj, view.frame_wh),
        cues=cues,
    )


def _rival(text_bank: TextBank, comparison: Comparison, text: int, pair: int) -> int | None:
    """What the margin is measured against: the counterpart, or the closest anomaly."""
    if text_bank.is_anomaly[text]:
        return int(text_bank.counterpart[text])
    usable = comparison.accepted[pair] & text_bank.is_anomaly & ~text_bank.of_unrecognised
    if not usable.any():
        return None
    return int(np.where(usable, comparison.similarities[pair], NO_EVIDENCE).argmax())
