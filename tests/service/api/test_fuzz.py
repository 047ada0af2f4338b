"""Every route of ``/openapi.json`` with generated requests: no defect, no undocumented answer.

Once as generated, where ids are not known and uploads no pictures; once with an id, a picture
and a clip that are good, so that what lies behind the first refusal is reached too.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.python.asgi import get_client
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.api.access import POLICY
from tests.builders.footage import encoded, street, street_clip
from tests.service.api.conftest import MakeApp

FIXED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
OF_ANSWERS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
UNDESCRIBED = {"/static", "/docs", "/openapi.json"}  # files, no operations
ROUTES = [
    (method, path)
    for method, path in sorted(POLICY)
    if method != "WEBSOCKET" and path not in UNDESCRIBED
]


@pytest.fixture(scope="module")
def fuzzed(make_app: MakeApp, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """An app and its schema, which is answered in this process."""
    app = make_app(max_queued_jobs=10_000, max_image_pixels=1_000_000)
    return app, schemathesis.openapi.from_asgi("/openapi.json", app, config=SchemathesisConfig())


@pytest.fixture(scope="module")
def good(fuzzed: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The id of a completed job, a clip and a picture."""
    clip = street_clip(tmp_path_factory.mktemp("clip") / "a.mp4").read_bytes()
    with get_client(fuzzed[0]) as client:
        answer = client.post("/videos/analyze?wait=60", files={"video": clip})
    assert answer.status_code == 200
    job_id = answer.headers["location"].rsplit("/", 1)[1]
    return {"job_id": job_id, "video": clip, "image": encoded(street())}


def test_every_route_is_described(fuzzed: tuple[Any, Any]) -> None:
    """So that none of them goes untried."""
    described = {
        (operation.ok().method.upper(), operation.ok().path)
        for operation in fuzzed[1].get_all_operations()
    }

    assert set(ROUTES) == described


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_generated_requests_meet_no_defect(fuzzed: tuple[Any, Any], method: str, path: str) -> None:
    """All checks of schemathesis."""

    @FIXED
    @given(case=fuzzed[1][path][method].as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate()

    ask()


@pytest.mark.parametrize(
    ("method", "path"), [r for r in ROUTES if "{job_id}" in r[1] or r[0] == "POST"]
)
def test_good_uploads_and_known_jobs_meet_no_defect(
    fuzzed: tuple[Any, Any], good: dict[str, Any], method: str, path: str
) -> None:
    """The rest of each request is generated."""

    @FIXED
    @given(case=fuzzed[1][path][method].as_strategy())
    def ask(case: Any) -> None:
        if "job_id" in case.path_parameters:
            case.path_parameters["job_id"] = good["job_id"]
        if isinstance(case.body, dict):
            for field in {"image", "video"} & case.body.keys():
                case.body[field] = [good[field]] if field == "image" else good[field]
        case.call_and_validate(checks=OF_ANSWERS)

    ask()
