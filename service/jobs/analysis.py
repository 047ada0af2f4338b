"""What a worker does with one job: score the clip, keep each frame's details, draw the film.

Everything that another attempt would need stands in the job's folder: the hierarchy the job began
with, a checkpoint every few seconds, and the finished scores before the film is drawn.
"""

import contextlib
import os
from pathlib import Path

import av
import structlog

from knowledge.hierarchy import hierarchy_to_yaml, parse_hierarchy
from service.jobs.queue import JobRun
from service.jobs.store import PINNED_FILE, SCORED_FILE
from service.observe.metrics import Metrics
from service.pipeline.checkpoint import CHECKPOINT_FILE, EVERY_S, CheckpointFile
from service.pipeline.details import DETAILS_FILE, DetailWriter
from service.pipeline.engine import Engine, LiveEngine
from service.pipeline.film import FILM_FILE, render_film
from service.pipeline.report import Report
from service.pipeline.video import VideoAnalyzer
from service.settings import Settings
from service.version import VERSION
from service.vision.isolated import OpenClip, in_a_child

SCORING_SHARE = 0.75  # of the progress; drawing and encoding take the rest
log = structlog.get_logger()


class ClipAnalysis:
    """Analyses uploads with the engine in use when a job begins.

    Args:
        engine: Swapped when experts change the hierarchy; a job keeps what it began with.
        settings: Limits of pictures, clips and the decoder.
        metrics: Told of every report.
        checkpoint_s: Seconds between two checkpoints.
    """

    def __init__(
        self,
        engine: LiveEngine,
        settings: Settings,
        metrics: Metrics,
        checkpoint_s: float = EVERY_S,
    ) -> None:
        self._engine, self._metrics, self._checkpoint_s = engine, metrics, checkpoint_s
        self._decode_limits = settings.decode_limits

    def __call__(self, run: JobRun) -> Report:
        """Make the report of one upload, and its details and film in the job's folder.

        Raises:
            ServiceError: The clip cannot be analysed, or the job was cancelled.
        """
        engine = self._pinned(run)
        identity = {
            "code": VERSION,
            "bundle": engine.bundle.digest,
            "runtime": engine.bundle.runtime,
            "knowledge": engine.hierarchy.sha256,
            "options": run.job.options.model_dump_json(),
            "clip_bytes": str(run.clip.stat().st_size),
        }
        report = self._scored(engine, identity, run)
        if run.job.options.film:
            self._draw(report, run)
        return report

    def _open_clip(self, run: JobRun) -> OpenClip:
        return in_a_child(*self._decode_limits, cancelled=run.cancelled)

    def _pinned(self, run: JobRun) -> Engine:
        """The engine with the hierarchy that the first attempt began with."""
        engine, path = self._engine.current, run.folder / PINNED_FILE
        if not path.is_file():
            _replace(path, hierarchy_to_yaml(engine.hierarchy))
            run.keep()
            return engine
        hierarchy = parse_hierarchy(path.read_bytes(), PINNED_FILE)
        same = hierarchy.sha256 == engine.hierarchy.sha256
        return engine if same else engine.with_hierarchy(hierarchy)

    def _scored(self, engine: Engine, identity: dict[str, str], run: JobRun) -> Report:
        done, details = run.folder / SCORED_FILE, run.folder / DETAILS_FILE
        if done.is_file():  # an earlier attempt got as far as the film
            return Report.model_validate_json(done.read_bytes(), by_alias=True, by_name=True)
        with DetailWriter(details) as writer:
            report = VideoAnalyzer(engine, self._open_clip(run)).analyze(
                run.clip,
                sample_fps=run.job.options.sample_fps,
                mode=run.job.options.mode,
                top_k=run.job.options.top_k,
                name=run.job.name,
                progress=lambda share, stage: run.progress(share * SCORING_SHARE, stage),
                cancelled=run.cancelled,
                on_frame=writer.add,
                checkpoint=CheckpointFile(
                    run.folder / CHECKPOINT_FILE,
                    identity,
                    before=writer.commit,
                    after=run.keep,
                    every_s=self._checkpoint_s,
                ),
            )
        num_errors = sum(error.count for error in report.decode_errors)
        self._metrics.count_report(len(report.frames), num_errors, report.timings)
        for segment in report.segments:
            self._metrics.results.count_alarm(segment.explanations, "clip")
        _replace(done, report.model_dump_json(by_alias=True))
        run.keep()
        return report

    def _draw(self, report: Report, run: JobRun) -> None:
        def scaled(share: float, stage: str) -> None:
            run.progress(SCORING_SHARE + share * (1 - SCORING_SHARE), stage)

        out = run.folder / FILM_FILE
        details = run.folder / DETAILS_FILE
        try:
            render_film(run.clip, report, details, out, self._open_clip(run), scaled, run.cancelled)
        except av.FFmpegError:
            # The report is what was asked for; a build of FFmpeg without x264 must not cost it.
            log.exception("film_failed")
            with contextlib.suppress(OSError):
                out.with_suffix(".partial").unlink()


def _replace(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
