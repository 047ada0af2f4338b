"""What both clients say and hear: forms, headers, answers, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
from pydantic import ValidationError

from service.api.problems import Problem
from service.api.schemas import FramesAnswer, JobAnswer, JobList
from service.pipeline.frame_score import FrameScore
from service.pipeline.report import Report
from service.pipeline.stream_score import StreamProblem, StreamScore
from service.scoring.calibration import Mode

TIMEOUT_S = 60.0
MAX_RECONNECTS = 5  # in a row; an event in between starts the count anew
OnProgress = Callable[[JobAnswer], None]
Picture = Path | str | bytes


class ServiceRefused(Exception):
    """The service answered with a problem; seen from the client, so no `ServiceError`.

    Attributes:
        problem: Status, title, detail and fields as the service sent them.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.title} {problem.detail or ''}".strip())
        self.problem = problem


def headers(api_key: str | None) -> dict[str, str]:
    """Headers of every request."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def resume(last_id: str) -> dict[str, str]:
    """Headers that take an event stream up again."""
    return {"Last-Event-ID": last_id} if last_id else {}


def events_path(job_id: str) -> str:
    return f"/jobs/{job_id}/events"


def stream_url(base_url: httpx2.URL) -> str:
    """The WebSocket's address on the same server."""
    scheme = "wss" if base_url.scheme == "https" else "ws"
    path = base_url.path.rstrip("/") + "/streams/score"
    return str(base_url.copy_with(scheme=scheme, path=path))


def score_form(
    images: Sequence[Picture], top_k: int, mode: Mode
) -> tuple[list[tuple[str, tuple[str, bytes]]], dict[str, str]]:
    """The form of ``POST /frames/score``."""
    files = [
        ("image", (_name(image, number), picture(image))) for number, image in enumerate(images)
    ]
    return files, {"top_k": str(top_k), "mode": mode}


def video_form(
    sample_fps: float | None, top_k: int, mode: Mode, film: bool, callback_url: str | None
) -> dict[str, str]:
    """The fields of ``POST /videos/analyze``; what is None is left to the server."""
    fields = {"top_k": str(top_k), "mode": mode, "film": str(film).lower()}
    if sample_fps is not None:
        fields["sample_fps"] = str(sample_fps)
    if callback_url is not None:
        fields["callback_url"] = callback_url
    return fields


def picture(image: Picture) -> bytes:
    """The bytes of a picture file."""
    return image if isinstance(image, bytes) else Path(image).read_bytes()


def frame_head(time_s: float) -> str:
    """The text message before a frame of a live stream."""
    return json.dumps({"time_s": time_s})


def check(response: httpx2.Response) -> None:
    """Raise for an answer that is a refusal.

    Raises:
        ServiceRefused: With the problem of the service, or one made of the status.
    """
    if not response.is_error:
        return
    try:
        problem = Problem.model_validate_json(response.content)
    except (ValidationError, httpx2.ResponseNotRead):
        status = response.status_code
        problem = Problem(type="about:blank", title=f"HTTP {status}.", status=status)
    raise ServiceRefused(problem)


def scores(response: httpx2.Response) -> list[FrameScore]:
    check(response)
    return FramesAnswer.model_validate_json(response.content, by_alias=True).results


def job(response: httpx2.Response) -> JobAnswer:
    check(response)
    return JobAnswer.model_validate_json(response.content)


def paging(limit: int, after: str | None) -> dict[str, str]:
    """The query of a list; what is None is left out."""
    return {"limit": str(limit)} if after is None else {"limit": str(limit), "after": after}


def job_list(response: httpx2.Response) -> JobList:
    check(response)
    return JobList.model_validate_json(response.content)


def state(data: str) -> JobAnswer:
    return JobAnswer.model_validate_json(data)


def report(response: httpx2.Response) -> Report:
    check(response)
    return Report.model_validate_json(response.content, by_alias=True)


def frame(response: httpx2.Response) -> FrameScore:
    check(response)
    return FrameScore.model_validate_json(response.content, by_alias=True)


def text(response: httpx2.Response) -> str:
    check(response)
    return response.text


def stream_score(message: str) -> StreamScore:
    """The answer to one frame.

    Raises:
        ServiceRefused: The frame was refused; the stream goes on.
    """
    content: Any = json.loads(message)
    if content.get("type") == "problem":
        refused = StreamProblem.model_validate(content)
        raise ServiceRefused(Problem.model_validate(refused.problem))
    return StreamScore.model_validate(content)


def _name(image: Picture, number: int) -> str:
    return f"image-{number}" if isinstance(image, bytes) else Path(image).name
