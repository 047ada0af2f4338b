"""Composition root: settings in, a ready FastAPI app out."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypedDict

import structlog
from fastapi import FastAPI

from knowledge.hierarchy import Hierarchy, KnowledgeError, load_hierarchy
from service.api import events, frames, health, jobs, knowledge, pages, streams, videos
from service.api.guards import BodyLimit, Slots
from service.api.middleware import RequestMiddleware
from service.api.problems import add_problem_handlers, documented, problem_of
from service.api.state import Shared
from service.errors import FatalError
from service.jobs.analysis import ClipAnalysis
from service.jobs.queue import InProcessQueue
from service.jobs.store import Job, JobStore
from service.observe.metrics import Metrics
from service.pipeline.engine import LiveEngine, load_engine
from service.settings import Settings
from service.version import VERSION

log = structlog.get_logger()

FORM_OVERHEAD_BYTES = 64 * 1024  # boundaries, part headers and the small fields of a form
KNOWLEDGE_FILE = "knowledge.yaml"


class AppState(TypedDict):
    """What every request finds in ``request.state``."""

    shared: Shared


def create_app(settings: Settings) -> FastAPI:
    """Load and warm the models, then build the app around them.

    Args:
        settings: The one settings object.

    Returns:
        The app; its job worker starts and stops with its lifespan.

    Raises:
        FatalError: In one line, when the service cannot start.
    """
    _make_folder(settings.data_dir)
    engine = load_live_engine(settings)
    metrics = Metrics()
    _describe_build(metrics, engine)
    queue = _make_queue(settings, engine, metrics)
    metrics.watch_jobs(queue.counts)
    slots = Slots(settings.max_concurrency, settings.max_waiting)
    shared = Shared(settings, engine, queue, metrics, slots)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[AppState]:
        queue.start()
        log.info("service_started")
        yield {"shared": shared}
        queue.stop()
        log.info("service_stopped")

    app = FastAPI(
        title="SA-CLIP",
        version=VERSION,
        description="Zero-shot traffic anomaly detection that says which description explains it.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"default": documented("Any other refusal.")},
    )
    add_problem_handlers(app)
    for part in (frames, videos, streams, events, jobs, knowledge, health, pages):
        app.include_router(part.router)
    app.mount("/static", pages.static_files)
    # The one added last stands in front.
    app.add_middleware(BodyLimit, limit_of=_body_limits(settings))
    app.add_middleware(RequestMiddleware, metrics=metrics)
    return app


def load_live_engine(settings: Settings) -> LiveEngine:
    """The engine with the hierarchy that was last in service here, and a line that says so."""
    started = time.perf_counter()
    keep_at = settings.data_dir / KNOWLEDGE_FILE
    source = keep_at if keep_at.is_file() else settings.knowledge_file
    hierarchy = _load_hierarchy(source)
    engine = load_engine(
        settings.bundle,
        settings.threads,
        hierarchy,
        precision=settings.precision,
        device=settings.device,
    )
    log.info(
        "engine_loaded",
        bundle=engine.bundle.manifest.name,
        bundle_sha256=engine.bundle.digest[:12],
        runtime=engine.bundle.runtime,
        knowledge=str(source or "shipped"),
        leaves=len(engine.hierarchy.leaves),
        descriptions=len(engine.hierarchy.flat),
        ms=round((time.perf_counter() - started) * 1000),
    )
    return LiveEngine(engine, keep_at)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FatalError(f"{folder}: cannot be made ({error.strerror})") from error


def _load_hierarchy(path: Path | None) -> Hierarchy:
    try:
        return load_hierarchy(path)
    except KnowledgeError as error:
        raise FatalError(str(error.violations[0])) from error


def _describe_build(metrics: Metrics, engine: LiveEngine) -> None:
    bundle = engine.current.bundle
    metrics.build_info.labels(
        version=VERSION,
        model=bundle.manifest.name,
        model_sha=bundle.digest[:12],
        runtime=bundle.runtime,
    ).set(1)


def _body_limits(settings: Settings) -> Callable[[str], int]:
    limits = {
        "/frames/score": settings.max_request_bytes + FORM_OVERHEAD_BYTES,
        "/videos/analyze": settings.max_video_bytes + FORM_OVERHEAD_BYTES,
    }
    return lambda path: limits.get(path, knowledge.MAX_BODY_BYTES)


def _make_queue(settings: Settings, engine: LiveEngine, metrics: Metrics) -> InProcessQueue:
    def on_end(job: Job) -> None:
        metrics.jobs_ended.labels(job.status).inc()
        if job.started_at and job.ended_at:
            metrics.job_duration.observe((job.ended_at - job.started_at).total_seconds())

    return InProcessQueue(
        JobStore(settings.data_dir / "jobs"),
        ClipAnalysis(engine, settings, metrics),
        describe=lambda error: problem_of(error).model_dump(exclude_none=True),
        capacity=settings.max_queued_jobs,
        retention=timedelta(hours=settings.job_retention_hours),
        on_end=on_end,
    )
