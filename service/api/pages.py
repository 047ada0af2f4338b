"""The page at ``/`` and the description of the API at ``/docs``, as files of ours alone."""

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)
WEB = Path(__file__).parent.parent / "web"
BUILT = WEB / "built" / "page.js"  # made from web/ by `make run`, `make web` or the image's build
static_files = StaticFiles(directory=WEB)


@router.get("/")
def page() -> FileResponse:
    """A client of the public API in the browser."""
    if not BUILT.is_file():
        raise HTTPException(503, "the page was not built; run `make web`. The API works: see /docs")
    return FileResponse(WEB / "index.html")


@router.get("/docs")
def docs() -> FileResponse:
    """Draws /openapi.json; the usual tools would load their code from elsewhere."""
    return FileResponse(WEB / "docs.html")
