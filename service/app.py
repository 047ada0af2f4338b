"""Composition root: settings in, a ready FastAPI app out."""

import errno
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from knowledge.hierarchy import Hierarchy, KnowledgeError, load_hierarchy, parse_hierarchy
from service.api import events, frames, health, jobs, knowledge, pages, streams, tokens, videos
from service.api.access import Access, Guard, check_policy, described_security
from service.api.guards import BodyLimit, Slots, free_bytes
from service.api.middleware import RequestMiddleware
from service.api.probes import Probe
from service.api.problems import add_problem_handlers, documented, problem_of
from service.api.schemas import callback_body
from service.api.state import Shared
from service.errors import FatalError, SettingsError, StorageFull
from service.jobs.analysis import ClipAnalysis
from service.jobs.callbacks import Callbacks, CallbackThread
from service.jobs.in_process import InProcessQueue
from service.jobs.queue import JobQueue
from service.jobs.redis_queue import RedisConnection, RedisKnowledge, RedisQueue
from service.jobs.shared_store import SharedStore
from service.jobs.store import JobStore
from service.keys import KeyRing
from service.observe.metrics import Metrics
from service.observe.traces import fastapi_options, make_traces, traced
from service.pipeline.engine import KeepsKnowledge, KnowledgeFile, LiveEngine, load_engine
from service.rates import make_rates
from service.settings import Settings
from service.tokens import TokenSigner, load_secret
from service.version import VERSION
from service.webhooks import Webhooks, load_signing_secret

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

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
    make_folder(settings.data_dir)
    keys = _load_keys(settings)
    signer = TokenSigner(load_secret(settings.token_secret_file, settings.data_dir))
    callbacks = callbacks_of(settings)
    connection = RedisConnection(settings.redis_url) if settings.redis_url else None
    engine = load_live_engine(settings, connection)
    metrics = make_metrics(engine)
    traces = make_traces(settings.otel_endpoint, "api")
    queue = _make_queue(settings, engine, metrics, callbacks, connection, traces)
    metrics.watch_jobs(queue.counts)
    metrics.watch_worker(lambda: queue.trouble() is None)
    slots = Slots(settings.max_concurrency, settings.max_waiting)
    probe = Probe(settings)
    shared = Shared(settings, engine, queue, metrics, slots, probe, signer, callbacks)
    metrics.watch_requests(lambda: slots.taken)
    metrics.watch_disk(lambda: free_bytes(settings.data_dir), settings.min_free_bytes)
    guard = Guard(keys, signer, make_rates(settings.redis_url))

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
        telemetry=fastapi_options(traces),
        docs_url=None,
        redoc_url=None,
        responses={"default": documented("Any other refusal.")},
    )
    add_problem_handlers(app)
    for part in (frames, videos, streams, events, jobs, knowledge, tokens, health, pages):
        app.include_router(part.router)
    app.mount("/static", pages.static_files)
    check_policy(routes_of(app))
    _describe_security(app)
    # The one added last stands in front.
    app.add_middleware(BodyLimit, limit_of=_body_limits(settings))
    app.add_middleware(Access, guard=guard, metrics=metrics)
    app.add_middleware(RequestMiddleware, metrics=metrics)
    return app


def load_live_engine(settings: Settings, connection: RedisConnection | None) -> LiveEngine:
    """The engine with the hierarchy that was last in service, and a line that says so."""
    started = time.perf_counter()
    file = settings.data_dir / KNOWLEDGE_FILE
    kept: KeepsKnowledge = KnowledgeFile(file) if connection is None else RedisKnowledge(connection)
    text = kept.kept()
    source = "as last accepted" if text is not None else str(settings.knowledge_file or "shipped")
    hierarchy = _load_hierarchy(settings.knowledge_file, text)
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
        knowledge=source,
        leaves=len(engine.hierarchy.leaves),
        descriptions=len(engine.hierarchy.flat),
        ms=round((time.perf_counter() - started) * 1000),
    )
    return LiveEngine(engine, kept)


def make_folder(folder: Path) -> None:
    """Make the data folder.

    Raises:
        FatalError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FatalError(f"{folder}: cannot be made ({error.strerror})") from error


def _load_hierarchy(path: Path | None, text: bytes | None) -> Hierarchy:
    try:
        if text is not None:
            return parse_hierarchy(text, KNOWLEDGE_FILE)
        return load_hierarchy(path)
    except KnowledgeError as error:
        raise FatalError(str(error.violations[0])) from error


def _load_keys(settings: Settings) -> KeyRing | None:
    """The keys to ask for; None when none are asked for."""
    if settings.auth == "off":
        return None
    if settings.api_keys_file is not None:
        return KeyRing(settings.api_keys_file)
    if settings.auth == "auto" and settings.is_local:
        return None
    raise SettingsError(
        f"{settings.host} lets others in: name a file of keys in SACLIP_API_KEYS_FILE "
        "(`saclip keys new NAME` makes one), or switch keys off with SACLIP_AUTH=off"
    )


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and path template of every route; ``WEBSOCKET`` stands for the method of one."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount):
            yield "GET", str(route.path)
        else:
            path = str(route.path_format or route.path)
            yield from ((m, path) for m in route.methods or {"WEBSOCKET"} if m != "HEAD")


def _describe_security(app: FastAPI) -> None:
    """Tell OpenAPI of the two ways to send a key, or of none where keys may be off."""
    described = app.openapi
    schemes, ways = described_security()

    def with_security() -> dict[str, Any]:
        schema = described()
        schema.setdefault("components", {})["securitySchemes"] = schemes
        schema["security"] = [{}, *ways]
        return schema

    app.openapi = with_security  # type: ignore[method-assign]  # FastAPI's own way to extend it


def make_metrics(engine: LiveEngine) -> Metrics:
    """Metrics that watch this engine, in an API process or a worker."""
    shipped = load_hierarchy()
    metrics = Metrics(frozenset(place.leaf.id for place in shipped.leaves))
    bundle = engine.current.bundle
    encoder = bundle.text_encoder
    metrics.watch_text_cache(lambda: (encoder.hits, encoder.misses))
    engine.current.analyzer.on_results = metrics.results.observe
    metrics.build_info.labels(
        version=VERSION,
        model=bundle.manifest.name,
        model_sha=bundle.digest[:12],
        runtime=bundle.runtime,
    ).set(1)
    return metrics


def _body_limits(settings: Settings) -> Callable[[str], int]:
    limits = {
        "/frames/score": settings.max_request_bytes + FORM_OVERHEAD_BYTES,
        "/videos/analyze": settings.max_video_bytes + FORM_OVERHEAD_BYTES,
    }
    return lambda path: limits.get(path, knowledge.MAX_BODY_BYTES)


def describe(error: Exception) -> dict[str, Any]:
    """The problem that is kept with a job that failed."""
    if _is_full(error):
        error = StorageFull("the disk became full during the analysis; send the video again")
    return problem_of(error).model_dump(exclude_none=True)


def _is_full(error: Exception) -> bool:
    """Whether a disk was full, as the system or SQLite says it."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno == errno.ENOSPC


def make_store(settings: Settings) -> JobStore:
    """Where uploads and reports are kept.

    Raises:
        FatalError: The shared store cannot be used.
    """
    if settings.store_url is not None:
        return SharedStore(settings.data_dir / "work", settings.store_url)
    # Folders of the two engines apart: the in-process one sweeps away what it does not know.
    return JobStore(settings.data_dir / ("jobs" if settings.redis_url is None else "shared-jobs"))


def callbacks_of(settings: Settings) -> Callbacks | None:
    """What sends callbacks; None when no host may be called.

    Raises:
        FatalError: There is no secret to sign them with.
    """
    hosts = settings.hosts_to_call
    if not hosts:
        return None
    secret = load_signing_secret(settings.callback_secret_file, "SACLIP_CALLBACK_HOSTS")
    return Callbacks(Webhooks(hosts, secret), callback_body)


def _make_queue(
    settings: Settings,
    engine: LiveEngine,
    metrics: Metrics,
    callbacks: Callbacks | None,
    connection: RedisConnection | None,
    traces: "TracerProvider | None",
) -> JobQueue:
    if connection is not None:
        return RedisQueue(connection, make_store(settings), settings.max_queued_jobs, engine)
    return InProcessQueue(
        make_store(settings),
        traced(ClipAnalysis(engine, settings, metrics), traces),
        describe=describe,
        capacity=settings.max_queued_jobs,
        retention=timedelta(hours=settings.job_retention_hours),
        on_end=metrics.count_job,
        max_attempts=settings.max_job_attempts,
        callbacks=CallbackThread(callbacks) if callbacks else None,
    )
