"""What text, motion and mere geometry reach alone, from one run over the clips.

The same frames, leaves, pooling and smoother for all, so that a difference is the evidence's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.evaluate.auc import LabelledScores
from model.evaluate.curve import curve
from model.evaluate.told import voice_of
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import FrameResult, SeenFrame
from service.scoring.calibration import ClipsCalibration, Mode, paired_score
from service.scoring.dynamics import fused
from service.scoring.telling import Voice
from service.scoring.text_bank import TextBank
from service.vision.clips import SampledFrame
from service.vision.overlap import iou

TEXT_ALONE, MOTION_ALONE = "text alone", "motion alone"
NAMES = (TEXT_ALONE, MOTION_ALONE, "control: geometry (largest overlap)", "control: count")


class VariantRecorder:
    """Listens to an analysis and keeps what each frame tells and the raw score of each variant.

    Args:
        text_bank: Of the engine that analyses.

    Attributes:
        voices: What each frame tells.
    """

    def __init__(self, text_bank: TextBank) -> None:
        self.voices: list[Voice] = []
        self._seen: list[SeenFrame] = []
        self._text_bank = text_bank
        self._rows: list[tuple[float, ...]] = []

    def __call__(self, sampled: SampledFrame, result: FrameResult) -> None:
        """Take one scored frame."""
        self.voices.append(voice_of(result, result.score))
        self._seen.append(result.seen)
        found = [i for i, source in enumerate(result.rois.source) if source != "pseudo"]
        boxes = result.rois.xyxy[found].astype(np.float64)
        self._rows.append(
            (
                paired_score(result.standardised),
                paired_score(motion_evidence(self._text_bank, result)),
                _largest_overlap(boxes),
                float(len(found)),
            )
        )

    def scores(
        self, scored: LabelledScores, calibration: ClipsCalibration
    ) -> dict[str, LabelledScores]:
        """Each variant through the service's smoother, for the frames of ``scored``."""
        columns = np.array(self._rows)[: len(scored.scores)].T
        found = {}
        for name, column in zip(NAMES, columns, strict=True):
            levels = column if name == TEXT_ALONE else np.zeros_like(column)
            values = curve(scored.times_s, column.tolist(), levels.tolist(), calibration)[1]
            found[name] = replace(scored, scores=values)
        return found

    def judged_by(
        self, other: FrameAnalyzer, scored: LabelledScores, mode: Mode
    ) -> tuple[LabelledScores, list[Voice]]:
        """What another hierarchy makes of the same frames: its scores and what each tells.

        Args:
            other: With the same models.
            scored: Times and labels of the frames that count.
            mode: Of the analysis.
        """
        results = other.judge(self._seen, mode, domain="clips")
        rows = results[: len(scored.scores)]
        scores, levels = [r.score for r in rows], [r.text_level for r in rows]
        values = curve(scored.times_s, scores, levels, other.calibration.clips)[1]
        return replace(scored, scores=values), [voice_of(r, r.score) for r in results]


def motion_evidence(text_bank: TextBank, result: FrameResult) -> NDArray[np.float64]:
    """(L,) what motion says of a frame alone, of leaves that may speak; 0 where none is known."""
    motion = np.zeros_like(result.evidence) if result.motion is None else result.motion
    silent = np.where(np.isfinite(result.evidence), 0.0, result.evidence)
    return fused(silent, motion, text_bank, 0.0, 1.0)


def _largest_overlap(boxes: NDArray[np.float64]) -> float:
    if len(boxes) < 2:
        return 0.0
    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0.0)
    return float(overlap.max())


def joined(
    variants: Sequence[dict[str, LabelledScores]],
) -> dict[str, list[LabelledScores]]:
    """One list of clips for each variant."""
    return {name: [clip[name] for clip in variants] for name in NAMES}
