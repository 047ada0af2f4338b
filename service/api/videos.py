"""``POST /videos/analyze``: a clip in, a job out, or its report when the caller waits."""

import errno
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service import errors
from service.api import problems
from service.api.forms import MAX_TOP_K, invalid_field
from service.api.guards import check_disk, declared_length
from service.api.schemas import JobAnswer, job_answer
from service.api.state import Shared, State, WhoAsks
from service.api.uploads import UploadForm, receive_upload
from service.jobs.store import ENDED, Job, JobOptions
from service.keys import Caller
from service.pipeline.report import Report
from service.scoring.calibration import Mode

router = APIRouter(prefix="/videos", tags=["videos"])

POLL_S = 0.1


class VideoFields(BaseModel):
    """The fields beside the file; text, because that is what a form carries."""

    model_config = ConfigDict(extra="forbid")

    sample_fps: float | None = Field(
        default=None,
        gt=0,
        le=60,
        description="Frames of a second to score; the server's own number (10) when left out.",
    )
    top_k: int = Field(default=5, ge=1, le=MAX_TOP_K, description="Explanations of each segment.")
    mode: Mode = Field(default="paired", description="How the score is made.")
    film: bool = Field(default=True, description="Whether to draw the annotated film as well.")
    callback_url: str | None = Field(
        default=None,
        max_length=2000,
        description="Told of the job's end by a signed POST; its host must be allowed here.",
    )


def _form_schema() -> dict[str, Any]:
    """The form for OpenAPI, which cannot see what a streamed body must hold."""
    schema = VideoFields.model_json_schema()
    video = {"type": "string", "format": "binary", "description": "MP4, MOV, MKV, WebM, AVI or TS."}
    properties = {"video": video, **schema["properties"]}
    return {
        "type": "object",
        "required": ["video"],
        "properties": properties,
        "additionalProperties": False,
    }


@router.post(
    "/analyze",
    status_code=202,
    response_model=JobAnswer,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form_schema()}},
        }
    },
    responses={
        200: {"model": Report, "description": "The report, when it was ready in time."},
        202: {"description": "The job; `Location` says where to look for it."},
        **problems.form_responses(
            errors.UploadTooLarge,
            errors.VideoTooLarge,
            errors.VideoNotSupported,
            errors.VideoNotDecodable,
            errors.CallbackRefused,
            errors.Overloaded,
            errors.StorageFull,
            errors.QueueUnreachable,
        ),
    },
)
async def analyze_video(
    request: Request,
    state: State,
    caller: WhoAsks,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the report.")] = 0,
) -> Response:
    """Queue a clip for analysis.

    A file that is no video is refused at once. A report lists what could not be decoded.
    """
    await anyio.to_thread.run_sync(state.queue.check_room)
    check_disk(
        state.settings.data_dir, state.settings.min_free_bytes, declared_length(request.headers)
    )
    async with _upload(state, request) as (job_id, form, fields):
        name, options = _shown_name(form.filename), _options(fields, state, caller)
        job = await anyio.to_thread.run_sync(state.queue.submit, job_id, name, options)
    job = await _ended(state, job.id, wait)
    if job.status == "completed":
        report = await anyio.to_thread.run_sync(state.queue.report, job.id)
        return Response(report, media_type="application/json", headers=_location(job))
    if job.status == "failed":
        problem = problems.Problem.model_validate(job.error)
        return problems.problem_response(problem, request.state.request_id, _location(job))
    body = job_answer(job).model_dump(mode="json")
    return JSONResponse(body, status_code=202, headers=_location(job))


@asynccontextmanager
async def _upload(
    state: Shared, request: Request
) -> AsyncIterator[tuple[str, UploadForm, VideoFields]]:
    """Receive and check the form; whatever goes wrong leaves nothing on the disk."""
    job_id, path = state.queue.open_upload()
    try:
        form = await receive_upload(request, "video", path)
        if form.filename is None:
            raise RequestValidationError([invalid_field("video", "Field required")])
        fields = _checked(form)
        if fields.callback_url is not None:
            check_callback(state, fields.callback_url)
        await state.probe.check(path)  # a file that is no video is no job
        yield job_id, form, fields
    except BaseException as error:
        with anyio.CancelScope(shield=True):  # a caller who hangs up leaves nothing either
            await anyio.to_thread.run_sync(state.queue.drop_upload, job_id)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise errors.StorageFull("the disk is full; nothing was kept") from error
        raise


def _checked(form: UploadForm) -> VideoFields:
    try:
        return VideoFields.model_validate(dict(form.fields))
    except ValidationError as error:
        found = [{**e, "loc": ("body", *e["loc"]), "input": None} for e in error.errors()]
        raise RequestValidationError(found) from None


def _options(fields: VideoFields, state: Shared, caller: Caller) -> JobOptions:
    sample_fps = fields.sample_fps or state.settings.sample_fps
    return JobOptions(
        sample_fps=sample_fps,
        top_k=fields.top_k,
        mode=fields.mode,
        film=fields.film,
        owner=caller.name,
        callback_url=fields.callback_url,
    )


def check_callback(state: Shared, url: str) -> None:
    """Refuse a callback before the job is made.

    Raises:
        CallbackRefused: Callbacks are switched off, or its host may not be called.
    """
    if state.callbacks is None:
        raise errors.CallbackRefused("this server sends no callbacks (SACLIP_CALLBACK_HOSTS)")
    state.callbacks.check(url)


async def _ended(state: Shared, job_id: str, wait_s: float) -> Job:
    """The job once it has ended or the wait is over; waits hold no thread."""
    deadline = time.monotonic() + wait_s
    job = await anyio.to_thread.run_sync(state.queue.get, job_id)
    while job.status not in ENDED and time.monotonic() < deadline:
        await anyio.sleep(POLL_S)
        job = await anyio.to_thread.run_sync(state.queue.get, job_id)
    return job


def _shown_name(filename: str | None) -> str:
    """The client's name without its folders; it is shown and never used as a path."""
    name = (filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if c.isprintable())[:200] or "video"


def _location(job: Job) -> dict[str, str]:
    return {"Location": f"/jobs/{job.id}"}
