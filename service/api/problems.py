"""Errors as ``application/problem+json`` (RFC 9457). The only module that knows both sides."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from service import errors

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2  # a frame takes well under a second; two let a short burst pass
INVALID = "A field is missing, unknown or has an impossible value."

STATUS_OF: dict[type[errors.ServiceError], HTTPStatus] = {
    errors.FrameTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.FrameNotSupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.FrameNotDecodable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyFrames: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.VideoTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.VideoNotSupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.VideoNotDecodable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.AnalysisCancelled: HTTPStatus.CONFLICT,
    errors.UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.KnowledgeRejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.KnowledgeChanged: HTTPStatus.PRECONDITION_FAILED,
    errors.JobNotFound: HTTPStatus.NOT_FOUND,
    errors.ReportNotReady: HTTPStatus.CONFLICT,
    errors.FrameOutOfOrder: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.StreamMessageInvalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.FrameNotSampled: HTTPStatus.NOT_FOUND,
    errors.KeyRefused: HTTPStatus.UNAUTHORIZED,
    errors.ScopeMissing: HTTPStatus.FORBIDDEN,
    errors.RateExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.ForeignOrigin: HTTPStatus.FORBIDDEN,
    errors.Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.WorkerKilled: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.QueueUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CallbackRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
}


class BrokenRule(BaseModel):
    """One rule that a hierarchy breaks."""

    id: str
    rule: str
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(default="about:blank", examples=["/problems/frame-not-decodable"])
    title: str = Field(examples=["The picture cannot be decoded."])
    status: int = Field(examples=[422])
    detail: str | None = Field(default=None, examples=["a.jpg: the file is empty (0 bytes)"])
    request_id: str | None = Field(default=None, examples=["5f0c6a2e9d1b4c55"])
    errors: list[BrokenRule] | None = None


def problem_of(error: Exception) -> Problem:
    """What a client is told of an error, at once or with the job that failed of it."""
    status = STATUS_OF.get(type(error)) if isinstance(error, errors.ServiceError) else None
    if status is None:
        # A defect of ours: the client learns nothing but the id to ask with.
        return Problem(title="Internal Server Error", status=HTTPStatus.INTERNAL_SERVER_ERROR)
    assert isinstance(error, errors.ServiceError)
    broken = None
    if isinstance(error, errors.KnowledgeRejected):
        broken = [BrokenRule(id=v.id, rule=v.rule, detail=v.detail) for v in error.violations]
    return Problem(
        type=f"/problems/{errors.kind_of(type(error))}",
        title=_title(type(error)),
        status=status,
        detail=str(error) or None,
        errors=broken,
    )


def _title(kind: type[errors.ServiceError]) -> str:
    """The first line of the class's docstring."""
    return (kind.__doc__ or "").partition("\n")[0]


def problem_response(
    problem: Problem, request_id: str | None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The problem as a response."""
    retry = {"Retry-After": str(RETRY_AFTER_S)} if problem.status in (429, 503) else {}
    return JSONResponse(
        problem.model_copy(update={"request_id": request_id}).model_dump(exclude_none=True),
        status_code=problem.status,
        headers={**retry, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def responses(*kinds: type[errors.ServiceError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses=`` entry for the given errors."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        titles.setdefault(STATUS_OF[kind].value, []).append(_title(kind))
    return {status: documented(" ".join(lines)) for status, lines in sorted(titles.items())}


def form_responses(*kinds: type[errors.ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The same for a route that reads a form, which may be malformed."""
    found = responses(*kinds)
    described = found.get(422, {}).get("description", "")
    return {
        **found,
        400: documented("The body cannot be parsed."),
        422: documented(f"{INVALID} {described}".strip()),
    }


def documented(description: str) -> dict[str, Any]:
    """One OpenAPI response that is a problem."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "model": Problem, "content": content}


def add_problem_handlers(app: FastAPI) -> None:
    """Every error of the app leaves as a problem; `middleware.py` sees to the unexpected ones."""
    app.add_exception_handler(errors.ServiceError, _on_service_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)


def _on_service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.ServiceError)
    if type(error) not in STATUS_OF:
        raise error
    return _refusal(request, problem_of(error), errors.kind_of(type(error)))


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, errors.ServiceError):
        # FastAPI turns whatever stops the reading of a body into 400; ours is more exact.
        return _on_service_error(request, error.__cause__)
    if isinstance(error.__cause__, ClientDisconnect):
        raise error.__cause__
    phrase = HTTPStatus(error.status_code).phrase
    detail = None if error.detail == phrase else str(error.detail)
    problem = Problem(title=phrase, status=error.status_code, detail=detail)
    return _refusal(request, problem, f"http-{error.status_code}", error.headers)


def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Name the fields and what they must be; never echo what was sent."""
    assert isinstance(error, RequestValidationError)
    lines = [f"{'.'.join(map(str, e['loc'][1:] or e['loc']))}: {e['msg']}" for e in error.errors()]
    problem = Problem(
        type="/problems/invalid-request", title=INVALID, status=422, detail="; ".join(lines)
    )
    return _refusal(request, problem, "invalid-request")


def _refusal(
    request: Request, problem: Problem, kind: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    log.info("request_refused", kind=kind, status=problem.status, detail=problem.detail)
    request.state.metrics.requests_rejected.labels(kind).inc()
    return problem_response(problem, request.state.request_id, headers)
