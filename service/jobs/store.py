"""Jobs on the disk: one folder each with its state, its upload and what came out of it.

A folder without a state file is an upload that never became a job; it is swept away at start.
"""

import contextlib
import os
import shutil
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import BaseModel, ValidationError

from service.pipeline.checkpoint import CHECKPOINT_FILE
from service.pipeline.details import DETAILS_FILE
from service.pipeline.film import FILM_FILE
from service.pipeline.report import Report
from service.scoring.calibration import Mode

log = structlog.get_logger()

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("queued", "in_progress", "completed", "failed", "cancelled")
ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})

JOB_FILE, REPORT_FILE = "job.json", "report.json"
UPLOAD_FILE = "video"  # messages about the file name it so
PINNED_FILE, SCORED_FILE = "knowledge.yaml", "scored.json"
KEPT_FILES = (PINNED_FILE, DETAILS_FILE, CHECKPOINT_FILE, SCORED_FILE)
"""What another attempt goes on from; the checkpoint after the details it vouches for."""

STRAY_S = 3600.0
"""A folder in which nothing was written for so long is not being worked in."""

ARTEFACTS = (DETAILS_FILE, FILM_FILE)


class JobOptions(BaseModel, frozen=True):
    """What the caller asked for, and who it was."""

    sample_fps: float
    top_k: int
    mode: Mode
    film: bool = True
    owner: str = ""
    """Name of the key that sent it; empty while keys were switched off."""
    callback_url: str | None = None


class Job(BaseModel, frozen=True):
    """State of one video job; a change makes a new one."""

    id: str
    name: str
    options: JobOptions
    created_at: datetime
    status: Status = "queued"
    progress: float = 0.0
    stage: str = "queued"
    revision: int = 0
    """Grows with every change; the id of the event that tells of it."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: dict[str, Any] | None = None
    """The problem that ended a failed job, as the API shows it."""

    attempts: int = 0
    """Attempts that began and were not handed back in order."""

    run: str | None = None
    """The attempt that may change the job; another worker may still believe it has it."""

    callback: Literal["pending", "delivered", "failed"] | None = None


class JobStore:
    """Folder of job folders; a write replaces a whole file or nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def open_upload(self) -> tuple[str, Path]:
        """A new job id and the file that its upload goes to."""
        job_id = str(uuid.uuid4())
        (self._folder / job_id).mkdir()
        return job_id, self._folder / job_id / UPLOAD_FILE

    def publish_upload(self, job_id: str) -> None:
        """Bring a received upload where the workers find it; here it is there already."""

    def has_upload(self, job_id: str) -> bool:
        return (self._folder / job_id / UPLOAD_FILE).is_file()

    def take_upload(self, job_id: str) -> Path:
        """The upload as a local file, and what an earlier attempt kept in ``scratch``.

        Raises:
            FileNotFoundError: There is no upload of this job.
        """
        path = self._folder / job_id / UPLOAD_FILE
        if not path.is_file():
            raise FileNotFoundError(path)
        return path

    def save(self, job: Job) -> None:
        self._write(self._folder / job.id / JOB_FILE, job.model_dump_json(indent=2))

    def save_report(self, job_id: str, report: Report) -> None:
        self._write(self._folder / job_id / REPORT_FILE, report.model_dump_json(by_alias=True))

    def read_report(self, job_id: str) -> bytes:
        """The report as JSON text; it was checked when it was written."""
        return (self._folder / job_id / REPORT_FILE).read_bytes()

    def scratch(self, job_id: str) -> Path:
        """A local folder in which the running job may leave files."""
        return self._folder / job_id

    def keep(self, job_id: str) -> None:
        """Bring the checkpoint in ``scratch`` where another worker finds it; here it is."""

    def publish(self, job_id: str) -> None:
        """Make what the job left in ``scratch`` available to ``fetch``; here it is."""

    def fetch(self, job_id: str, name: str) -> Path:
        """A local file with what was published.

        Raises:
            FileNotFoundError: Nothing was, under this name.
        """
        path = self._folder / job_id / name
        if name not in ARTEFACTS or not path.is_file():
            raise FileNotFoundError(name)
        return path

    def release(self, job_id: str) -> None:
        """Drop what only further attempts would have needed."""
        for name in (*KEPT_FILES, UPLOAD_FILE):
            if name not in ARTEFACTS:
                (self._folder / job_id / name).unlink(missing_ok=True)
        for partial in (self._folder / job_id).glob("*.partial"):
            partial.unlink(missing_ok=True)

    def drop_upload(self, job_id: str) -> None:
        """Give the room of an upload back once its job has ended."""
        with contextlib.suppress(FileNotFoundError):
            (self._folder / job_id / UPLOAD_FILE).unlink()

    def remove(self, job_id: str) -> None:
        """Forget a job, or an upload that did not become one."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def strays(self, silent_s: float) -> list[str]:
        """Ids of local folders in which nothing was written for so long."""
        limit = time.time() - silent_s
        return [
            folder.name
            for folder in self._folder.iterdir()
            if max((p.stat().st_mtime for p in (folder, *folder.iterdir())), default=0) < limit
        ]

    def forget_local(self, job_id: str) -> None:
        """Give the local room of a job back where the store is elsewhere; here it is not."""

    def load(self) -> list[Job]:
        """All jobs on the disk, oldest first; one that cannot be read is said and left alone."""
        jobs = []
        for folder in self._folder.iterdir():
            path = folder / JOB_FILE
            if not path.is_file():
                shutil.rmtree(folder, ignore_errors=True)
                continue
            try:
                jobs.append(Job.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError) as error:
                log.warning("job_unreadable", folder=folder.name, error=type(error).__name__)
        return sorted(jobs, key=lambda job: job.created_at)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        partial = path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
