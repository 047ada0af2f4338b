"""The queue of video jobs: what the routes need of one, and the engine inside this process."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog

from service.errors import (
    AnalysisCancelled,
    JobNotFound,
    Overloaded,
    ReportNotReady,
    VideoNotDecodable,
)
from service.jobs.store import ENDED, STATUSES, Job, JobOptions, JobStore, Status
from service.pipeline.report import Report

log = structlog.get_logger()

CLEAN_EVERY_S = 300.0
STOP_PATIENCE_S = 10.0

Progress = Callable[[float, str], None]
Analyze = Callable[[Path, Path, Job, Progress, Callable[[], bool]], Report]


class JobQueue(Protocol):
    """What the routes need of any job engine."""

    def check_room(self) -> None: ...
    def open_upload(self) -> tuple[str, Path]: ...
    def drop_upload(self, job_id: str) -> None: ...
    def submit(self, job_id: str, name: str, options: JobOptions) -> Job: ...
    def get(self, job_id: str) -> Job: ...
    def jobs(self) -> Sequence[Job]: ...
    def report(self, job_id: str) -> bytes: ...
    def artefact(self, job_id: str, name: str) -> Path: ...
    def cancel(self, job_id: str) -> Job: ...
    def is_alive(self) -> bool: ...


class InProcessQueue:
    """One worker thread. Jobs live on the disk, so a restart takes unfinished ones up again.

    Args:
        store: Where jobs are kept.
        analyze: Makes the report of one upload.
        describe: The problem to keep with a job that failed.
        capacity: Jobs that may wait.
        retention: How long ended jobs are kept.
        on_end: Told of every job that ended.
    """

    def __init__(
        self,
        store: JobStore,
        analyze: Analyze,
        describe: Callable[[Exception], dict[str, Any]],
        capacity: int,
        retention: timedelta,
        on_end: Callable[[Job], None],
    ) -> None:
        self._store, self._analyze, self._describe = store, analyze, describe
        self._capacity, self._retention, self._on_end = capacity, retention, on_end
        self._jobs: dict[str, Job] = {}
        self._cancelled: set[str] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="video-jobs", daemon=True)

    def start(self) -> None:
        """Take unfinished jobs up again and begin to work."""
        for job in self._store.load():
            self._jobs[job.id] = job
            if job.status in ENDED:
                continue
            if self._store.upload_path(job.id).is_file():
                self._change(job.id, status="queued", stage="queued", progress=0.0)
                log.info("job_taken_up_again", job=job.id)
            else:
                lost = self._describe(VideoNotDecodable("its file was lost; send it again"))
                self._end(job.id, "failed", lost)
        self._thread.start()

    def stop(self) -> None:
        """Stop working; the running job goes back to the queue for the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(STOP_PATIENCE_S)

    def check_room(self) -> None:
        """Refuse before an upload is received.

        Raises:
            Overloaded: As many jobs wait as may.
        """
        waiting = self.counts()["queued"]
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
        """
        with self._changed:
            self.check_room()
            job = Job(id=job_id, name=name, options=options, created_at=datetime.now(UTC))
            self._store.save(job)
            self._jobs[job_id] = job
            self._changed.notify_all()
        return job

    def get(self, job_id: str) -> Job:
        """A job as it stands.

        Raises:
            JobNotFound: There is none of this id.
        """
        # Only ids made here are keys, so nothing a client sends becomes a path.
        with self._changed:
            if job_id not in self._jobs:
                raise JobNotFound("no job has this id; an ended one is deleted after some time")
            return self._jobs[job_id]

    def jobs(self) -> list[Job]:
        """All jobs, newest first."""
        with self._changed:
            return sorted(self._jobs.values(), key=lambda job: job.created_at, reverse=True)

    def report(self, job_id: str) -> bytes:
        """The report of a completed job as JSON.

        Raises:
            JobNotFound: There is no such job.
            ReportNotReady: The job has none, not yet or for good.
        """
        self._check_completed(job_id)
        return self._store.read_report(job_id)

    def artefact(self, job_id: str, name: str) -> Path:
        """A file that the analysis left beside the report.

        Raises:
            JobNotFound: There is no such job.
            ReportNotReady: The job has none, not yet or for good.
        """
        self._check_completed(job_id)
        try:
            return self._store.fetch(job_id, name)
        except FileNotFoundError:
            raise ReportNotReady("the job was finished without it") from None

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that waits or runs; one that has ended stays as it is.

        Raises:
            JobNotFound: There is no such job.
        """
        with self._changed:
            job = self.get(job_id)
            if job.status == "queued":
                self._end(job_id, "cancelled")
            elif job.status == "in_progress":
                self._cancelled.add(job_id)
            return self._jobs[job_id]

    def counts(self) -> dict[str, int]:
        """Number of jobs by status."""
        with self._changed:
            found = Counter(job.status for job in self._jobs.values())
        return {status: found[status] for status in STATUSES}

    def is_alive(self) -> bool:
        """Whether the worker works."""
        return self._thread.is_alive() and not self._stopping

    def _work(self) -> None:
        cleaned_at = float("-inf")
        while True:
            if time.monotonic() - cleaned_at > CLEAN_EVERY_S:
                self._forget_old_jobs()
                cleaned_at = time.monotonic()
            with self._changed:
                if self._stopping:
                    return
                waiting = [job for job in self._jobs.values() if job.status == "queued"]
                if not waiting:
                    self._changed.wait(CLEAN_EVERY_S)
                    continue
                next_id = min(waiting, key=lambda job: job.created_at).id
                self._change(
                    next_id, status="in_progress", stage="opening", started_at=datetime.now(UTC)
                )
            # Whatever happens to one job, even a full disk, the next one gets its turn.
            with contextlib.suppress(OSError):
                self._run(next_id)

    def _run(self, job_id: str) -> None:
        def progress(share: float, stage: str) -> None:
            # Ten times a second would wear the disk out; progress lives in memory only.
            with self._changed:
                job = self._jobs[job_id]
                percent = round(100 * min(max(share, 0.0), 1.0), 1)
                if (percent, stage) != (job.progress, job.stage):
                    changes = {"progress": percent, "stage": stage, "revision": job.revision + 1}
                    self._jobs[job_id] = job.model_copy(update=changes)

        def is_cancelled() -> bool:
            return self._stopping or job_id in self._cancelled

        with structlog.contextvars.bound_contextvars(job=job_id):
            try:
                path = self._store.upload_path(job_id)
                folder = self._store.scratch(job_id)
                report = self._analyze(path, folder, self.get(job_id), progress, is_cancelled)
                self._store.save_report(job_id, report)
                self._end(job_id, "completed")
            except AnalysisCancelled:
                if job_id in self._cancelled:
                    self._end(job_id, "cancelled")
                else:
                    self._change(job_id, status="queued", stage="queued", progress=0.0)
            except Exception as error:
                problem = self._describe(error)
                if problem.get("status", 500) >= 500:
                    log.exception("job_failed")
                self._end(job_id, "failed", problem)

    def _check_completed(self, job_id: str) -> None:
        job = self.get(job_id)
        if job.status != "completed":
            detail = (job.error or {}).get("detail")
            raise ReportNotReady(f"the job is {job.status}" + (f": {detail}" if detail else ""))

    def _end(self, job_id: str, status: Status, error: dict[str, Any] | None = None) -> None:
        changes = {"progress": 100.0} if status == "completed" else {}
        self._change(
            job_id, status=status, stage=status, ended_at=datetime.now(UTC), error=error, **changes
        )
        self._cancelled.discard(job_id)
        self._store.drop_upload(job_id)
        log.info("job_ended", job=job_id, status=status)
        self._on_end(self.get(job_id))

    def _change(self, job_id: str, **changes: Any) -> None:
        with self._changed:
            changes["revision"] = self._jobs[job_id].revision + 1
            self._jobs[job_id] = self._jobs[job_id].model_copy(update=changes)
            self._store.save(self._jobs[job_id])

    def _forget_old_jobs(self) -> None:
        limit = datetime.now(UTC) - self._retention
        for job in self.jobs():
            if job.ended_at is not None and job.ended_at < limit:
                with self._changed:
                    del self._jobs[job.id]
                self._store.remove(job.id)
