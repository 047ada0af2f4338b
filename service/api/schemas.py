"""Bodies of requests and answers, as OpenAPI shows them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from service.api.problems import Problem
from service.pipeline.report import ExplanationRow, RoiRow

JobStatus = Literal["queued", "in_progress", "completed", "failed", "cancelled"]


class FrameScore(BaseModel):
    """What one picture got."""

    name: str
    width: int
    height: int
    score: float
    eq11: float
    probability: float
    anomalous: bool
    appearance: Literal["on", "off"]
    rois: list[RoiRow]
    explanations: list[ExplanationRow]
    timings_ms: dict[str, float]


class ModelName(BaseModel):
    """Which bundle and which hierarchy answered."""

    bundle: str
    knowledge_sha256: str
    mode: str


class FramesAnswer(BaseModel):
    """One entry a picture, in the order they were sent."""

    model: ModelName
    results: list[FrameScore]


class JobAnswer(BaseModel):
    """A video job."""

    id: str
    object: Literal["job"] = "job"
    status: JobStatus
    progress: float
    stage: str
    name: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: Problem | None = None
    report_url: str | None = None


class JobList(BaseModel):
    """Newest first."""

    jobs: list[JobAnswer]


class Readiness(BaseModel):
    """Whether requests should be sent here, and if not, why."""

    ready: bool
    reasons: list[str]


KnowledgeDocument = dict[str, Any]
