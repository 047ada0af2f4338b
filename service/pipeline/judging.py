"""What a hierarchy says of a frame that the models have seen: compare, calibrate, explain.

Nothing here needs pixels: a frame that was seen once may be judged by any number of hierarchies.

Dimension letters used in this file:
    K pairs, L anomaly leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.pipeline.encoding import Encoded
from service.pipeline.stages import ms_since
from service.scoring.calibration import (
    Calibration,
    Domain,
    Mode,
    paired_score,
    probability,
    standardise,
)
from service.scoring.comparison import GATE_OPEN, compare
from service.scoring.dynamics import fused, leaf_motion, pair_motion
from service.scoring.explain import Explanation, FrameView, explain
from service.scoring.telling import MOTION_TELLS, told_first
from service.scoring.text_bank import TextBank
from service.vision.rois import KIND, PLACE, Rois


@dataclass(frozen=True, slots=True, eq=False)
class SeenFrame:
    """A frame as the models saw it, before any text was asked about it.

    Attributes:
        view: Participants, pairs, and how they have moved.
        encoded: Its embeddings.
        spent_ms: Time of each stage so far.
    """

    view: FrameView
    encoded: Encoded
    spent_ms: Mapping[str, float]

    @property
    def is_trusted(self) -> bool:
        """Whether the pixels count, and not only the objects."""
        return self.encoded.scene_gate >= GATE_OPEN


@dataclass(frozen=True, slots=True)
class Question:
    """What one call asks: constant over its frames, knowledge included."""

    text_bank: TextBank
    calibration: Calibration
    mode: Mode
    top_k: int
    domain: Domain


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """What is known about one frame.

    Attributes:
        score: Of the mode asked for; higher is more anomalous. ``literal``: Eq. (11), in -1..1.
            ``contrast``: in -2..2. ``paired``: mean of the strongest leaves; of a still in standard
            deviations of their null on normal footage, -10..10 when all leaf weights are 1; of a
            frame whose motion is known text and motion by the weights of the calibration.
        text_level: What the text has added to a ``paired`` score whose motion is known, of which
            the past is held against it (`service.scoring.past`); 0 else.
        eq11: Eq. (11) as printed, whatever the mode.
        probability: Calibrated, in 0..1.
        anomalous: ``probability`` reaches the threshold of the domain.
        appearance: ``on`` when the whole frame counts, ``off`` when only its objects do.
        seen: What was judged; another hierarchy may judge it as well.
        evidence: (L,) raw evidence per anomaly leaf, -inf for a leaf that cannot speak.
        standardised: (L,) the same against the leaves' nulls.
        motion: (L,) motion evidence per anomaly leaf in 0..1, that of loud leaves turned down; None
            where motion is not known.
        leaf_evidence: (L,) what made the score in mode ``paired``: both together.
        explanations: Best first.
        told_evidence: How much speaks for the first anomaly of the explanations, its text first of
            all: standard deviations times the expert's weight, from 0; 0 where none is listed, and
            in the modes that do not know it.
        timings_ms: ``detect``, ``motion``, ``encode``, ``score``; a batch shares its encoding.
    """

    score: float
    text_level: float
    eq11: float
    probability: float
    anomalous: bool
    appearance: Literal["on", "off"]
    seen: SeenFrame
    evidence: NDArray[np.float64]
    standardised: NDArray[np.float64]
    motion: NDArray[np.float64] | None
    leaf_evidence: NDArray[np.float64]
    explanations: tuple[Explanation, ...]
    told_evidence: float
    timings_ms: Mapping[str, float]

    @property
    def rois(self) -> Rois:
        """ROIs of the frame, the pseudo ROIs last."""
        return self.seen.view.rois

    @property
    def pairs(self) -> NDArray[np.int64]:
        """(K, 2) into ``rois``."""
        return self.seen.view.pairs


def judge(question: Question, seen: SeenFrame) -> FrameResult:
    """Score and explain one frame."""
    started = perf_counter()
    view, vectors = seen.view, seen.encoded
    text_bank = question.text_bank
    calibration = question.calibration.of(question.domain)
    clips = question.calibration.clips
    gate = vectors.scene_gate
    comparison = compare(
        text_bank, view.rois, view.pairs, vectors.scene, vectors.relation, gate, view.stands
    )
    trusted = seen.is_trusted
    null, weights = calibration.null_of(trusted), clips.weights_of(trusted)
    standardised, text_of_pairs = (
        standardise(evidence, text_bank.leaf_ids, text_bank.leaf_weight, null)
        for evidence in (comparison.evidence, comparison.leaf_margins)
    )
    motion, evidence, text_level = None, standardised, 0.0
    pair_evidence = telling = text_of_pairs
    if view.cues is not None:
        of_pairs = pair_motion(text_bank, view.cues) * clips.motion_weights(text_bank.leaf_ids)
        motion = leaf_motion(text_bank, comparison.accepted, of_pairs)
        evidence = fused(standardised, motion, text_bank, *weights)
        known = np.nan_to_num(of_pairs)
        pair_evidence = fused(text_of_pairs, known, text_bank, *weights)
        telling = fused(text_of_pairs, known, text_bank, 1.0, MOTION_TELLS * weights[1])
        if question.mode == "paired":
            text_level = weights[0] * paired_score(standardised)
    scores = {
        "literal": comparison.literal,
        "contrast": comparison.contrast,
        "paired": paired_score(evidence),
    }
    score = scores[question.mode]
    likely = probability(score, calibration.affine[question.mode])
    anomalous = likely >= calibration.threshold
    first = None
    if question.mode == "paired":
        is_place = KIND[view.rois.class_group] == PLACE
        first = told_first(view.pairs, is_place, pair_evidence, telling)
    explanations = explain(
        text_bank,
        view,
        comparison,
        evidence,
        pair_evidence,
        first,
        mode=question.mode,
        anomalous=anomalous,
        top_k=question.top_k,
    )
    told = any(item.polarity == "anomaly" for item in explanations)  # a short list holds none
    score_ms = ms_since(started)
    return FrameResult(
        score=score,
        text_level=text_level,
        eq11=comparison.literal,
        probability=likely,
        anomalous=anomalous,
        appearance="on" if trusted else "off",
        seen=seen,
        evidence=comparison.evidence,
        standardised=standardised,
        motion=motion,
        leaf_evidence=evidence,
        explanations=explanations,
        told_evidence=max(float(telling[first]), 0.0) if first and told else 0.0,
        timings_ms={**seen.spent_ms, "score": score_ms},
    )
