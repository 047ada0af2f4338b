"""One frame's way: detect, pair, encode, then judge by the hierarchy.

Dimension letters used in this file: H W frame size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol, get_args

from service.pipeline.encoding import (
    EncodesImages,
    Frame,
    check_frame,
    encode_frames,
    same_size_batches,
)
from service.pipeline.judging import FrameResult, Question, SeenFrame, judge
from service.pipeline.motion import FrameMotion
from service.pipeline.stages import ms_since
from service.scoring.calibration import Calibration, Domain, Mode
from service.scoring.explain import FrameView
from service.scoring.text_bank import TextBank
from service.vision.riders import without_riders
from service.vision.rois import Rois, form_pairs, with_pseudo_rois


class DetectsRois(Protocol):
    """The detector of a bundle, or a small model of a test."""

    def detect(self, frame: Frame, /) -> Rois:
        """Find the participants in one (H, W, 3) RGB frame."""


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
        # One snapshot for the whole call: somebody may replace the text bank meanwhile.
        question = self._question(mode, top_k, domain)
        return self._answer(question, self.see(frames, detected, detect_ms, motion))

    def see(
        self,
        frames: Sequence[Frame],
        detected: Sequence[Rois],
        detect_ms: Sequence[float] | None = None,
        motion: Sequence[FrameMotion | None] | None = None,
    ) -> list[SeenFrame]:
        """The first half of ``analyze_detected``, arguments as there: the models, no text."""
        for frame in frames:
            check_frame(frame)
        moves: Sequence[FrameMotion | None] = motion or [None] * len(frames)
        views = [
            self._view(frame, found if move is None else move.rois, move)
            for frame, found, move in zip(frames, detected, moves, strict=True)
        ]
        seen: dict[int, SeenFrame] = {}
        for batch in same_size_batches(frames, self.image_encoder.longest_side):
            encoded = encode_frames(
                self.image_encoder, [frames[i] for i in batch], [views[i] for i in batch]
            )
            for i, vectors in zip(batch, encoded, strict=True):
                spent = {"detect": detect_ms[i] if detect_ms else 0.0, "encode": vectors.encode_ms}
                if (move := moves[i]) is not None:
                    spent["motion"] = move.motion_ms
                seen[i] = SeenFrame(views[i], vectors, spent)
        return [seen[i] for i in range(len(frames))]

    def judge(
        self,
        seen: Sequence[SeenFrame],
        mode: Mode = "paired",
        top_k: int = 5,
        domain: Domain = "stills",
    ) -> list[FrameResult]:
        """The second half: this analyzer's hierarchy and calibration, no pixels.

        Args:
            seen: Frames from ``see``, of this analyzer or of one with the same models.
            mode: As in ``analyze``.
            top_k: As in ``analyze``.
            domain: As in ``analyze``.
        """
        return self._answer(self._question(mode, top_k, domain), seen)

    def _question(self, mode: Mode, top_k: int, domain: Domain) -> Question:
        if mode not in get_args(Mode) or domain not in get_args(Domain):
            raise ValueError(f"unknown mode {mode!r} or domain {domain!r}")
        return Question(self.text_bank, self.calibration, mode, top_k, domain)

    def _answer(self, question: Question, seen: Sequence[SeenFrame]) -> list[FrameResult]:
        results = [judge(question, one) for one in seen]
        if self.on_results is not None:
            self.on_results(results, question.domain, question.text_bank)
        return results

    def _view(self, frame: Frame, detected: Rois, motion: FrameMotion | None) -> FrameView:
        rois = with_pseudo_rois(detected)
        pairs = form_pairs(rois, self.max_pairs)
        height, width = frame.shape[:2]
        if motion is None:
            return FrameView(rois, pairs, (width, height))
        cues, inputs = motion.cues(rois, pairs), motion.inputs(rois, pairs)
        return FrameView(rois, pairs, (width, height), cues, inputs, motion.stands)
