"""One frame's way: detect, pair, encode, compare, calibrate, explain.

Dimension letters used in this file:
    K pairs, L anomaly leaves, H W frame size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from service.pipeline.encoding import (
    Encoded,
    EncodesImages,
    Frame,
    check_frame,
    encode_frames,
    same_size_batches,
)
from service.pipeline.motion import FrameMotion
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
from service.scoring.telling import told_first
from service.scoring.text_bank import TextBank
from service.vision.riders import without_riders
from service.vision.rois import KIND, PLACE, Rois, form_pairs, with_pseudo_rois


class DetectsRois(Protocol):
    """The detector of a bundle, or a small model of a test."""

    def detect(self, frame: Frame, /) -> Rois:
        """Find the participants in one (H, W, 3) RGB frame."""


@dataclass(frozen=True, slots=True)
class _Question:
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
        rois: ROIs of the frame, the pseudo ROIs last.
        pairs: (K, 2) into ``rois``.
        evidence: (L,) raw evidence per anomaly leaf, -inf for a leaf that cannot speak.
        standardised: (L,) the same against the leaves' nulls.
        motion: (L,) motion evidence per anomaly leaf in 0..1, that of loud leaves turned down; None
            where motion is not known.
        leaf_evidence: (L,) what made the score in mode ``paired``: both together.
        explanations: Best first.
        told_evidence: How much the text alone speaks for the first anomaly of the explanations:
            standard deviations times the expert's weight, from 0; 0 where none is listed, and in
            the modes that do not know it.
        timings_ms: ``detect``, ``motion``, ``encode``, ``score``; a batch shares its encoding.
    """

    score: float
    text_level: float
    eq11: float
    probability: float
    anomalous: bool
    appearance: Literal["on", "off"]
    rois: Rois
    pairs: NDArray[np.int64]
    evidence: NDArray[np.float64]
    standardised: NDArray[np.float64]
    motion: NDArray[np.float64] | None
    leaf_evidence: NDArray[np.float64]
    explanations: tuple[Explanation, ...]
    told_evidence: float
    timings_ms: Mapping[str, float]


OnResults = Callable[[Sequence[FrameResult], Domain, TextBank], None]


class FrameAnalyzer:
    """Scores and explains frames; knows nothing of files, clips or HTTP.

    ``text_bank`` may be replaced at any time: a call reads it once and keeps what it read.
    ``on_results``, when set, is told of every call's results (metrics listen there).
    """

    def __init__(
        self,
        detector: DetectsRois,
        image_encoder: EncodesImages,
        text_bank: TextBank,
        calibration: Calibration,
        max_pairs: int = 32,
    ) -> None:
        self.detector = detector
        self.image_encoder = image_encoder
        self.text_bank = text_bank
        self.calibration = calibration
        self.max_pairs = max_pairs
        self.on_results: OnResults | None = None

    def with_text_bank(self, text_bank: TextBank) -> FrameAnalyzer:
        """The same sessions and calibration with other knowledge; this analyzer keeps its own."""
        other = FrameAnalyzer(
            self.detector, self.image_encoder, text_bank, self.calibration, self.max_pairs
        )
        other.on_results = self.on_results
        return other

    def analyze(
        self,
        frames: Sequence[Frame],
        mode: Mode = "paired",
        top_k: int = 5,
        domain: Domain = "stills",
    ) -> list[FrameResult]:
        """Detect, then score and explain.

        Args:
            frames: (H, W, 3) uint8 RGB each, of any sizes; equal sizes share an encoder call.
            mode: ``literal``, ``contrast`` or ``paired``.
            top_k: Number of explanations per frame.
            domain: Which calibration applies.

        Returns:
            One result per frame in order.

        Raises:
            ValueError: A frame is no RGB frame, or mode or domain is unknown.
        """
        for frame in frames:
            check_frame(frame)
        detected: list[Rois] = []
        detect_ms: list[float] = []
        for frame in frames:
            started = perf_counter()
            detected.append(without_riders(self.detector.detect(frame)))
            detect_ms.append(ms_since(started))
        return self.analyze_detected(frames, detected, mode, top_k, domain, detect_ms)

    def analyze_detected(
        self,
        frames: Sequence[Frame],
        detected: Sequence[Rois],
        mode: Mode = "paired",
        top_k: int = 5,
        domain: Domain = "stills",
        detect_ms: Sequence[float] | None = None,
        motion: Sequence[FrameMotion | None] | None = None,
    ) -> list[FrameResult]:
        """Score and explain frames whose participants are known already (tracks, ground truth).

        Args:
            frames: As in ``analyze``.
            detected: ROIs of each frame without pseudo ROIs; track ids are kept.
            mode: As in ``analyze``.
            top_k: As in ``analyze``.
            domain: As in ``analyze``.
            detect_ms: Time the detection of each frame took, for ``timings_ms``.
            motion: What is known of each frame's motion; its ROIs then take the place of
                ``detected``.
        """
        if mode not in get_args(Mode) or domain not in get_args(Domain):
            raise ValueError(f"unknown mode {mode!r} or domain {domain!r}")
        # One snapshot for the whole call: somebody may replace the text bank meanwhile.
        question = _Question(self.text_bank, self.calibration, mode, top_k, domain)
        for frame in frames:
            check_frame(frame)
        moves: Sequence[FrameMotion | None] = motion or [None] * len(frames)
        views = [
            self._view(frame, found if move is None else move.rois, move)
            for frame, found, move in zip(frames, detected, moves, strict=True)
        ]
        results: dict[int, FrameResult] = {}
        for batch in same_size_batches(frames):
            encoded = encode_frames(
                self.image_encoder, [frames[i] for i in batch], [views[i] for i in batch]
            )
            for i, vectors in zip(batch, encoded, strict=True):
                spent = {"detect": detect_ms[i] if detect_ms else 0.0, "encode": vectors.encode_ms}
                if (move := moves[i]) is not None:
                    spent["motion"] = move.motion_ms
                results[i] = _judge(question, views[i], vectors, spent)
        in_order = [results[i] for i in range(len(frames))]
        if self.on_results is not None:
            self.on_results(in_order, domain, question.text_bank)
        return in_order

    def _view(self, frame: Frame, detected: Rois, motion: FrameMotion | None) -> FrameView:
        rois = with_pseudo_rois(detected)
        pairs = form_pairs(rois, self.max_pairs)
        height, width = frame.shape[:2]
        if motion is None:
            return FrameView(rois, pairs, (width, height))
        cues, inputs = motion.cues(rois, pairs), motion.inputs(rois, pairs)
        return FrameView(rois, pairs, (width, height), cues, inputs, motion.stands)


def _judge(
    question: _Question, view: FrameView, vectors: Encoded, spent_ms: Mapping[str, float]
) -> FrameResult:
    started = perf_counter()
    text_bank = question.text_bank
    calibration = question.calibration.of(question.domain)
    clips = question.calibration.clips
    gate = vectors.scene_gate
    comparison = compare(
        text_bank, view.rois, view.pairs, vectors.scene, vectors.relation, gate, view.stands
    )
    trusted = gate >= GATE_OPEN
    null, weights = calibration.null_of(trusted), clips.weights_of(trusted)
    standardised, text_of_pairs = (
        standardise(evidence, text_bank.leaf_ids, text_bank.leaf_weight, null)
        for evidence in (comparison.evidence, comparison.leaf_margins)
    )
    motion, evidence, text_level = None, standardised, 0.0
    pair_evidence = text_of_pairs
    if view.cues is not None:
        of_pairs = pair_motion(text_bank, view.cues) * clips.motion_weights(text_bank.leaf_ids)
        motion = leaf_motion(text_bank, comparison.accepted, of_pairs)
        evidence = fused(standardised, motion, text_bank, *weights)
        pair_evidence = fused(text_of_pairs, np.nan_to_num(of_pairs), text_bank, *weights)
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
        first = told_first(view.pairs, is_place, pair_evidence, text_of_pairs)
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
        rois=view.rois,
        pairs=view.pairs,
        evidence=comparison.evidence,
        standardised=standardised,
        motion=motion,
        leaf_evidence=evidence,
        explanations=explanations,
        told_evidence=max(float(text_of_pairs[first]), 0.0) if first and told else 0.0,
        timings_ms={**spent_ms, "score": score_ms},
    )
