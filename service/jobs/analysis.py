"""What a worker does with one job: score the clip, keep each frame's details, draw the film."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import av
import structlog

from service.jobs.store import Job
from service.observe.metrics import Metrics
from service.pipeline.details import DETAILS_FILE, DetailWriter
from service.pipeline.engine import LiveEngine
from service.pipeline.film import FILM_FILE, render_film
from service.pipeline.report import Report
from service.pipeline.video import VideoAnalyzer
from service.settings import Settings

SCORING_SHARE = 0.75  # of the progress; drawing and encoding take the rest
ARTEFACTS = (DETAILS_FILE, FILM_FILE)
log = structlog.get_logger()


class ClipAnalysis:
    """Analyses uploads with the engine in use when a job begins.

    Args:
        engine: Swapped when experts change the hierarchy; a job keeps what it began with.
        settings: Limits of pictures and clips.
        metrics: Told of every report.
    """

    def __init__(self, engine: LiveEngine, settings: Settings, metrics: Metrics) -> None:
        self._engine, self._settings, self._metrics = engine, settings, metrics

    def __call__(
        self,
        clip: Path,
        folder: Path,
        job: Job,
        progress: Callable[[float, str], None],
        cancelled: Callable[[], bool],
    ) -> Report:
        """Make the report of one upload, and its details and film in ``folder``.

        Raises:
            ServiceError: The clip cannot be analysed, or the job was cancelled.
        """
        limits = (self._settings.max_image_pixels, int(self._settings.max_video_seconds))
        analyzer = VideoAnalyzer(self._engine.current, *limits)
        details = folder / DETAILS_FILE
        with DetailWriter(details) as writer:
            report = analyzer.analyze(
                clip,
                sample_fps=job.options.sample_fps,
                mode=job.options.mode,
                top_k=job.options.top_k,
                name=job.name,
                progress=lambda share, stage: progress(share * SCORING_SHARE, stage),
                cancelled=cancelled,
                on_frame=writer.add,
            )
        num_errors = sum(error.count for error in report.decode_errors)
        self._metrics.count_report(len(report.frames), num_errors, report.timings)
        for segment in report.segments:
            self._metrics.results.count_alarm(segment.explanations, "clip")
        if job.options.film:
            self._draw(clip, report, details, folder / FILM_FILE, progress, cancelled)
        return report

    def _draw(
        self,
        clip: Path,
        report: Report,
        details: Path,
        out: Path,
        progress: Callable[[float, str], None],
        cancelled: Callable[[], bool],
    ) -> None:
        limits = (self._settings.max_image_pixels, int(self._settings.max_video_seconds))

        def scaled(share: float, stage: str) -> None:
            progress(SCORING_SHARE + share * (1 - SCORING_SHARE), stage)

        try:
            render_film(clip, report, details, out, *limits, scaled, cancelled)
        except av.FFmpegError:
            # The report is what was asked for; a build of FFmpeg without x264 must not cost it.
            log.exception("film_failed")
            with contextlib.suppress(OSError):
                out.with_suffix(".partial").unlink()
