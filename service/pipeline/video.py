"""A clip's way: sample, detect, follow, encode, score, smooth causally, cut into segments, explain.

The stages overlap: decoding in a child process, detection in a thread, encoding and scoring in
the caller's. Frames stream through in small batches; what is kept grows by five numbers a sampled
frame, so memory does not depend on the length of the clip.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from time import perf_counter

from service.errors import AnalysisCancelled
from service.pipeline.batches import Detected, detect_batches, score_batch
from service.pipeline.checkpoint import CheckpointFile, Progress
from service.pipeline.engine import Engine
from service.pipeline.judging import FrameResult
from service.pipeline.motion import MotionMemory
from service.pipeline.report import DecodeErrorRow, ModelRow, Report, SkippedRow, VideoRow
from service.pipeline.stages import ahead
from service.pipeline.timeline import Timeline
from service.scoring.calibration import Mode
from service.vision.clips import SampledFrame
from service.vision.damage import DamageLog, DecodeError
from service.vision.isolated import Clip, OpenClip

BATCH = 8  # more gains nothing on a CPU (docs/performance.md)

OnProgress = Callable[[float, str], None]
OnFrame = Callable[[SampledFrame, FrameResult], None]


class VideoAnalyzer:
    """Analyses whole clips.

    Args:
        engine: One snapshot of models and knowledge, kept for every clip of this analyzer.
        open_clip: ``in_a_child`` for files of strangers, ``in_this_process`` for one's own.
    """

    def __init__(self, engine: Engine, open_clip: OpenClip) -> None:
        self._engine = engine
        self._open_clip = open_clip

    def analyze(
        self,
        path: Path,
        sample_fps: float = 10.0,
        mode: Mode = "paired",
        top_k: int = 5,
        name: str | None = None,
        progress: OnProgress | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        on_frame: OnFrame | None = None,
        checkpoint: CheckpointFile | None = None,
    ) -> Report:
        """Score a clip and report its anomalous segments.

        Args:
            path: A local video file.
            sample_fps: Frames a second that are scored, at most as many as the clip has.
            mode: ``literal``, ``contrast`` or ``paired``.
            top_k: Explanations of each segment.
            name: What the clip is called in the report; its file name when left out.
            progress: Told the share done in 0..1 and the stage, once a batch.
            cancelled: Asked before every frame; True ends the analysis.
            on_frame: Told of every scored frame, in order.
            checkpoint: Where to begin, and where to write down how far it has come.

        Raises:
            VideoNotSupported: Not a video, or without a video stream.
            VideoNotDecodable: No frame can be read.
            VideoTooLarge: Larger or longer than the limits.
            AnalysisCancelled: ``cancelled`` said so.
        """
        started = perf_counter()
        run = _Run(Timeline(self._engine.analyzer.calibration.clips, mode))
        kept = checkpoint.load() if checkpoint is not None else None
        if kept is not None:
            run.restore(kept)
            if progress is not None:
                progress(0.0, "finding the place where it stopped")
        analyzer = self._engine.analyzer
        with self._open_clip(path, sample_fps, run.last_index) as clip:
            run.timings["decode"] += perf_counter() - started
            batches = _batches(clip, run.timings)
            with closing(ahead(detect_batches(analyzer, batches, cancelled), depth=1)) as found:
                for batch in found:
                    if cancelled():
                        raise AnalysisCancelled(f"cancelled at {batch.frames[0].time_s:.1f} s")
                    results = score_batch(analyzer, batch, run.motion, mode, top_k, run.skipped)
                    run.add(batch, results, on_frame)
                    if checkpoint is not None and checkpoint.is_due():
                        checkpoint.save(run.progress())
                    if progress is not None:
                        share = batch.frames[-1].time_s / clip.info.duration_s
                        progress(min(1.0, share), "scoring frames")
            run.check_scored()
            run.timings["total"] += perf_counter() - started
            return self._report(name or path.name, clip, run, sample_fps, mode)

    def _report(self, name: str, clip: Clip, run: "_Run", sample_fps: float, mode: Mode) -> Report:
        found = run.timeline.segments()
        return Report(
            video=_video_row(name, clip, run, sample_fps),
            model=ModelRow(
                bundle=self._engine.bundle.manifest.name,
                knowledge_sha256=self._engine.analyzer.text_bank.knowledge_sha256,
                mode=mode,
                threshold=self._engine.analyzer.calibration.clips.on,
            ),
            frames=run.timeline.frame_rows(found),
            segments=run.timeline.segment_rows(found),
            decode_errors=tuple(
                DecodeErrorRow(time_s=error.time_s, detail=error.detail, count=error.count)
                for error in clip.decode_errors
            ),
            skipped=tuple(
                SkippedRow(time_s=entry.time_s, reason=entry.detail, count=entry.count)
                for entry in run.skipped.entries()
            ),
            timings={stage: round(seconds, 4) for stage, seconds in run.timings.items()},
        )


class _Run:
    """What one analysis remembers between batches."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.motion = MotionMemory()
        self.skipped = DamageLog()
        self.last_index = -1
        self.timings: dict[str, float] = defaultdict(float)

    def add(
        self, batch: Detected, results: list[FrameResult | Exception], on_frame: OnFrame | None
    ) -> None:
        for sampled, result in zip(batch.frames, results, strict=True):
            self.last_index = sampled.index
            if isinstance(result, Exception):
                continue
            self.timeline.add(sampled, result)
            if on_frame is not None:
                on_frame(sampled, result)
            for stage, milliseconds in result.timings_ms.items():
                self.timings[stage] += milliseconds / 1000

    @property
    def num_skipped(self) -> int:
        return sum(entry.count for entry in self.skipped.entries())

    def check_scored(self) -> None:
        if not self.timeline.times_s:
            reasons = "; ".join(entry.detail for entry in self.skipped.entries())
            raise RuntimeError(f"no frame could be scored: {reasons}")

    def progress(self) -> Progress:
        state = {
            "timeline": self.timeline.state(),
            "motion": self.motion.state(),
            "skipped": [asdict(entry) for entry in self.skipped.entries()],
            "timings": dict(self.timings),
        }
        return Progress(self.last_index, self.timeline.columns(), state)

    def restore(self, kept: Progress) -> None:
        self.last_index = kept.last_index
        self.timeline.restore(kept.columns, kept.state["timeline"])
        self.motion.restore(kept.state["motion"])
        self.skipped = DamageLog(DecodeError(**entry) for entry in kept.state["skipped"])
        self.timings.update(kept.state["timings"])


def _batches(clip: Clip, timings: dict[str, float]) -> Iterator[list[SampledFrame]]:
    frames = iter(clip)
    while True:
        started = perf_counter()
        batch = list(islice(frames, BATCH))
        timings["decode"] += perf_counter() - started
        if not batch:
            return
        yield batch


def _video_row(name: str, clip: Clip, run: _Run, sample_fps: float) -> VideoRow:
    info = clip.info
    return VideoRow(
        name=name,
        width=info.width,
        height=info.height,
        duration_s=info.duration_s,
        fps=info.fps,
        codec=info.codec,
        sampled_frames=len(run.timeline.times_s) + run.num_skipped,
        sample_fps=sample_fps,
    )
