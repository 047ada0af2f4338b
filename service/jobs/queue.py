"""The queue of video jobs: a protocol, and the engine that runs them in this process."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import structlog

from service.errors import AnalysisCancelled, JobNotFound, Overloaded, ReportNotReady, ServiceError
from service.jobs.store import ENDED, Job, JobOptions, JobStore, Status
from service.pipeline.report import Report

log = structlog.get_logger()
CLEAN_EVERY_S = 300.0

Progress = Callable[[float, str], None]
Analyze = Callable[[Path, str, JobOptions, Progress, Callable[[], bool]], Report]
Ended = Callable[[Job], None]
Describe = Callable[[ServiceError], dict[str, Any]]


class JobQueue(Protocol):
    """What the routes need of any job engine."""

    def submit(self, upload: BinaryIO, name: str, options: JobOptions) -> Job: ...
    def get(self, job_id: str) -> Job: ...
    def list(self) -> list[Job]: ...
    def wait(self, job_id: str, seconds: float) -> Job: ...
    def report(self, job_id: str) -> Report: ...
    def delete(self, job_id: str) -> None: ...
    def counts(self) -> dict[str, int]: ...
    def is_alive(self) -> bool: ...


class InProcessQueue:
    """One worker thread; jobs live on disk, so a restart takes unfinished ones up again.

    Args:
        store: Where jobs are kept.
        analyze: Runs one upload to its report.
        describe: Turns an error into the problem kept with the job.
        limit: Jobs that may wait.
        retention_h: Hours that ended jobs are kept.
        on_end: Told of every job that ended.
    """

    def __init__(
        self,
        store: JobStore,
        analyze: Analyze,
        describe: Describe,
        limit: int,
        retention_h: float,
        on_end: Ended,
    ) -> None:
        self._store, self._analyze, self._describe = store, analyze, describe
        self._limit, self._retention, self._on_end = limit, timedelta(hours=retention_h), on_end
        self._changed = threading.Condition()
        self._jobs = {job.id: job for job in store.load()}
        self._cancelled: set[str] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="video-worker", daemon=True)

    def start(self) -> None:
        """Take unfinished jobs up again and begin to work."""
        for job in self._jobs.values():
            if job.status == "in_progress":
                self._update(job, status="queued", stage="queued", progress=0.0)
                log.info("job_taken_up_again", job=job.id)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop working; the job that runs goes back to the queue."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def submit(self, upload: BinaryIO, name: str, options: JobOptions) -> Job:
        """Keep an upload and queue it.

        Raises:
            Overloaded: When as many jobs wait as may.
        """
        waiting = self.counts().get("queued", 0)
        if waiting >= self._limit:
            raise Overloaded(f"{waiting} jobs are waiting, at most {self._limit}")
        job = self._store.create(upload, name, options)
        with self._changed:
            self._jobs[job.id] = job
            self._changed.notify_all()
        return job

    def get(self, job_id: str) -> Job:
        """A job as it stands.

        Raises:
            JobNotFound: When there is none of this id.
        """
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None:
                raise JobNotFound(f"no job {job_id}")
            return job.model_copy()

    def list(self) -> list[Job]:
        """All jobs, newest first."""
        with self._changed:
            jobs = [job.model_copy() for job in self._jobs.values()]
        return sorted(jobs, key=lambda job: job.created_at, reverse=True)

    def wait(self, job_id: str, seconds: float) -> Job:
        """Wait at most so long for a job to end."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while (left := deadline - time.monotonic()) > 0:
                job = self._jobs.get(job_id)
                if job is None or job.status in ENDED:
                    break
                self._changed.wait(left)
        return self.get(job_id)

    def report(self, job_id: str) -> Report:
        """The report of a completed job.

        Raises:
            JobNotFound: When there is no such job.
            ReportNotReady: When it is not completed.
        """
        job = self.get(job_id)
        if job.status != "completed":
            raise ReportNotReady(f"job {job_id} is {job.status}")
        return self._store.report(job_id)

    def delete(self, job_id: str) -> None:
        """Cancel a job that waits or runs; forget one that has ended."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None:
                raise JobNotFound(f"no job {job_id}")
            if job.status == "in_progress":
                self._cancelled.add(job_id)
                return
            if job.status == "queued":
                self._end(job, "cancelled")
                return
            del self._jobs[job_id]
        self._store.remove(job_id)

    def counts(self) -> dict[str, int]:
        """Jobs by status, those that wait or run always named."""
        with self._changed:
            found = Counter(job.status for job in self._jobs.values())
        return {"queued": found["queued"], "in_progress": found["in_progress"]}

    def is_alive(self) -> bool:
        """Whether the worker works."""
        return self._thread.is_alive() and not self._stopping

    def _run(self) -> None:
        cleaned = 0.0
        while True:
            if time.monotonic() - cleaned > CLEAN_EVERY_S:
                self._clean()
                cleaned = time.monotonic()
            with self._changed:
                waiting = [job for job in self._jobs.values() if job.status == "queued"]
                if self._stopping:
                    return
                if not waiting:
                    self._changed.wait(CLEAN_EVERY_S)
                    continue
                job = min(waiting, key=lambda job: job.created_at)
                self._update(job, status="in_progress", stage="starting", started_at=_now())
            self._work(job)

    def _work(self, job: Job) -> None:
        def progress(share: float, stage: str) -> None:
            job.progress, job.stage = round(100 * share, 1), stage

        def cancelled() -> bool:
            return self._stopping or job.id in self._cancelled

        try:
            path = self._store.upload_path(job.id)
            report = self._analyze(path, job.name, job.options, progress, cancelled)
            self._store.save_report(job.id, report)
            self._end(job, "completed")
        except AnalysisCancelled:
            if self._stopping and job.id not in self._cancelled:
                self._update(job, status="queued", stage="queued", progress=0.0)
            else:
                self._end(job, "cancelled")
        except ServiceError as error:
            self._end(job, "failed", self._describe(error))
        except Exception as error:
            # A job that breaks the analysis must not break the worker.
            log.error("job_failed", job=job.id, exc_info=error)
            problem = {"title": "The analysis failed.", "status": 500, "detail": type(error).__name__}
            self._end(job, "failed", problem)

    def _end(self, job: Job, status: Status, error: dict[str, Any] | None = None) -> None:
        done = {"progress": 100.0} if status == "completed" else {}
        self._store.drop_upload(job.id)
        self._update(job, status=status, stage=status, ended_at=_now(), error=error, **done)
        self._cancelled.discard(job.id)
        log.info("job_ended", job=job.id, status=status)
        self._on_end(job)

    def _update(self, job: Job, **changes: Any) -> None:
        with self._changed:
            for name, value in changes.items():
                setattr(job, name, value)
            self._store.save(job)
            self._changed.notify_all()

    def _clean(self) -> None:
        """Forget jobs that ended long ago."""
        for job in self.list():
            if job.ended_at and _now() - job.ended_at > self._retention:
                self.delete(job.id)
                log.info("job_forgotten", job=job.id)


def _now() -> datetime:
    return datetime.now(UTC)
