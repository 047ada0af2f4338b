"""Errors as ``application/problem+json`` (RFC 9457). The only module that knows both sides."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from service import errors

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "2"

STATUS_OF: dict[type[errors.ServiceError], HTTPStatus] = {
    errors.FrameTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.FrameNotSupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.FrameNotDecodable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.VideoTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.VideoNotSupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.VideoNotDecodable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.AnalysisCancelled: HTTPStatus.CONFLICT,
    errors.UploadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooManyFrames: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.KnowledgeRejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.KnowledgeChanged: HTTPStatus.PRECONDITION_FAILED,
    errors.JobNotFound: HTTPStatus.NOT_FOUND,
    errors.ReportNotReady: HTTPStatus.CONFLICT,
    errors.Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    errors.StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
}


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = None
    errors: list[dict[str, Any]] | None = None


def problem_kind(error: type[errors.ServiceError]) -> str:
    """``FrameTooLarge`` to ``frame-too-large``."""
    name = error.__name__
    return "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-")


def describe(error: errors.ServiceError) -> Problem:
    """The problem an error stands for, whether it is answered at once or kept with a job."""
    status = STATUS_OF.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)
    return Problem(
        type=f"/problems/{problem_kind(type(error))}",
        title=(type(error).__doc__ or "").strip(),
        status=status,
        detail=str(error),
        errors=getattr(error, "violations", None),
    )


def responses(*kinds: type[errors.ServiceError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses=`` entry for the given errors."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        titles.setdefault(STATUS_OF[kind].value, []).append((kind.__doc__ or "").strip())
    return {
        status: {"description": " ".join(texts), "content": content}
        for status, texts in titles.items()
    }


def install(app: FastAPI) -> None:
    """Answer every error of the app as a problem."""
    app.add_exception_handler(errors.ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_any_error)


def problem_response(request: Request, problem: Problem, **headers: str) -> JSONResponse:
    """Send a problem, with the id under which the log knows the request."""
    request_id = getattr(request.state, "request_id", None)
    content = problem.model_copy(update={"request_id": request_id}).model_dump(exclude_none=True)
    return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)


def _on_service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.ServiceError)
    problem = describe(error)
    log.info("request_refused", kind=problem.type, status=problem.status, path=request.url.path)
    request.app.state.metrics.rejected.labels(problem_kind(type(error))).inc()
    headers = {"Retry-After": RETRY_AFTER_S} if isinstance(error, errors.Overloaded) else {}
    return problem_response(request, problem, **headers)


def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The input is not echoed: it may be a whole file.
    found = [
        {"field": ".".join(str(part) for part in entry["loc"]), "detail": entry["msg"]}
        for entry in error.errors()
    ]
    detail = "; ".join(f"{entry['field']}: {entry['detail']}" for entry in found[:5])
    problem = Problem(title="The request is not valid.", status=422, detail=detail, errors=found)
    return problem_response(request, problem)


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != title else None
    problem = Problem(title=title, status=error.status_code, detail=detail)
    return problem_response(request, problem, **(error.headers or {}))


def _on_any_error(request: Request, error: Exception) -> JSONResponse:
    log.error("request_failed", path=request.url.path, exc_info=error)
    return problem_response(request, Problem(title="Internal Server Error", status=500))
