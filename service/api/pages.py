"""The page at ``/`` and the description of the API at ``/docs``, as files of ours alone."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)
WEB = Path(__file__).parent.parent / "web"
static_files = StaticFiles(directory=WEB)


@router.get("/")
def page() -> FileResponse:
    """A client of the public API in the browser."""
    return FileResponse(WEB / "index.html")


@router.get("/docs")
def docs() -> FileResponse:
    """Draws /openapi.json; the usual tools would load their code from elsewhere."""
    return FileResponse(WEB / "docs.html")
