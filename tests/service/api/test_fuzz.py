"""Every route of ``/openapi.json`` with generated requests: no defect, no undocumented answer.

Once as generated, where ids are not known and uploads no pictures; once with an id, a picture
and a clip that are good, so that what lies behind the first refusal is reached too.
"""

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.python.asgi import get_client
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.api.access import POLICY
from tests.builders.footage import encoded, street, street_clip
from tests.service.api.conftest import MakeClient

IS_LONG = settings.get_current_profile_name() == "long"  # pytest --hypothesis-profile=long
FIXED = settings(
    max_examples=300 if IS_LONG else 20,
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
PATIENCE_S = 90.0  # a clip may wait behind others for the 60 s that a caller can ask for
UNDESCRIBED = {"/", "/static", "/docs", "/openapi.json"}  # files, no operations
WITH_FILES = {("POST", "/frames/score"), ("POST", "/videos/analyze"), ("PUT", "/knowledge")}
ROUTES = [
    (method, path)
    for method, path in sorted(POLICY)
    if method != "WEBSOCKET" and path not in UNDESCRIBED
]


class Fuzzed(NamedTuple):
    """An app in this process, its description, and a client of it."""

    schema: Any
    client: Any


@pytest.fixture(scope="module")
def fuzzed(make_client: MakeClient) -> Iterator[Fuzzed]:
    """An app with limits that generated requests can meet.

    Its life is ours: schemathesis would end it after each test.
    """
    started = make_client(max_queued_jobs=10_000, max_image_pixels=1_000_000)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        scope["state"] = dict(started.app_state)
        await started.app(scope, receive, send)

    schema = schemathesis.openapi.from_dict(started.app.openapi(), config=SchemathesisConfig())  # type: ignore[attr-defined]
    with get_client(app) as client:
        yield Fuzzed(schema, client)


@pytest.fixture(autouse=True)
def _ordinary_floats() -> None:
    """ONNX Runtime lets this thread flush denormal numbers; hypothesis will not have that."""
    ctypes.CDLL(None).fesetenv(ctypes.c_void_p(-1))  # FE_DFL_ENV


@pytest.fixture(scope="module")
def good(fuzzed: Fuzzed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The id of a completed job, a clip and a picture."""
    clip = street_clip(tmp_path_factory.mktemp("clip") / "a.mp4").read_bytes()
    answer = fuzzed.client.post("/videos/analyze?wait=60", files={"video": clip})
    assert answer.status_code == 200
    job_id = answer.headers["location"].rsplit("/", 1)[1]
    return {"job_id": job_id, "video": clip, "image": encoded(street())}


def test_every_route_is_described(fuzzed: Fuzzed) -> None:
    """So that none of them goes untried."""
    described = {
        (operation.ok().method.upper(), operation.ok().path)
        for operation in fuzzed.schema.get_all_operations()
    }

    assert set(ROUTES) == described


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_generated_requests_meet_no_defect(fuzzed: Fuzzed, method: str, path: str) -> None:
    """All checks of schemathesis; what a file must hold is more than a schema can say."""
    beyond_schema = [positive_data_acceptance] if (method, path) in WITH_FILES else []

    @FIXED
    @given(case=fuzzed.schema[path][method].as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(
            session=fuzzed.client, excluded_checks=beyond_schema, timeout=PATIENCE_S
        )

    ask()


@pytest.mark.parametrize(
    ("method", "path"), [r for r in ROUTES if "{job_id}" in r[1] or r[0] == "POST"]
)
def test_good_uploads_and_known_jobs_meet_no_defect(
    fuzzed: Fuzzed, good: dict[str, Any], method: str, path: str
) -> None:
    """The rest of each request is generated."""

    @FIXED
    @given(case=fuzzed.schema[path][method].as_strategy())
    def ask(case: Any) -> None:
        if "job_id" in case.path_parameters:
            case.path_parameters["job_id"] = good["job_id"]
        if isinstance(case.body, dict):
            for field in {"image", "video"} & case.body.keys():
                case.body[field] = [good[field]] if field == "image" else good[field]
        case.call_and_validate(session=fuzzed.client, checks=OF_ANSWERS, timeout=PATIENCE_S)

    ask()
