"""``saclip worker``: analyse the jobs of a Redis queue, on this machine or any other."""

import time
from datetime import timedelta

import anyio
import structlog
from coredis.exceptions import RedisError

from service.api.guards import free_bytes
from service.app import (
    callbacks_of,
    describe,
    load_live_engine,
    make_folder,
    make_metrics,
    make_store,
)
from service.errors import FatalError
from service.jobs.analysis import ClipAnalysis
from service.jobs.redis_jobs import WORKER_LIFE_S
from service.jobs.redis_queue import RedisConnection
from service.jobs.redis_worker import RedisWorker
from service.observe.collectors import Pulse
from service.observe.exporter import serve_metrics
from service.observe.logs import set_up_logs
from service.observe.traces import make_traces, traced
from service.settings import Settings

log = structlog.get_logger()

TRY_AGAIN_S = 1.0


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or Ctrl-C; the running job then goes to another worker.

    Raises:
        FatalError: In one line, when the models or Redis cannot be used.
    """
    set_up_logs(settings.log_format)
    if settings.redis_url is None:
        raise FatalError("a worker needs SACLIP_REDIS_URL; without it `saclip serve` does the jobs")
    make_folder(settings.data_dir)
    connection = RedisConnection(settings.redis_url)
    try:
        engine = load_live_engine(settings, connection)
        metrics, pulse = make_metrics(engine), Pulse(WORKER_LIFE_S)
        metrics.watch_worker(pulse.is_felt)
        metrics.watch_disk(lambda: free_bytes(settings.data_dir), settings.min_free_bytes)
        if settings.metrics_port:
            serve_metrics(metrics, settings.host, settings.metrics_port)
        traces = make_traces(settings.otel_endpoint, "worker")
        analysis = traced(ClipAnalysis(engine, settings, metrics), traces)
        store = make_store(settings)
        while True:
            worker = RedisWorker(
                settings.redis_url,
                store,
                analysis,
                describe=describe,
                engine=engine,
                retention=timedelta(hours=settings.job_retention_hours),
                max_attempts=settings.max_job_attempts,
                on_end=metrics.count_job,
                callbacks=callbacks_of(settings),
                on_beat=pulse.beat,
            )
            log.info("worker_started")
            if _worked(worker):
                log.info("worker_stopped")
                return
            time.sleep(TRY_AGAIN_S)
    finally:
        connection.close()


def _worked(worker: RedisWorker) -> bool:
    """Whether it stopped because it was told to; False when Redis went away."""
    is_lost = False
    try:
        anyio.run(worker.run)
    except* (RedisError, OSError) as errors:
        log.warning("redis_lost", error=repr(errors.exceptions[0])[:200])
        is_lost = True
    return not is_lost
