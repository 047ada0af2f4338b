"""The two stages between decoding and the curve: participants of a batch, then its scores.

A frame that cannot be scored is skipped and counted with its reason, never lost.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import structlog

from service.errors import AnalysisCancelled
from service.pipeline.frame import FrameAnalyzer
from service.pipeline.judging import FrameResult
from service.pipeline.motion import FrameMotion, MotionMemory
from service.pipeline.stages import ms_since
from service.scoring.calibration import Mode
from service.vision.clips import SampledFrame
from service.vision.damage import DamageLog
from service.vision.rois import Rois

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """A batch of frames with what was found in each; an error stands for a frame that failed."""

    frames: Sequence[SampledFrame]
    rois: Sequence[Rois | Exception]
    detect_ms: Sequence[float]


def detect_batches(
    analyzer: FrameAnalyzer,
    batches: Iterable[list[SampledFrame]],
    cancelled: Callable[[], bool],
) -> Iterator[Detected]:
    """Find the participants of every frame.

    Raises:
        AnalysisCancelled: ``cancelled``, asked before every frame, said so.
    """
    for batch in batches:
        rois: list[Rois | Exception] = []
        detect_ms: list[float] = []
        for sampled in batch:
            if cancelled():
                raise AnalysisCancelled(f"cancelled at {sampled.time_s:.1f} s of the clip")
            started = perf_counter()
            try:
                rois.append(analyzer.detector.detect(sampled.frame))
            except Exception as error:
                rois.append(error)
            detect_ms.append(ms_since(started))
        yield Detected(batch, rois, detect_ms)


def score_batch(
    analyzer: FrameAnalyzer,
    batch: Detected,
    memory: MotionMemory,
    mode: Mode,
    top_k: int,
    skipped: DamageLog,
) -> list[FrameResult | Exception]:
    """Follow the participants, then score the frames together, or one by one when that fails.

    Args:
        analyzer: Models and knowledge.
        batch: Frames with their participants.
        memory: Of the clip's motion; it takes every frame in order, once.
        mode: How the score is made.
        top_k: Explanations of each frame.
        skipped: Told of every frame without a score.

    Returns:
        A result for each frame; the error of one that was skipped.
    """
    followed = [_followed(memory, f, r) for f, r in zip(batch.frames, batch.rois, strict=True)]
    good = [i for i, motion in enumerate(followed) if not isinstance(motion, Exception)]

    def score(chosen: list[int]) -> list[FrameResult]:
        return _score(analyzer, batch, followed, chosen, mode, top_k)

    try:
        scored = dict(zip(good, score(good), strict=True))
    except Exception:
        scored = {}
    results: list[FrameResult | Exception] = []
    for i, motion in enumerate(followed):
        try:
            if isinstance(motion, Exception):
                raise motion
            results.append(scored[i] if i in scored else score([i])[0])
        except Exception as error:
            log.warning("frame_skipped", index=batch.frames[i].index, error=repr(error)[:200])
            # The class alone: a message may hold numbers that make every frame its own entry.
            skipped.add(batch.frames[i].time_s, f"not scored: {type(error).__name__}")
            results.append(error)
    return results


def _followed(
    memory: MotionMemory, sampled: SampledFrame, rois: Rois | Exception
) -> FrameMotion | Exception:
    if isinstance(rois, Exception):
        return rois
    try:
        return memory.update(sampled.frame, sampled.time_s, rois)
    except Exception as error:
        return error


def _score(
    analyzer: FrameAnalyzer,
    batch: Detected,
    followed: Sequence[FrameMotion | Exception],
    chosen: list[int],
    mode: Mode,
    top_k: int,
) -> list[FrameResult]:
    motion = [m for i in chosen if isinstance(m := followed[i], FrameMotion)]
    return analyzer.analyze_detected(
        [batch.frames[i].frame for i in chosen],
        [m.rois for m in motion],
        mode=mode,
        top_k=top_k,
        domain="clips",
        detect_ms=[batch.detect_ms[i] for i in chosen],
        motion=motion,
    )
