"""What a worker does beside its jobs: callbacks, jobs that nobody has, jobs that are too old."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
import structlog
from coredis.exceptions import RedisError
from streaq import StreaqRetry, Worker

from service.errors import JobNotFound, QueueUnreachable
from service.jobs.callbacks import Callbacks
from service.jobs.queue import CLEAN_EVERY_S
from service.jobs.redis_engine import ANALYZE, CALLBACK, enqueue
from service.jobs.redis_jobs import RedisJobs
from service.jobs.store import STRAY_S, Job, JobStore
from service.pipeline.engine import LiveEngine
from service.webhooks import WebhookFailed

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
REPAIR_EVERY_S = 10.0
BEAT_EVERY_S = 2.0


class House:
    """Keeps the queue in order; every worker does, and doing it twice does no harm."""

    def __init__(
        self,
        jobs: RedisJobs,
        engine: "Worker[None]",
        callback_engine: "Worker[None]",
        store: JobStore,
        live: LiveEngine,
        retention: timedelta,
        on_beat: Callable[[], None],
    ) -> None:
        self._jobs, self._engine, self._store = jobs, engine, store
        self._callback_engine = callback_engine
        self._live, self._retention = live, retention
        self._on_beat = on_beat

    async def keep(self) -> None:
        """Follow the hierarchy, find jobs that nobody has, forget old ones; never returns."""
        repaired = cleaned = float("-inf")
        while True:
            try:
                await anyio.to_thread.run_sync(self._live.refresh, abandon_on_cancel=True)
                if anyio.current_time() - repaired > REPAIR_EVERY_S:
                    await self._repair()
                    repaired = anyio.current_time()
                if anyio.current_time() - cleaned > CLEAN_EVERY_S:
                    await self._forget_old_jobs()
                    cleaned = anyio.current_time()
            except (RedisError, OSError, QueueUnreachable) as error:
                log.warning("redis_unreachable", error=type(error).__name__)
            except Exception:  # a store that is away, a hierarchy of newer code: jobs go on
                log.exception("house_failed")
            await anyio.sleep(LOOK_EVERY_S)

    async def beat(self) -> None:
        """Tell Redis and this process's metrics that a worker is here; never returns."""
        while True:
            try:
                await self._jobs.worker_beat()
                self._on_beat()
            except (RedisError, OSError) as error:
                log.warning("redis_unreachable", error=type(error).__name__)
            await anyio.sleep(BEAT_EVERY_S)

    async def _repair(self) -> None:
        """Enqueue what a process died before it could, or whose message was lost."""
        for job in await self._jobs.of_status("queued", "in_progress"):
            if job.status == "queued" or await self._jobs.last_beat(job.id) is None:
                await enqueue(self._engine, ANALYZE, job.id)  # nothing when it waits already
        for job_id in await self._jobs.untold():
            await enqueue(self._callback_engine, CALLBACK, job_id)

    async def _forget_old_jobs(self) -> None:
        limit = datetime.now(UTC) - self._retention
        for job in await self._jobs.of_status("completed", "failed", "cancelled"):
            if job.ended_at is not None and job.ended_at < limit:
                await self._jobs.forget(job.id)
                await anyio.to_thread.run_sync(self._store.remove, job.id)
        # An upload whose API process was killed is nobody's.
        for job_id in await anyio.to_thread.run_sync(self._store.strays, STRAY_S):
            if not await self._jobs.is_known(job_id):
                await anyio.to_thread.run_sync(self._store.remove, job_id)


class CallbackTask:
    """Sends callbacks; the engine repeats those that nobody took."""

    def __init__(self, engine: "Worker[None]", callbacks: Callbacks | None) -> None:
        self._engine, self._callbacks = engine, callbacks
        self._task = engine.task(name=CALLBACK, max_tries=None, ttl=0, silent=True)(self.run)

    async def run(self, job_id: str) -> None:
        """One try of one callback.

        Raises:
            StreaqRetry: Try again later.
        """
        if self._callbacks is None:
            log.error("callback_without_secret", job=job_id)
            return
        jobs = RedisJobs(self._engine.redis)  # type: ignore[arg-type]
        try:
            job = await jobs.get(job_id)
            await anyio.to_thread.run_sync(self._callbacks.send, job)
        except JobNotFound:
            return
        except Exception as error:
            tries = self._task.context.tries
            log.warning("webhook_failed", job=job_id, tries=tries, error=str(error))
            delays_s = self._callbacks.delays_s
            if isinstance(error, WebhookFailed) and tries <= len(delays_s):
                raise StreaqRetry(delay=timedelta(seconds=delays_s[tries - 1])) from None
            await jobs.change(job_id, lambda job: _noted(job, "failed"))
            return
        log.info("webhook_delivered", job=job_id)
        await jobs.change(job_id, lambda job: _noted(job, "delivered"))


def _noted(job: Job, outcome: str) -> Job:
    changes: dict[str, Any] = {"callback": outcome, "revision": job.revision + 1}
    return job.model_copy(update=changes)
