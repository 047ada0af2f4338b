"""A clip's way: sample, score, smooth causally, cut into segments, explain each by one frame.

Frames stream through in small batches; what is kept grows by five numbers a sampled frame, so
memory does not depend on the length of the clip.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np

from service.errors import AnalysisCancelled
from service.pipeline.engine import Engine
from service.pipeline.frame import FrameResult
from service.pipeline.peaks import PeakKeeper, ScoredFrame
from service.pipeline.report import (
    DecodeErrorRow,
    FrameRow,
    ModelRow,
    Report,
    SegmentRow,
    VideoRow,
    explanation_rows,
)
from service.scoring.calibration import ClipsCalibration, Mode, probability
from service.scoring.temporal import CausalSmoother, Segment, segments
from service.vision.clips import ClipReader, SampledFrame

BATCH = 8  # more gains nothing on a CPU (docs/performance.md)


class VideoAnalyzer:
    """Analyses whole clips.

    Args:
        engine: One snapshot of models and knowledge, kept for every clip of this analyzer.
        max_pixels: Largest picture accepted.
        max_seconds: Longest clip accepted.
    """

    def __init__(self, engine: Engine, max_pixels: int, max_seconds: float) -> None:
        self._engine = engine
        self._max_pixels = max_pixels
        self._max_seconds = max_seconds

    def analyze(
        self,
        path: Path,
        sample_fps: float = 10.0,
        mode: Mode = "paired",
        top_k: int = 5,
        name: str | None = None,
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        on_frame: Callable[[SampledFrame, FrameResult], None] | None = None,
    ) -> Report:
        """Score a clip and report its anomalous segments.

        Args:
            path: A local video file.
            sample_fps: Frames a second that are scored, at most as many as the clip has.
            mode: ``literal``, ``contrast`` or ``paired``.
            top_k: Explanations of each segment.
            name: What the clip is called in the report; its file name when left out.
            progress: Told the share done in 0..1 and the stage, once a batch.
            cancelled: Asked once a batch; True ends the analysis.
            on_frame: Told of every scored frame, in order.

        Raises:
            VideoNotSupported: Not a video, or without a video stream.
            VideoNotDecodable: No frame can be read.
            VideoTooLarge: Larger or longer than the limits.
            AnalysisCancelled: ``cancelled`` said so.
        """
        timings: dict[str, float] = defaultdict(float)
        started = perf_counter()
        with ClipReader(path, sample_fps, self._max_pixels, self._max_seconds) as reader:
            timings["decode"] += perf_counter() - started
            timeline = _Timeline(self._engine.analyzer.calibration.clips, mode)
            for batch in _batches(reader, timings):
                if cancelled is not None and cancelled():
                    raise AnalysisCancelled(f"cancelled at {batch[0].time_s:.1f} s of the clip")
                results = self._engine.analyzer.analyze(
                    [sampled.frame for sampled in batch], mode=mode, top_k=top_k, domain="clips"
                )
                for sampled, result in zip(batch, results, strict=True):
                    timeline.add(sampled, result)
                    if on_frame is not None:
                        on_frame(sampled, result)
                    for stage, milliseconds in result.timings_ms.items():
                        timings[stage] += milliseconds / 1000
                if progress is not None:
                    progress(_share(batch[-1].time_s, reader.info.duration_s), "scoring frames")
        found = timeline.segments()
        timings["total"] = perf_counter() - started
        return Report(
            video=_video_row(name or path.name, reader, timeline, sample_fps),
            model=ModelRow(
                bundle=self._engine.bundle.manifest.name,
                knowledge_sha256=self._engine.analyzer.text_bank.knowledge_sha256,
                mode=mode,
                threshold=self._engine.analyzer.calibration.clips.on,
            ),
            frames=timeline.frame_rows(found),
            segments=timeline.segment_rows(found),
            decode_errors=tuple(
                DecodeErrorRow(time_s=error.time_s, detail=error.detail, count=error.count)
                for error in reader.decode_errors
            ),
            timings={stage: round(seconds, 4) for stage, seconds in timings.items()},
        )


class _Timeline:
    """The numbers of a clip, frame by frame."""

    def __init__(self, calibration: ClipsCalibration, mode: Mode) -> None:
        self._calibration = calibration
        self._affine = calibration.affine[mode]
        self._smoother = CausalSmoother(calibration.smoothing_s)
        self._peaks = PeakKeeper(calibration)
        self._index: list[int] = []
        self.times_s: list[float] = []
        self._score: list[float] = []
        self._eq11: list[float] = []
        self._probability: list[float] = []

    def add(self, sampled: SampledFrame, result: FrameResult) -> None:
        score = self._smoother.update(sampled.time_s, result.score)
        likely = probability(score, self._affine)
        self._index.append(sampled.index)
        self.times_s.append(sampled.time_s)
        self._score.append(score)
        self._eq11.append(result.eq11)
        self._probability.append(likely)
        self._peaks.add(
            ScoredFrame(sampled.index, sampled.time_s, result.score, likely, result.explanations)
        )

    def segments(self) -> tuple[Segment, ...]:
        calibration = self._calibration
        return segments(
            self.times_s,
            self._probability,
            on=calibration.on,
            off=calibration.off,
            on_frames_of=calibration.on_frames_of,
            min_segment_s=calibration.min_segment_s,
        )

    def frame_rows(self, found: Sequence[Segment]) -> tuple[FrameRow, ...]:
        anomalous = np.zeros(len(self._index), bool)
        for segment in found:
            anomalous[segment.start_index : segment.end_index + 1] = True
        columns = (self._index, self.times_s, self._score, self._eq11, self._probability)
        names = ("index", "time_s", "score", "eq11", "probability", "anomalous")
        return tuple(
            FrameRow.model_validate(dict(zip(names, values, strict=True)))
            for values in zip(*columns, anomalous.tolist(), strict=True)
        )

    def segment_rows(self, found: Sequence[Segment]) -> tuple[SegmentRow, ...]:
        rows = []
        for segment in found:
            peak = self._peaks.peak(segment.start_s)
            rows.append(
                SegmentRow(
                    start_s=segment.start_s,
                    end_s=segment.end_s,
                    peak_s=peak.time_s,
                    peak_index=peak.index,
                    probability=segment.probability,
                    explanations=tuple(explanation_rows(peak.explanations)),
                )
            )
        return tuple(rows)


def _batches(reader: ClipReader, timings: dict[str, float]) -> Iterator[list[SampledFrame]]:
    frames = iter(reader)
    while True:
        started = perf_counter()
        batch = list(islice(frames, BATCH))
        timings["decode"] += perf_counter() - started
        if not batch:
            return
        yield batch


def _share(time_s: float, duration_s: float | None) -> float:
    return min(1.0, time_s / duration_s) if duration_s else 0.0


def _video_row(name: str, reader: ClipReader, timeline: _Timeline, sample_fps: float) -> VideoRow:
    info = reader.info
    return VideoRow(
        name=name,
        width=info.width,
        height=info.height,
        duration_s=info.duration_s if info.duration_s is not None else timeline.times_s[-1],
        fps=info.fps,
        codec=info.codec,
        sampled_frames=len(timeline.times_s),
        sample_fps=sample_fps,
    )
