"""The job queue of an API process when jobs live in Redis and workers run elsewhere."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import anyio
import structlog
from anyio.from_thread import BlockingPortal, start_blocking_portal
from coredis.exceptions import RedisError, ResponseError

from service.errors import (
    FatalError,
    JobNotFound,
    KnowledgeChanged,
    Overloaded,
    QueueUnreachable,
)
from service.jobs.queue import CLEAN_EVERY_S, ended, read_artefact, read_report
from service.jobs.redis_engine import ANALYZE, CALLBACK, callback_engine, enqueue, jobs_engine
from service.jobs.redis_jobs import RedisJobs
from service.jobs.store import ENDED, STATUSES, STRAY_S, Job, JobOptions, JobStore
from service.pipeline.engine import LiveEngine

T = TypeVar("T")
log = structlog.get_logger()

LOOK_EVERY_S = 1.0
PATIENCE_S = 5.0  # Redis that restarts is back within; a request may wait so long
RETRY_S = 0.2
PAGE_JOBS = 500  # read at once; many more would hold Redis up for others
SILENCE_S = 5.0  # of Redis, before the service says that it is not ready


class RedisConnection:
    """Redis for threads: its client lives in an event loop of its own.

    Raises:
        FatalError: Redis cannot be reached at the start.
    """

    def __init__(self, redis_url: str) -> None:
        self._stack = ExitStack()
        try:
            self._portal: BlockingPortal = self._stack.enter_context(start_blocking_portal())
            engines = jobs_engine(redis_url), callback_engine(redis_url)
            self.jobs_engine, self.callback_engine = (
                self._stack.enter_context(self._portal.wrap_async_context_manager(engine))
                for engine in engines
            )
        except Exception as error:
            self._stack.close()
            raise FatalError(f"SACLIP_REDIS_URL: Redis cannot be used ({_first(error)})") from error
        self.jobs = RedisJobs(self.jobs_engine.redis)  # type: ignore[arg-type]

    def call(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Run a coroutine function there.

        Raises:
            QueueUnreachable: Redis does not answer for some seconds.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer: T = self._portal.call(_bounded, function, *arguments)
                return answer
            except (RedisError, OSError) as error:
                if time.monotonic() > deadline:
                    raise QueueUnreachable(_why(error)) from error
                time.sleep(RETRY_S)

    def close(self) -> None:
        self._stack.close()


class RedisKnowledge:
    """The hierarchy in service, one for all processes."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    def kept(self) -> bytes | None:
        """The text in service; None when it was never replaced."""
        text = self._connection.call(self._connection.jobs.knowledge)
        return None if text is None else text.encode()

    def keep(self, text: bytes, sha256: str, present: str) -> None:
        """Put it in service everywhere.

        Raises:
            KnowledgeChanged: Another process was faster.
        """
        jobs = self._connection.jobs
        if not self._connection.call(jobs.swap_knowledge, text.decode(), sha256, present):
            raise KnowledgeChanged("another change of the hierarchy was faster")

    def newer_than(self, sha256: str) -> bytes | None:
        """The text in service when it is another one; None when it is not."""
        jobs = self._connection.jobs
        known = self._connection.call(jobs.knowledge_sha256)
        if known in (None, sha256):
            return None
        return self.kept()


class RedisQueue:
    """Hands jobs to workers and tells what became of them.

    Args:
        connection: Open until ``stop``.
        store: Where uploads and reports are, for API and workers.
        capacity: Jobs that may wait.
        engine: Told when another process replaced the hierarchy.
    """

    def __init__(
        self, connection: RedisConnection, store: JobStore, capacity: int, engine: LiveEngine
    ) -> None:
        self._connection, self._store, self._capacity = connection, store, capacity
        self._engine = engine
        self._counts = dict.fromkeys(map(str, STATUSES), 0)
        self._heard_at = time.monotonic()
        self._has_worker = False  # until somebody has looked
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="redis", daemon=True)

    def start(self) -> None:
        """Begin to follow what other processes change."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect; jobs go on without this process."""
        self._stopping.set()
        self._thread.join()
        self._connection.close()

    def check_room(self) -> None:
        """Refuse before an upload is received.

        Raises:
            Overloaded: As many jobs wait as may.
            QueueUnreachable: Redis does not answer.
        """
        waiting = self._call(self._connection.jobs.counts)["queued"]
        if waiting >= self._capacity:
            raise Overloaded(f"{waiting} jobs wait, which is the limit")

    def open_upload(self) -> tuple[str, Path]:
        """A new job id and the file to write its upload to."""
        return self._store.open_upload()

    def drop_upload(self, job_id: str) -> None:
        """Forget an upload that will not become a job."""
        self._store.remove(job_id)

    def submit(self, job_id: str, name: str, options: JobOptions) -> Job:
        """Queue the upload of ``open_upload``.

        Raises:
            Overloaded: As many jobs wait as may.
            QueueUnreachable: Redis does not answer.
        """
        self.check_room()
        self._store.publish_upload(job_id)
        job = Job(id=job_id, name=name, options=options, created_at=datetime.now(UTC))
        self._call(self._connection.jobs.create, job)
        # Should this process die here, a worker finds the job that nobody enqueued.
        self._call(enqueue, self._connection.jobs_engine, ANALYZE, job_id)
        return job

    def get(self, job_id: str) -> Job:
        """A job as it stands.

        Raises:
            JobNotFound: There is none of this id.
            QueueUnreachable: Redis does not answer.
        """
        return self._call(self._connection.jobs.get, job_id)

    def jobs(self) -> Iterator[Job]:
        """All jobs, newest first, read as they are asked for."""
        seen: set[str] = set()  # a job that is made meanwhile moves the others by one
        for start in count(0, PAGE_JOBS):
            page = self._call(self._connection.jobs.page, start, PAGE_JOBS)
            yield from (job for job in page if job.id not in seen)
            seen.update(job.id for job in page)
            if len(page) < PAGE_JOBS:
                return

    def report(self, job_id: str) -> bytes:
        """The report of a completed job as JSON.

        Raises:
            JobNotFound: There is no such job.
            ReportNotReady: The job has none, not yet or for good.
        """
        return read_report(self._store, self.get(job_id))

    def artefact(self, job_id: str, name: str) -> Path:
        """A file that the analysis left beside the report.

        Raises:
            JobNotFound: There is no such job.
            ReportNotReady: The job has none, not yet or for good.
        """
        return read_artefact(self._store, self.get(job_id), name)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that waits or runs; its worker sees it within a second.

        Raises:
            JobNotFound: There is no such job.
        """

        def cancelled(job: Job) -> Job | None:
            return None if job.status in ENDED else ended(job, "cancelled")

        job = self._call(self._connection.jobs.change, job_id, cancelled)
        if job is None:
            return self.get(job_id)
        if job.callback == "pending":
            self._call(enqueue, self._connection.callback_engine, CALLBACK, job_id)
        self._store.drop_upload(job_id)
        return job

    def counts(self) -> dict[str, int]:
        """Number of jobs by status, at most a second or two old."""
        return dict(self._counts)

    def trouble(self) -> str | None:
        """Why no job is worked on, in a few words; None when all is well."""
        silent_s = time.monotonic() - self._heard_at
        if silent_s > SILENCE_S:
            return f"Redis has not answered for {silent_s:.0f} s"
        return None if self._has_worker else "no worker of video jobs beats"

    def _call(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        return self._connection.call(function, *arguments)

    def _look(self) -> None:
        swept_at = float("-inf")
        while True:
            try:
                self._counts = self._call(self._connection.jobs.counts)
                self._has_worker = self._call(self._connection.jobs.has_worker)
                self._heard_at = time.monotonic()
                self._engine.refresh()
                if time.monotonic() - swept_at > CLEAN_EVERY_S:
                    self._sweep()
                    swept_at = time.monotonic()
            except QueueUnreachable:
                pass  # `trouble` tells
            except Exception:
                log.exception("redis_look_failed")
            if self._stopping.wait(LOOK_EVERY_S):
                return

    def _sweep(self) -> None:
        """Local rests: uploads of a process that was killed, copies of films that were shown."""
        for job_id in self._store.strays(STRAY_S):
            try:
                job = self.get(job_id)
            except JobNotFound:
                self._store.remove(job_id)
                continue
            if job.status in ENDED:
                self._store.forget_local(job_id)


async def _bounded(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """A Redis that hangs is as good as gone; its client would wait for ever."""
    with anyio.fail_after(PATIENCE_S):
        return await function(*arguments)


def _why(error: Exception) -> str:
    """A Redis that is full answers, and only refuses."""
    if isinstance(error, ResponseError):
        return f"Redis refuses: {str(error).partition(' script:')[0]}"
    return "Redis does not answer"


def _first(error: BaseException) -> str:
    """The innermost cause in one line; task groups wrap what went wrong."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".splitlines()[0]
