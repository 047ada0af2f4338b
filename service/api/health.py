"""What operators and their machines ask: alive, ready, numbers. All answer while models compute."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from service.api.guards import free_bytes
from service.api.schemas import Readiness
from service.api.state import State
from service.settings import Settings

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
    reasons = list(filter(None, (_disk_trouble(state.settings), state.queue.trouble())))
    if reasons:
        response.status_code = 503
    return Readiness(ready=not reasons, reasons=reasons)


def _disk_trouble(settings: Settings) -> str | None:
    needed = settings.min_free_bytes
    try:
        free = free_bytes(settings.data_dir)
    except OSError as error:
        return f"the data folder cannot be used ({error.strerror})"
    return None if free >= needed else f"disk nearly full: {free} bytes free, {needed} needed"


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(state: State) -> Response:
    """Prometheus text format."""
    return Response(state.metrics.render(), media_type=CONTENT_TYPE_LATEST)
