"""The two stages between decoding and the curve: participants of a batch, then its scores.

A frame that cannot be scored is skipped and counted with its reason, never lost.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import structlog

from service.errors import AnalysisCancelled
from service.pipeline.frame import FrameAnalyzer, FrameResult
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
            detect_ms.append((perf_counter() - started) * 1000.0)
        yield Detected(batch, rois, detect_ms)


def score_batch(
    analyzer: FrameAnalyzer, batch: Detected, mode: Mode, top_k: int, skipped: DamageLog
) -> list[FrameResult | Exception]:
    """Score the frames of a batch together, or one by one when that fails.

    Args:
        analyzer: Models and knowledge.
        batch: Frames with their participants.
        mode: How the score is made.
        top_k: Explanations of each frame.
        skipped: Told of every frame without a score.

    Returns:
        A result for each frame; the error of one that was skipped.
    """
    good = [i for i, rois in enumerate(batch.rois) if not isinstance(rois, Exception)]
    try:
        scored = dict(zip(good, _score(analyzer, batch, good, mode, top_k), strict=True))
    except Exception:
        scored = {}
    results: list[FrameResult | Exception] = []
    for i, rois in enumerate(batch.rois):
        try:
            if isinstance(rois, Exception):
                raise rois
            results.append(
                scored[i] if i in scored else _score(analyzer, batch, [i], mode, top_k)[0]
            )
        except Exception as error:
            log.warning("frame_skipped", index=batch.frames[i].index, error=repr(error)[:200])
            # The class alone: a message may hold numbers that make every frame its own entry.
            skipped.add(batch.frames[i].time_s, f"not scored: {type(error).__name__}")
            results.append(error)
    return results


def _score(
    analyzer: FrameAnalyzer, batch: Detected, chosen: list[int], mode: Mode, top_k: int
) -> list[FrameResult]:
    rois = [r for i in chosen if isinstance(r := batch.rois[i], Rois)]
    return analyzer.analyze_detected(
        [batch.frames[i].frame for i in chosen],
        rois,
        mode=mode,
        top_k=top_k,
        domain="clips",
        detect_ms=[batch.detect_ms[i] for i in chosen],
    )
