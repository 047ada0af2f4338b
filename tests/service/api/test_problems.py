"""Every error of the tree has a status, and every refusal is problem+json."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

import service.bundle.sessions  # noqa: F401 - defines errors of the tree
from service import errors
from service.api.problems import STATUS_OF, problem_of


def subclasses(kind: type[errors.ServiceError]) -> Iterator[type[errors.ServiceError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_error_is_mapped_or_fatal() -> None:
    """A new error without a status would become a 500."""
    unmapped = {
        kind
        for kind in subclasses(errors.ServiceError)
        if kind not in STATUS_OF and not issubclass(kind, errors.FatalError)
    }

    assert unmapped == set()


def test_every_error_has_a_title_of_its_own() -> None:
    """Titles are the docstrings; clients and OpenAPI show them."""
    titles = [kind.__doc__ for kind in STATUS_OF]

    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_a_problem_carries_kind_title_status_and_detail() -> None:
    """`FrameTooLarge` is /problems/frame-too-large with its docstring as the title."""
    problem = problem_of(errors.FrameTooLarge("9 pixels, the limit is 8"))

    assert problem.model_dump(exclude_none=True) == {
        "type": "/problems/frame-too-large",
        "title": "The picture is larger than the service accepts.",
        "status": 413,
        "detail": "9 pixels, the limit is 8",
    }


def test_a_fatal_error_tells_a_client_nothing() -> None:
    """Paths and settings of the machine stay in the log."""
    problem = problem_of(errors.FatalError("/srv/secret/bundle: damaged"))

    assert problem.model_dump(exclude_none=True) == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/frames/score", 405), ("GET", "/jobs/x", 404)],
)
def test_what_the_framework_refuses_is_a_problem_too(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """404 and 405 look like every other refusal and carry the request id."""
    response = client.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert response.json()["request_id"] == response.headers["x-request-id"]
