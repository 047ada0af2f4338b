"""Generated clips through the service's own code, with detector noise on their true boxes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.evaluate.auc import LabelledScores
from model.evaluate.curve import curve
from model.evaluate.texts import noisy_rois
from model.synthesis.traffic import TrafficClip
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import FrameResult, SeenFrame
from service.pipeline.motion import MotionMemory
from service.scoring.calibration import ClipsCalibration

BATCH = 16


def analyze_clip(
    analyzer: FrameAnalyzer, clip: TrafficClip, seed: int, pixels: bool = True
) -> list[FrameResult]:
    """Score every frame of a generated clip, in order; arguments as of ``see_clip``."""
    return analyzer.judge(see_clip(analyzer, clip, seed, pixels), domain="clips")


def see_clip(
    analyzer: FrameAnalyzer, clip: TrafficClip, seed: int, pixels: bool = True
) -> list[SeenFrame]:
    """Every frame of a generated clip as the models see it, in order.

    Args:
        analyzer: Its models.
        clip: With its frames drawn.
        seed: Of the detector noise.
        pixels: Whether the encoder sees them; it is shown noise instead, which closes the gate,
            as real footage does.
    """
    noise = np.random.default_rng(0).integers(0, 256, clip.frames.shape[1:], np.uint8)
    memory = MotionMemory()
    frames: list[SeenFrame] = []
    rows = list(zip(clip.moments, clip.times_s.tolist(), clip.frames, strict=True))
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        moves = [
            memory.update(frame, time_s, noisy_rois(moment.scene, seed * 1000 + start + i))
            for i, (moment, time_s, frame) in enumerate(part)
        ]
        seen = [frame if pixels else noise for *_, frame in part]
        frames += analyzer.see(seen, [m.rois for m in moves], motion=moves)
    return frames


def smoothed(
    clip: TrafficClip, results: Sequence[FrameResult], calibration: ClipsCalibration
) -> LabelledScores:
    """A clip's scores against its own past and through the smoother, beside its labels."""
    scores, levels = [r.score for r in results], [r.text_level for r in results]
    return labelled(clip, curve(clip.times_s, scores, levels, calibration)[1])


def labelled(clip: TrafficClip, scores: NDArray[np.float64]) -> LabelledScores:
    """Scores (n,) beside the labels of their clip."""
    position = clip.times_s / clip.times_s[-1]
    return LabelledScores(clip.script, clip.times_s, position, clip.label, scores)
