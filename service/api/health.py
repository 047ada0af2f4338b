"""``/healthz``, ``/readyz``, ``/metrics``, and the page."""

import shutil
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service.api.schemas import Readiness
from service.api.state import State
from service.api.videos import SPARE_DISK_BYTES

router = APIRouter(tags=["operation"])
WEB = Path(__file__).parent.parent / "web"


@router.get("/healthz", response_class=PlainTextResponse)
def healthz() -> str:
    """The process answers."""
    return "ok"


@router.get("/readyz", responses={503: {"model": Readiness}})
def readyz(state: State, response: Response) -> Readiness:
    """Whether requests should be sent here. Models are warm once the process listens."""
    reasons = []
    free = shutil.disk_usage(state.settings.data_dir).free
    if free < SPARE_DISK_BYTES:
        reasons.append(f"the disk is nearly full: {free} bytes free, {SPARE_DISK_BYTES} needed")
    if not state.queue.is_alive():
        reasons.append("the job worker has stopped")
    if reasons:
        response.status_code = 503
    return Readiness(ready=not reasons, reasons=reasons)


@router.get("/metrics", include_in_schema=False)
def metrics(state: State) -> Response:
    """Prometheus text format."""
    for status, count in state.queue.counts().items():
        state.metrics.jobs.labels(status).set(count)
    return Response(generate_latest(state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/", include_in_schema=False)
def page() -> FileResponse:
    """The page."""
    return FileResponse(WEB / "index.html")


@router.get("/docs", include_in_schema=False)
def docs() -> FileResponse:
    """The API, read from /openapi.json; nothing is loaded from elsewhere."""
    return FileResponse(WEB / "docs.html")
