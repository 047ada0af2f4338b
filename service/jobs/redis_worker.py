"""A worker of the Redis engine: takes jobs, analyses them in a thread, writes down how it goes."""

import contextlib
import uuid
from collections.abc import Callable
from datetime import timedelta

import anyio
import anyio.lowlevel
import anyio.to_thread
import structlog
from anyio.abc import TaskStatus
from coredis.exceptions import RedisError

from knowledge.hierarchy import KnowledgeError
from service.errors import AnalysisCancelled, JobNotFound, QueueUnreachable
from service.jobs.callbacks import Callbacks
from service.jobs.queue import (
    Analyze,
    Describe,
    JobRun,
    begun,
    ended,
    handed_back,
    killed,
)
from service.jobs.redis_engine import ANALYZE, CALLBACK, callback_engine, enqueue, jobs_engine
from service.jobs.redis_house import CallbackTask, House
from service.jobs.redis_jobs import RedisJobs, open_jobs
from service.jobs.store import ENDED, Job, JobStore
from service.pipeline.engine import LiveEngine

log = structlog.get_logger()

LOOK_EVERY_S = 0.25  # a cancelled job must stop within a second
TWO_BEATS_S = 2.0
PATIENCE_S = 120.0  # for Redis that restarts, before the result of a job is given up


class _Attempt:
    """What the thread of an analysis and the event loop tell each other."""

    def __init__(self, job: Job, run: str) -> None:
        self.job, self.run = job, run
        self.progress, self.stage = job.progress, job.stage
        self.stop = False

    def told(self, share: float, stage: str) -> None:
        self.progress, self.stage = round(100 * min(max(share, 0.0), 1.0), 1), stage

    def shown_in(self, job: Job) -> Job | None:
        """The job with the latest progress; None when there is nothing new or it is not ours."""
        if not self.owns(job) or (job.progress, job.stage) == (self.progress, self.stage):
            return None
        changes = {"progress": self.progress, "stage": self.stage, "revision": job.revision + 1}
        return job.model_copy(update=changes)

    def owns(self, job: Job) -> bool:
        return job.status == "in_progress" and job.run == self.run


class RedisWorker:
    """Runs jobs until SIGTERM; then the running one goes back to the queue.

    Args:
        redis_url: Where jobs are.
        store: Where uploads and reports are.
        analyze: Makes the report of one upload.
        describe: The problem to keep with a job that failed.
        engine: Told when the hierarchy was replaced.
        retention: How long ended jobs are kept.
        max_attempts: A job that killed its worker so often fails.
        on_end: Told of every job that ended here.
        callbacks: Tells callers; None when that is switched off.
        on_beat: Told each time that Redis took this worker's sign of life.
    """

    def __init__(
        self,
        redis_url: str,
        store: JobStore,
        analyze: Analyze,
        describe: Describe,
        engine: LiveEngine,
        retention: timedelta,
        max_attempts: int,
        on_end: Callable[[Job], None],
        callbacks: Callbacks | None,
        on_beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._redis_url = redis_url
        self._store, self._analyze, self._describe = store, analyze, describe
        self._live, self._retention, self._max_attempts = engine, retention, max_attempts
        self._on_end, self._on_beat = on_end, on_beat
        self._engine = jobs_engine(redis_url)
        self._callback_engine = callback_engine(redis_url)
        self._engine.task(name=ANALYZE, max_tries=None, ttl=0, silent=True)(self._run)
        self._sender = CallbackTask(self._callback_engine, callbacks)

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT.

        Raises:
            RedisError: Redis went away; a new worker may be tried.
        """
        async with anyio.create_task_group() as group:

            async def work(*, task_status: TaskStatus[None]) -> None:
                await self._engine.run_async(task_status=task_status)
                group.cancel_scope.cancel()  # told to stop

            await group.start(self._callback_engine.run_async)
            await group.start(work)
            house = House(
                self._jobs,
                self._engine,
                self._callback_engine,
                self._store,
                self._live,
                self._retention,
                self._on_beat,
            )
            group.start_soon(house.keep)
            group.start_soon(house.beat)

    @property
    def _jobs(self) -> RedisJobs:
        return RedisJobs(self._engine.redis)  # type: ignore[arg-type]

    async def _run(self, job_id: str) -> None:
        attempt = await self._claim(job_id)
        if attempt is None:
            return
        log.info("job_begun", job=job_id, attempt=attempt.job.attempts)
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, attempt)
            try:
                outcome = await anyio.to_thread.run_sync(self._work, attempt)
            finally:
                group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await self._finish(attempt, outcome)
        # An orderly stop must end this task as cancelled, or streaq would take it for done.
        await anyio.lowlevel.checkpoint_if_cancelled()

    async def _claim(self, job_id: str) -> _Attempt | None:
        """The job for this worker; None when there is nothing to do."""
        run = uuid.uuid4().hex
        try:
            job = await self._jobs.get(job_id)
            if job.status == "in_progress" and await self._is_beating(job_id):
                return None  # its worker is well; the message was a repeated one
            claimed = await self._jobs.change(job_id, lambda job: self._begun(job, run))
        except JobNotFound:
            return None
        if claimed is None:
            return None
        if claimed.status in ENDED:
            await self._after_end(claimed)
            return None
        return _Attempt(claimed, run)

    def _begun(self, job: Job, run: str) -> Job | None:
        if job.status in ENDED:
            return None
        if job.status == "in_progress" and job.attempts >= self._max_attempts:
            return ended(job, "failed", self._describe(killed(job)))
        return begun(job, run)

    async def _is_beating(self, job_id: str) -> bool:
        before = await self._jobs.last_beat(job_id)
        if before is None:
            return False
        await anyio.sleep(TWO_BEATS_S)
        return await self._jobs.last_beat(job_id) not in (before, None)

    async def _watch(self, attempt: _Attempt) -> None:
        """Beat, show progress, and see whether the job was cancelled or taken away."""
        count = 0
        try:
            while True:
                count += 1
                try:
                    await self._jobs.beat(attempt.job.id, attempt.run, count)
                    await self._jobs.change(attempt.job.id, attempt.shown_in)
                    if not attempt.owns(await self._jobs.get(attempt.job.id)):
                        attempt.stop = True
                except JobNotFound:
                    attempt.stop = True
                except (RedisError, OSError) as error:
                    log.warning("redis_unreachable", error=type(error).__name__)
                await anyio.sleep(LOOK_EVERY_S)
        finally:
            attempt.stop = True  # also when the worker is told to stop

    def _work(self, attempt: _Attempt) -> Exception | None:
        """In a thread: the analysis and the storing; the error instead of raising it."""
        job, store = attempt.job, self._store
        with structlog.contextvars.bound_contextvars(job=job.id):
            try:
                # A job that was sent after a change of the hierarchy must see it.
                with contextlib.suppress(QueueUnreachable, KnowledgeError):
                    self._live.refresh()
                report = self._analyze(
                    JobRun(
                        job=job,
                        clip=store.take_upload(job.id),
                        folder=store.scratch(job.id),
                        progress=attempt.told,
                        cancelled=lambda: attempt.stop,
                        keep=lambda: store.keep(job.id),
                    )
                )
                store.publish(job.id)
                store.save_report(job.id, report)
            except Exception as error:
                return error
        return None

    async def _finish(self, attempt: _Attempt, outcome: Exception | None) -> None:
        def finished(job: Job) -> Job | None:
            if not attempt.owns(job):
                return None  # cancelled, or another worker has it
            if isinstance(outcome, AnalysisCancelled):
                return handed_back(job)
            if outcome is None:
                return ended(job, "completed")
            return ended(job, "failed", self._describe(outcome))

        job_id = attempt.job.id
        if outcome is not None and self._describe(outcome).get("status", 500) >= 500:
            log.error("job_failed", job=job_id, exc_info=outcome)
        changed = await self._changed_at_last(job_id, finished)
        if changed is not None and changed.status in ENDED:
            await self._after_end(changed)
        elif changed is None:
            await self._clear(job_id)

    async def _changed_at_last(
        self, job_id: str, change: Callable[[Job], Job | None]
    ) -> Job | None:
        """Write the outcome, also when Redis is being restarted at this moment."""
        deadline = anyio.current_time() + PATIENCE_S
        while True:
            try:
                # The engine's own client may be beyond repair: its pool ends with its connection.
                async with open_jobs(self._redis_url) as jobs:
                    return await jobs.change(job_id, change)
            except JobNotFound:
                return None
            except (RedisError, OSError):
                if anyio.current_time() > deadline:
                    raise
                await anyio.sleep(LOOK_EVERY_S)

    async def _after_end(self, job: Job) -> None:
        log.info("job_ended", job=job.id, status=job.status)
        self._on_end(job)
        await self._drop(job.id)
        if job.callback == "pending":  # should this fail, the house of a worker does it
            await enqueue(self._callback_engine, CALLBACK, job.id)

    async def _clear(self, job_id: str) -> None:
        """Drop what a job that has ended left; one that another worker has is left alone."""
        try:
            async with open_jobs(self._redis_url) as jobs:
                job = await jobs.get(job_id)
        except JobNotFound:
            await anyio.to_thread.run_sync(self._store.remove, job_id)
            return
        if job.status in ENDED:
            await self._drop(job_id)

    async def _drop(self, job_id: str) -> None:
        await anyio.to_thread.run_sync(self._store.drop_upload, job_id)
        await anyio.to_thread.run_sync(self._store.release, job_id)
