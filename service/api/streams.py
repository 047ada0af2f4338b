"""``WS /streams/score``: frames of a live camera in, a score for each out.

A frame is a binary message (JPEG, PNG or WebP). The text message ``{"time_s": 1.5}`` before it
gives its time; without one, the seconds since the first frame came count. ``{"type": "end"}`` ends
the stream. When frames come faster than they are computed the newest wins: a waiting frame that
is overtaken is dropped and counted.
"""

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import structlog
from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, ValidationError

from service import errors
from service.api.forms import MAX_TOP_K
from service.api.problems import problem_of
from service.api.state import Shared
from service.pipeline.stream import StreamScorer
from service.pipeline.stream_score import StreamEnd, StreamProblem, StreamScore
from service.scoring.calibration import Mode
from service.vision.images import decode_image

router = APIRouter(tags=["streams"])

NORMAL, POLICY, TOO_BIG = 1000, 1008, 1009  # RFC 6455
MAX_TEXT = 1024
log = structlog.get_logger()


class Head(BaseModel):
    """A text message: the time of the next frame, or the end."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: str = "frame"
    time_s: float | int | None = None


@dataclass(slots=True)
class _Waiting:
    """The frame that is computed next, and what became of all others."""

    data: bytes | None = None
    time_s: float = 0.0
    sequence: int = 0
    received: int = 0
    scored: int = 0
    refused: int = 0
    dropped: int = 0
    in_alarm: bool = False
    is_over: bool = False


@router.websocket("/streams/score")
async def score_stream(
    socket: WebSocket,
    top_k: Annotated[int, Query(ge=1, le=MAX_TOP_K)] = 5,
    mode: Annotated[Mode, Query()] = "paired",
) -> None:
    """Score a live stream."""
    shared = cast(Shared, socket.state.shared)
    if _is_foreign(socket):
        await socket.close(POLICY, "opened by another site")
        return
    await socket.accept()
    # The snapshot is taken here: a stream keeps the hierarchy it began with.
    scorer = StreamScorer(shared.engine.current, mode, top_k)
    waiting, came = _Waiting(), anyio.Event()

    def wake() -> None:
        nonlocal came
        came.set()
        came = anyio.Event()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_receive, socket, shared, waiting, wake, tasks.cancel_scope.cancel)
        while True:
            while waiting.data is None and not waiting.is_over:
                await came.wait()
            if waiting.data is None:
                break
            # Taken here, on the loop that also receives: the worker thread only sees its copy.
            frame, waiting.data = (waiting.data, waiting.time_s, waiting.sequence), None
            answer = await anyio.to_thread.run_sync(_score, shared, scorer, *frame, waiting.dropped)
            if isinstance(answer, StreamScore):
                waiting.scored += 1
                if answer.anomalous and not waiting.in_alarm:
                    shared.metrics.results.count_alarm(answer.explanations, "stream")
                waiting.in_alarm = answer.anomalous
            else:
                waiting.refused += 1
            await socket.send_text(answer.model_dump_json(by_alias=True))
        end = StreamEnd(
            received=waiting.received,
            scored=waiting.scored,
            refused=waiting.refused,
            dropped=waiting.dropped,
        )
        await socket.send_text(end.model_dump_json())
        await socket.close(NORMAL)
        tasks.cancel_scope.cancel()
    log.info("stream_ended", received=waiting.received, dropped=waiting.dropped)


async def _receive(
    socket: WebSocket,
    shared: Shared,
    waiting: _Waiting,
    wake: Callable[[], None],
    gone: Callable[[], None],
) -> None:
    """Keep the newest frame; never compute here, so that a slow model cannot fill the memory."""
    started: float | None = None
    announced: float | None = None
    send: Callable[[str], Awaitable[None]] = socket.send_text
    while True:
        try:
            message = await socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            message = {"type": "websocket.disconnect"}
        if message["type"] == "websocket.disconnect":
            gone()
            return
        text, data = message.get("text"), message.get("bytes")
        if text is not None:
            try:
                head = _head(text)
            except errors.StreamMessageInvalid as error:
                await send(_refusal(waiting.received, error))
                continue
            if head.type == "end":
                waiting.is_over = True
                wake()
                return
            announced = head.time_s
        elif data is not None:
            if len(data) > shared.settings.max_image_bytes:
                await socket.close(TOO_BIG, "a frame has more bytes than the service accepts")
                gone()
                return
            now = time.monotonic()
            started = now if started is None else started
            if waiting.data is not None:
                waiting.dropped += 1
                shared.metrics.video_frames.labels("dropped").inc()
            waiting.data = data
            waiting.time_s = now - started if announced is None else announced
            waiting.sequence, announced = waiting.received, None
            waiting.received += 1
            wake()


def _head(text: str) -> Head:
    """A text message.

    Raises:
        StreamMessageInvalid: It is none of those that a stream knows.
    """
    try:
        head = Head.model_validate_json(text[:MAX_TEXT])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise errors.StreamMessageInvalid(f"{where}: {first['msg']}".lstrip(": ")) from None
    if head.type not in ("frame", "end"):
        raise errors.StreamMessageInvalid(f"type is 'frame' or 'end', not {head.type[:40]!r}")
    if head.time_s is not None and not math.isfinite(head.time_s):
        raise errors.StreamMessageInvalid(f"time_s must be finite, got {head.time_s}")
    return head


def _score(
    shared: Shared, scorer: StreamScorer, data: bytes, time_s: float, sequence: int, dropped: int
) -> StreamScore | StreamProblem:
    """One frame's answer, computed in a worker thread."""
    try:
        with shared.slots.take():  # decoding too takes memory
            frame = decode_image(data, shared.settings.max_image_pixels)
            answer = scorer.score(frame, time_s, sequence, dropped)
    except errors.ServiceError as error:
        return _problem(sequence, error)
    shared.metrics.inference_images.inc()
    shared.metrics.video_frames.labels("scored").inc()
    return answer


def _problem(sequence: int, error: Exception) -> StreamProblem:
    problem = problem_of(error).model_dump(exclude_none=True)
    return StreamProblem(sequence=sequence, problem=problem)


def _is_foreign(socket: WebSocket) -> bool:
    """Whether another site's page opened it: browsers let them, other programs say no origin."""
    origin = socket.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != socket.headers.get("host")


def _refusal(sequence: int, error: Exception) -> str:
    return _problem(sequence, error).model_dump_json()
