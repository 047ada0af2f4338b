"""Bodies of answers, as OpenAPI shows them."""

import json
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from service.api.problems import Problem
from service.jobs.store import Job, Status
from service.pipeline.frame_score import FrameScore
from service.pipeline.report import ModelRow

CAR: JsonDict = {"class": "car", "confidence": 0.91, "track_id": None, "roi_source": "detected"}
EXAMPLE: JsonDict = {
    "model": {
        "bundle": "nano",
        "knowledge_sha256": "72e39efc...",
        "mode": "paired",
        "threshold": 0.5,
    },
    "results": [
        {
            "name": "frame.jpg",
            "width": 1280,
            "height": 720,
            "score": 2.31,
            "eq11": 0.12,
            "probability": 0.91,
            "anomalous": True,
            "appearance": "on",
            "rois": [{"xyxy": [412.0, 331.5, 690.2, 548.8], **CAR}],
            "explanations": [
                {
                    "description_id": "a.vv.ah.rear_end/car-crashes-into-the-back-of-another-car",
                    "text": "A car crashes into the back of another car.",
                    "path": ["Anomalous traffic", "Vehicle with vehicle", "Rear-end collision"],
                    "polarity": "anomaly",
                    "severity": 4,
                    "similarity": 0.34,
                    "margin": 0.21,
                    "counterpart": "n.vv.following/car-follows-another-car",
                    "subject": {"xyxy": [412.0, 331.5, 690.2, 548.8], **CAR},
                    "object": {"xyxy": [655.1, 318.0, 801.7, 470.3], **CAR},
                    "cues": {},
                }
            ],
            "timings_ms": {"decode": 6.4, "detect": 18.2, "encode": 21.0, "score": 3.1},
        }
    ],
}


class FramesAnswer(BaseModel):
    """One result per picture, in the order they were sent, and what made them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    model: ModelRow
    results: list[FrameScore]


class JobAnswer(BaseModel):
    """A video job."""

    id: str
    object: Literal["job"] = "job"
    status: Status
    progress: float = Field(ge=0, le=100, description="Percent.")
    stage: str
    revision: int = Field(description="Grows with every change.")
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
    has_more: bool = Field(description="Whether older ones follow: ask with `after` the last id.")


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
    """A job as the API shows it; the caller's options, its key and the disk stay out of it."""
    return JobAnswer(
        **job.model_dump(include=set(JobAnswer.model_fields) - {"error"}),
        error=Problem.model_validate(job.error) if job.error else None,
        report_url=f"/jobs/{job.id}/report" if job.status == "completed" else None,
    )


def callback_body(job: Job) -> bytes:
    """What a callback says: the job as the API shows it, under the name of what happened."""
    content = {
        "type": f"job.{job.status}",
        "timestamp": job.ended_at.isoformat() if job.ended_at else None,
        "data": job_answer(job).model_dump(mode="json"),
    }
    return json.dumps(content).encode()
