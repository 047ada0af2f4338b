"""Composition root: settings in, a ready FastAPI app out."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from knowledge.hierarchy import load_hierarchy
from service.api import frames, health, jobs, knowledge, problems, videos
from service.api.guards import MULTIPART_OVERHEAD, Admission, ByteLimits, SecurityHeaders
from service.api.state import Shared
from service.jobs.queue import InProcessQueue
from service.jobs.store import Job, JobOptions, JobStore
from service.observe.logs import RequestIds
from service.observe.metrics import HttpMetrics, Metrics
from service.pipeline.engine import LiveEngine, load_engine
from service.pipeline.report import Report
from service.pipeline.video import VideoAnalyzer
from service.settings import Settings

log = structlog.get_logger()
MAX_KNOWLEDGE_BYTES = 1024**2
VERSION = "0.1.0"


def create_app(settings: Settings) -> FastAPI:
    """Load the models and build the app around them.

    Args:
        settings: The one settings object.

    Returns:
        The app; its models are warm when this returns.

    Raises:
        FatalError: In one line, when the service cannot start.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = load_live_engine(settings)
    metrics = Metrics()
    metrics.build.info(
        {"version": VERSION, "bundle": engine.current.bundle.manifest.name,
         "bundle_sha256": engine.current.bundle.digest, "runtime": engine.current.bundle.runtime}
    )  # fmt: skip
    queue = _queue(settings, engine, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        queue.start()
        yield
        queue.stop()

    app = FastAPI(
        title="SA-CLIP", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Zero-shot traffic anomaly detection that says which description explains it.",
    )  # fmt: skip
    admission = Admission(settings.max_concurrency)
    app.state.shared = Shared(settings, engine, queue, metrics, admission)
    app.state.metrics = metrics
    problems.install(app)
    for part in (frames, videos, jobs, knowledge, health):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=health.WEB))
    # Added last stands first: ids before everything, then metrics, headers, and the byte limits.
    app.add_middleware(ByteLimits, limits=_byte_limits(settings), default=MAX_KNOWLEDGE_BYTES)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HttpMetrics, metrics=metrics)
    app.add_middleware(RequestIds)
    return app


def load_live_engine(settings: Settings) -> LiveEngine:
    """The engine with the hierarchy that was last in use here, and a line that says so."""
    started = time.perf_counter()
    keep_at = settings.data_dir / "knowledge.json"
    hierarchy = load_hierarchy(keep_at if keep_at.is_file() else None)
    engine = load_engine(settings.bundle, settings.threads, hierarchy)
    log.info(
        "engine_loaded",
        bundle=engine.bundle.manifest.name,
        bundle_sha256=engine.bundle.digest[:12],
        runtime=engine.bundle.runtime,
        knowledge=str(keep_at) if keep_at.is_file() else "shipped",
        leaves=len(engine.hierarchy.leaves),
        descriptions=len(engine.hierarchy.flat),
        seconds=round(time.perf_counter() - started, 2),
    )
    return LiveEngine(engine, keep_at)


def _byte_limits(settings: Settings) -> dict[str, int]:
    pictures = settings.max_images * settings.max_image_bytes
    return {
        "/frames/score": pictures + MULTIPART_OVERHEAD,
        "/videos/analyze": settings.max_video_bytes + MULTIPART_OVERHEAD,
    }


def _queue(settings: Settings, engine: LiveEngine, metrics: Metrics) -> InProcessQueue:
    def analyze(
        path: Path,
        name: str,
        options: JobOptions,
        progress: Callable[[float, str], None],
        cancelled: Callable[[], bool],
    ) -> Report:
        analyzer = VideoAnalyzer(
            engine.current, max_pixels=settings.max_image_pixels,
            max_seconds=settings.max_video_seconds,
        )  # fmt: skip
        report = analyzer.analyze(
            path, sample_fps=options.sample_fps, mode=options.mode, top_k=options.top_k,
            name=name, progress=progress, cancelled=cancelled,
        )  # fmt: skip
        metrics.images.labels("videos").inc(len(report.frames))
        return report

    def ended(job: Job) -> None:
        metrics.jobs_ended.labels(job.status).inc()
        if job.started_at and job.ended_at:
            metrics.job_duration.observe((job.ended_at - job.started_at).total_seconds())

    return InProcessQueue(
        JobStore(settings.data_dir / "jobs"),
        analyze,
        lambda error: problems.describe(error).model_dump(exclude_none=True),
        settings.max_queued_jobs,
        settings.job_retention_hours,
        ended,
    )
