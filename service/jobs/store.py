"""Jobs on disk: one folder a job, so that a restart finds them again."""

import os
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import structlog
from pydantic import BaseModel, ValidationError

from service.errors import JobNotFound, ReportNotReady
from service.scoring.calibration import Mode
from service.pipeline.report import Report

log = structlog.get_logger()
Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
ENDED: tuple[Status, ...] = ("completed", "failed", "cancelled")
JOB_FILE, UPLOAD_FILE, REPORT_FILE = "job.json", "upload", "report.json"


class JobOptions(BaseModel, frozen=True):
    """What the caller asked for."""

    sample_fps: float
    top_k: int
    mode: Mode


class Job(BaseModel):
    """State of one video job."""

    id: str
    status: Status = "queued"
    progress: float = 0.0
    stage: str = "queued"
    name: str
    options: JobOptions
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: dict[str, Any] | None = None


class JobStore:
    """Folder of job folders; every write replaces a whole file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def create(self, upload: BinaryIO, name: str, options: JobOptions) -> Job:
        """Keep an upload and make a job of it; nothing of the given name reaches a path."""
        job = Job(
            id=uuid.uuid4().hex, name=Path(name).name[:200] or "video", options=options,
            created_at=datetime.now(UTC),
        )  # fmt: skip
        folder = self._folder / job.id
        folder.mkdir()
        try:
            with (folder / UPLOAD_FILE).open("wb") as file:
                shutil.copyfileobj(upload, file, 1024**2)
            self.save(job)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return job

    def save(self, job: Job) -> None:
        """Write the state of a job."""
        self._write(self._folder / job.id / JOB_FILE, job.model_dump_json(indent=2))

    def save_report(self, job_id: str, report: Report) -> None:
        """Write a report and let go of the upload."""
        self._write(self._folder / job_id / REPORT_FILE, report.model_dump_json())
        self.drop_upload(job_id)

    def drop_upload(self, job_id: str) -> None:
        """Delete the upload of a job that has ended."""
        self.upload_path(job_id).unlink(missing_ok=True)

    def upload_path(self, job_id: str) -> Path:
        """Where the upload of a job is."""
        return self._folder / job_id / UPLOAD_FILE

    def report(self, job_id: str) -> Report:
        """Read a report.

        Raises:
            ReportNotReady: When there is none.
        """
        path = self._folder / job_id / REPORT_FILE
        if not path.is_file():
            raise ReportNotReady(f"job {job_id} has no report")
        return Report.model_validate_json(path.read_text(encoding="utf-8"))

    def load(self) -> list[Job]:
        """All jobs on disk, oldest first; a folder that cannot be read is said and left alone."""
        jobs = []
        for path in self._folder.glob(f"*/{JOB_FILE}"):
            try:
                jobs.append(Job.model_validate_json(path.read_text(encoding="utf-8")))
            except (OSError, ValidationError) as error:
                log.warning("job_unreadable", folder=path.parent.name, error=type(error).__name__)
        return sorted(jobs, key=lambda job: job.created_at)

    def remove(self, job_id: str) -> None:
        """Forget a job and its files.

        Raises:
            JobNotFound: When there is none.
        """
        folder = self._folder / job_id
        if not folder.is_dir():
            raise JobNotFound(f"no job {job_id}")
        shutil.rmtree(folder)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)  # noqa: PTH105 - replaces atomically
