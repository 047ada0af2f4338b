"""``/jobs``: where a video's analysis stands, what came out of it, and cancelling it."""

from itertools import islice
from typing import Annotated

import anyio.to_thread
import cv2
from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import FileResponse

from service import errors
from service.api import problems
from service.api.schemas import JobAnswer, JobList, job_answer
from service.api.state import ExistingJob, Shared, State, WhoAsks
from service.pipeline.details import DETAILS_FILE, read_detail
from service.pipeline.documents import (
    MEDIA_TYPES,
    Format,
    html_policy,
    report_csv,
    report_html,
    report_vtt,
)
from service.pipeline.film import FILM_FILE
from service.pipeline.frame_score import FrameScore
from service.pipeline.report import Report
from service.vision.film import read_picture
from service.vision.images import Frame

router = APIRouter(prefix="/jobs", tags=["jobs"])

JPEG_QUALITY = 90
MAX_LISTED = 1000
MAX_PEAK_PICTURES = 40  # a page of more could not be sent by mail
NOT_READY = problems.responses(errors.JobNotFound, errors.ReportNotReady)
NOT_SAMPLED = problems.responses(errors.JobNotFound, errors.ReportNotReady, errors.FrameNotSampled)
MAX_INDEX = 2**63 - 1  # what a database of details can be asked for
Index = Annotated[int, Path(ge=0, le=MAX_INDEX, description="Number of the frame in the file.")]


@router.get("", responses=problems.responses(errors.JobNotFound, errors.QueueUnreachable))
def list_jobs(
    state: State,
    caller: WhoAsks,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED, description="Most jobs to list.")] = 100,
    after: Annotated[
        str | None, Query(max_length=64, description="Id of a job: list those older than it.")
    ] = None,
) -> JobList:
    """The caller's jobs that are kept, newest first; a key of scope `admin` sees all."""
    seen = (job for job in state.queue.jobs() if caller.may_see(job.options.owner))
    if after is not None and all(job.id != after for job in seen):
        raise errors.JobNotFound(f"no job to list after has the id {after!r}")
    listed = list(islice(seen, limit + 1))
    return JobList(jobs=[job_answer(job) for job in listed[:limit]], has_more=len(listed) > limit)


@router.get("/{job_id}", responses=problems.responses(errors.JobNotFound))
def read_job(job: ExistingJob) -> JobAnswer:
    """Status, progress and stage of one job."""
    return job_answer(job)


@router.get(
    "/{job_id}/report",
    response_model=Report,
    responses={
        200: {"content": {kind: {} for kind in MEDIA_TYPES.values() if kind != "application/json"}},
        **NOT_READY,
    },
)
def read_report(
    state: State,
    job: ExistingJob,
    format_: Annotated[Format | None, Query(alias="format")] = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """The report of a completed job: JSON, a CSV table, subtitles (WebVTT) or a page to print."""
    body = state.queue.report(job.id)
    chosen = format_ or _accepted(accept)
    if chosen == "json":
        # Checked when it was written: reading it as JSON once more would only cost time.
        return Response(body, media_type=MEDIA_TYPES["json"])
    report = Report.model_validate_json(body, by_alias=True)
    if chosen == "csv":
        return _text(report_csv(report), "csv", _download(job.id, "csv"))
    if chosen == "vtt":
        return _text(report_vtt(report), "vtt", {})
    policy = {"Content-Security-Policy": html_policy()}
    return _text(report_html(report, _peak_pictures(state, job.id, report)), "html", policy)


@router.get("/{job_id}/frames/{index}.jpg", response_class=Response, responses=NOT_SAMPLED)
def read_frame_picture(state: State, job: ExistingJob, index: Index) -> Response:
    """A scored frame with its boxes, tracks and best description, as the film shows it."""
    read_detail(state.queue.artefact(job.id, DETAILS_FILE), index)
    report = Report.model_validate_json(state.queue.report(job.id), by_alias=True)
    film = state.queue.artefact(job.id, FILM_FILE)
    time_s = next(row.time_s for row in report.frames if row.index == index)
    return Response(_jpeg(read_picture(film, time_s)), media_type="image/jpeg")


@router.get("/{job_id}/frames/{index}", responses=NOT_SAMPLED)
def read_frame(state: State, job: ExistingJob, index: Index) -> FrameScore:
    """What was found in one scored frame."""
    return read_detail(state.queue.artefact(job.id, DETAILS_FILE), index)


@router.get("/{job_id}/video.mp4", response_class=FileResponse, responses=NOT_READY)
async def read_film(state: State, job: ExistingJob) -> FileResponse:
    """The annotated film: H.264 that browsers play; ranges are answered."""
    path = await anyio.to_thread.run_sync(state.queue.artefact, job.id, FILM_FILE)
    return FileResponse(path, media_type="video/mp4")


@router.delete("/{job_id}", status_code=202, responses=problems.responses(errors.JobNotFound))
def cancel_job(state: State, job: ExistingJob) -> JobAnswer:
    """Cancel a job that waits or runs; a running one stops within a second.

    A job that has ended stays as it is.
    """
    return job_answer(state.queue.cancel(job.id))


def _accepted(accept: str) -> Format:
    """The first type of ``Accept`` that there is; JSON when none is named."""
    kinds: dict[str, Format] = {kind: name for name, kind in MEDIA_TYPES.items()}
    for part in accept.split(","):
        kind = part.split(";")[0].strip().lower()
        if kind in kinds:
            return kinds[kind]
    return "json"


def _text(body: str, kind: Format, headers: dict[str, str]) -> Response:
    return Response(body, media_type=f"{MEDIA_TYPES[kind]}; charset=utf-8", headers=headers)


def _download(job_id: str, suffix: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{job_id}.{suffix}"'}


def _peak_pictures(state: Shared, job_id: str, report: Report) -> dict[int, bytes]:
    """The film's pictures of the peaks; none when the job made no film."""
    try:
        film = state.queue.artefact(job_id, FILM_FILE)
    except errors.ReportNotReady:
        return {}
    peaks = report.segments[:MAX_PEAK_PICTURES]
    return {peak.peak_index: _jpeg(read_picture(film, peak.peak_s)) for peak in peaks}


def _jpeg(picture: Frame) -> bytes:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
