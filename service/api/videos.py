"""``POST /videos/analyze``: a clip in, a job out, or its report when the caller waits."""

import shutil
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from service import errors
from service.api import problems
from service.api.jobs import job_answer
from service.api.schemas import JobAnswer
from service.api.state import State
from service.errors import StorageFull
from service.jobs.store import JobOptions
from service.scoring.calibration import Mode
from service.pipeline.report import Report

router = APIRouter(prefix="/videos", tags=["videos"])
SPARE_DISK_BYTES = 256 * 1024**2
Video = Annotated[UploadFile, File(description="MP4, MOV, WebM, MKV, AVI or MPEG-TS.")]
SampleFps = Annotated[float | None, Form(gt=0, le=60, description="Frames a second to score.")]
TopK = Annotated[int, Form(ge=1, le=50, description="Explanations for each segment.")]
ModeField = Annotated[Mode, Form(description="How the score is made.")]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the report.")]


@router.post(
    "/analyze",
    status_code=202,
    response_model=JobAnswer | Report,
    responses={
        200: {"model": Report, "description": "The report, when it was ready in time."},
        **problems.responses(errors.VideoTooLarge, errors.Overloaded, errors.StorageFull),
    },
)
def analyze_video(
    state: State,
    response: Response,
    video: Video,
    sample_fps: SampleFps = None,
    top_k: TopK = 5,
    mode: ModeField = "paired",
    wait: Wait = 0,
) -> JobAnswer | Report:
    """Queue a clip for analysis.

    Answers 202 with the job and its `Location`, or 200 with the report when `wait` sufficed.
    """
    free = shutil.disk_usage(state.settings.data_dir).free
    if (video.size or 0) + SPARE_DISK_BYTES > free:
        raise StorageFull(f"{video.size} bytes to keep, {free} bytes are free")
    options = JobOptions(
        sample_fps=sample_fps or state.settings.sample_fps, top_k=top_k, mode=mode
    )
    job = state.queue.submit(video.file, video.filename or "video", options)
    response.headers["Location"] = f"/jobs/{job.id}"
    job = state.queue.wait(job.id, wait)
    if job.status == "completed":
        response.status_code = 200
        return state.queue.report(job.id)
    return job_answer(job)
