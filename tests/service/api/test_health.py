"""Probes and metrics: what machines read."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.builders.footage import encoded, street
from tests.service.api.conftest import MakeClient

SVG_NAME = "http://www.w3.org/2000/svg"  # a name that is never fetched


def test_a_started_service_is_alive_and_ready(client: TestClient) -> None:
    """Models are warm before the first request."""
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").json() == {"ready": True, "reasons": []}


def test_metrics_tell_what_happened(make_client: MakeClient) -> None:
    """One picture scored, one refused."""
    client = make_client()
    client.post("/frames/score", files={"image": encoded(street())})
    client.post("/frames/score", files={"image": b"words"})

    response = client.get("/metrics")

    assert response.headers["content-type"].startswith("text/plain; version=")
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    assert values["saclip_inference_images_total",] == 1
    assert values["saclip_anomaly_score_count",] == 1
    assert values["saclip_requests_rejected_total", "frame-not-supported"] == 1
    assert values["http_requests_total", "/frames/score", "POST", "200"] == 1
    assert values["http_requests_total", "/frames/score", "POST", "415"] == 1
    assert values["http_request_duration_seconds_count", "/frames/score", "POST"] == 2
    assert values["saclip_jobs", "queued"] == 0
    for stage in ("decode", "detect", "encode", "score"):
        assert values["saclip_stage_duration_seconds_count", stage] == 1


def test_the_build_is_named(client: TestClient) -> None:
    """So that a dashboard can say which model made its numbers."""
    assert 'saclip_build_info{model="tiny",' in client.get("/metrics").text


def test_the_pages_load_nothing_from_elsewhere(client: TestClient) -> None:
    """Every address in the page's files is one of this server."""
    web = Path("service/web")

    texts = [p for p in web.rglob("*") if p.suffix in (".html", ".js", ".css", ".svg")]
    assert texts
    for path in texts:
        text = path.read_text(encoding="utf-8").replace(SVG_NAME, "")
        assert "http://" not in text
        assert "https://" not in text
        assert client.get(f"/static/{path.relative_to(web)}").status_code == 200
    assert client.get("/").headers["content-type"].startswith("text/html")
    assert client.get("/docs").headers["content-type"].startswith("text/html")
