"""What surrounds every request: its id, its headers, its numbers."""

import pytest
from starlette.testclient import TestClient

from service.api.middleware import chosen_id


def test_a_sane_request_id_is_kept(client: TestClient) -> None:
    """So that a gateway's id can be followed through the log."""
    response = client.get("/healthz", headers={"X-Request-ID": "gateway-1.a"})

    assert response.headers["x-request-id"] == "gateway-1.a"


@pytest.mark.parametrize("offered", [None, "", "a b", "x" * 65, "a\nb", "<script>"])
def test_any_other_request_id_is_replaced(offered: str | None) -> None:
    """It goes into logs and answers, so it must be short and plain."""
    made = chosen_id(offered)

    assert made != offered
    assert len(made) == 16


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/static/docs.js"])
def test_every_answer_forbids_foreign_content(client: TestClient, path: str) -> None:
    """Pages, answers and refusals alike."""
    headers = client.get(path).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_requests_are_counted_by_route_and_never_by_path(client: TestClient) -> None:
    """A path that no route has counts as `none`, so that nobody can invent labels."""
    client.get("/jobs/one")
    client.get("/jobs/two")
    client.get("/invented/by/a/client")
    client.request("BREW", "/healthz")

    text = client.get("/metrics").text

    assert 'http_requests_total{handler="/jobs/{job_id}",method="GET",status="404"} 2.0' in text
    assert 'http_requests_total{handler="none",method="GET",status="404"}' in text
    assert 'method="OTHER"' in text
    assert "invented" not in text
    assert "BREW" not in text
