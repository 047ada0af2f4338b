"""Bodies of answers, as OpenAPI shows them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from service.api.problems import Problem
from service.jobs.store import Job, Status
from service.pipeline.frame_score import FrameScore
from service.pipeline.report import ModelRow


class FramesAnswer(BaseModel):
    """One result per picture, in the order they were sent, and what made them."""

    model: ModelRow
    results: list[FrameScore]


class JobAnswer(BaseModel):
    """A video job."""

    id: str
    object: Literal["job"] = "job"
    status: Status
    progress: float = Field(ge=0, le=100, description="Percent.")
    stage: str
    name: str = Field(description="File name as sent.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: Problem | None = Field(description="Why a failed job failed.")
    report_url: str | None = Field(description="Where the report of a completed job is.")


class JobList(BaseModel):
    """Jobs that are kept, newest first."""

    object: Literal["list"] = "list"
    jobs: list[JobAnswer]


class Readiness(BaseModel):
    """Whether requests should be sent here, and if not, why."""

    ready: bool
    reasons: list[str]


class KnowledgeAccepted(BaseModel):
    """The hierarchy now in service."""

    sha256: str
    leaves: int
    descriptions: int


def job_answer(job: Job) -> JobAnswer:
    """A job as the API shows it; the caller's options and the disk stay out of it."""
    return JobAnswer(
        **job.model_dump(exclude={"options", "error"}),
        error=Problem.model_validate(job.error) if job.error else None,
        report_url=f"/jobs/{job.id}/report" if job.status == "completed" else None,
    )
