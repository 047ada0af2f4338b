"""What the routes need of a job engine, and what an engine needs of the analysis."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from service.errors import ReportNotReady, WorkerKilled
from service.jobs.store import Job, JobOptions, JobStore, Status
from service.pipeline.report import Report

CLEAN_EVERY_S = 300.0

Progress = Callable[[float, str], None]
Describe = Callable[[Exception], dict[str, Any]]
"""The problem to keep with a job that failed."""


@dataclass(frozen=True, slots=True)
class JobRun:
    """One attempt at one job.

    Attributes:
        job: As it was when the attempt began.
        clip: The upload, a local file.
        folder: Local folder for what the analysis makes; what an earlier attempt kept is there.
        progress: Takes the share done in 0..1 and the stage.
        cancelled: Whether to stop: the job was cancelled, or goes to another worker.
        keep: Called when the folder holds a new checkpoint, to bring it where others find it.
    """

    job: Job
    clip: Path
    folder: Path
    progress: Progress
    cancelled: Callable[[], bool]
    keep: Callable[[], None]


Analyze = Callable[[JobRun], Report]


class JobQueue(Protocol):
    """What the routes need of any job engine."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def check_room(self) -> None: ...
    def open_upload(self) -> tuple[str, Path]: ...
    def drop_upload(self, job_id: str) -> None: ...
    def submit(self, job_id: str, name: str, options: JobOptions) -> Job: ...
    def get(self, job_id: str) -> Job: ...
    def jobs(self) -> Iterable[Job]: ...
    def report(self, job_id: str) -> bytes: ...
    def artefact(self, job_id: str, name: str) -> Path: ...
    def cancel(self, job_id: str) -> Job: ...
    def counts(self) -> dict[str, int]: ...
    def trouble(self) -> str | None: ...


def ended(job: Job, status: Status, error: dict[str, Any] | None = None) -> Job:
    """The job after its end; a callback, where one was asked for, is due."""
    changes: dict[str, Any] = {"progress": 100.0} if status == "completed" else {}
    if job.options.callback_url is not None:
        changes["callback"] = "pending"
    return job.model_copy(
        update={
            "status": status,
            "stage": status,
            "ended_at": datetime.now(UTC),
            "error": error,
            "revision": job.revision + 1,
            **changes,
        }
    )


def begun(job: Job, run: str | None = None) -> Job:
    """The job at the start of another attempt."""
    return job.model_copy(
        update={
            "status": "in_progress",
            "stage": "opening",
            "started_at": job.started_at or datetime.now(UTC),
            "attempts": job.attempts + 1,
            "run": run,
            "revision": job.revision + 1,
        }
    )


def handed_back(job: Job) -> Job:
    """The job as it waits for another worker; an orderly stop is no failed attempt."""
    return job.model_copy(
        update={
            "status": "queued",
            "stage": "queued",
            "attempts": max(0, job.attempts - 1),
            "run": None,
            "revision": job.revision + 1,
        }
    )


def killed(job: Job) -> WorkerKilled:
    """Why a job that was begun so often is not begun again."""
    return WorkerKilled(
        f"the worker was killed {job.attempts} times while it analysed this video; "
        "it is not tried again"
    )


def read_report(store: JobStore, job: Job) -> bytes:
    """The report of a completed job as JSON.

    Raises:
        ReportNotReady: The job has none, not yet or for good.
    """
    check_completed(job)
    return store.read_report(job.id)


def read_artefact(store: JobStore, job: Job, name: str) -> Path:
    """A file that the analysis left beside the report.

    Raises:
        ReportNotReady: The job has none, not yet or for good.
    """
    check_completed(job)
    try:
        return store.fetch(job.id, name)
    except FileNotFoundError:
        raise ReportNotReady("the job was finished without it") from None


def check_completed(job: Job) -> None:
    """Refuse to read what a job has not made.

    Raises:
        ReportNotReady: The job has no report, not yet or for good.
    """
    if job.status != "completed":
        detail = (job.error or {}).get("detail")
        raise ReportNotReady(f"the job is {job.status}" + (f": {detail}" if detail else ""))
