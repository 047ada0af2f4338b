"""What operators and their machines ask: alive, ready, numbers. All answer while models compute."""

import shutil

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from service.api.schemas import Readiness
from service.api.state import State

router = APIRouter(tags=["operation"])


# `async def`: these never wait for a free worker thread.
@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """The process answers."""
    return "ok\n"


@router.get(
    "/readyz",
    responses={503: {"model": Readiness, "description": "Send requests elsewhere for now."}},
)
async def readyz(state: State, response: Response) -> Readiness:
    """Whether requests should be sent here. Models are warm before the port is opened."""
    reasons = []
    free, needed = shutil.disk_usage(state.settings.data_dir).free, state.settings.min_free_bytes
    if free < needed:
        reasons.append(f"disk nearly full: {free} bytes free, {needed} needed")
    if not state.queue.is_alive():
        reasons.append("the worker of video jobs has stopped")
    if reasons:
        response.status_code = 503
    return Readiness(ready=not reasons, reasons=reasons)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(state: State) -> Response:
    """Prometheus text format."""
    return Response(state.metrics.render(), media_type=CONTENT_TYPE_LATEST)
