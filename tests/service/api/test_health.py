"""Probes and metrics: what machines read."""

import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.builders.footage import encoded, street, street_clip
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
    values = values_of(response.text)
    assert values["saclip_inference_images_total",] == 1
    assert values["saclip_anomaly_score_count", "stills"] == 1
    assert values["saclip_inference_batch_size_count",] == 1
    assert values["saclip_detector_boxes_total", "car"] > 0
    assert values["saclip_evidence_values_total", "stills"] > 0
    assert values["saclip_inference_pending_requests", "running"] == 0
    assert values["saclip_inference_pending_requests", "waiting"] == 0
    assert values["saclip_text_embedding_cache_misses_total",] > 100
    assert values["saclip_text_embedding_cache_hits_total",] == 0
    assert values["saclip_disk_free_bytes",] > 0
    assert time.time() - values["saclip_worker_heartbeat_timestamp_seconds",] < 5
    assert values["saclip_requests_rejected_total", "frame-not-supported"] == 1
    assert values["http_requests_total", "/frames/score", "POST", "200"] == 1
    assert values["http_requests_total", "/frames/score", "POST", "415"] == 1
    assert values["http_request_duration_seconds_count", "/frames/score", "POST"] == 2
    assert values["saclip_jobs", "queued"] == 0
    for stage in ("decode", "detect", "encode", "score"):
        assert values["saclip_stage_duration_seconds_count", stage] == 1


def values_of(text: str) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_tell_of_clips_too(make_client: MakeClient, tmp_path: Path) -> None:
    """Frames, stages, jobs: the numbers of one report."""
    client = make_client()
    video = street_clip(tmp_path / "a.mp4").read_bytes()
    report = client.post("/videos/analyze", params={"wait": 60}, files={"video": video}).json()

    values = values_of(client.get("/metrics").text)

    assert values["saclip_video_frames_total", "scored"] == len(report["frames"])
    assert values["saclip_anomaly_score_count", "clips"] == len(report["frames"])
    assert values["saclip_jobs_total", "completed"] == 1
    assert values["saclip_job_duration_seconds_count",] == 1
    assert values["saclip_job_queue_wait_seconds_count",] == 1
    assert values["saclip_clip_stage_seconds_total", "decode"] > 0
    alarms = sum(n for (name, *_), n in values.items() if name == "saclip_alarms_total")
    assert alarms == len(report["segments"])


def test_descriptions_embedded_before_are_not_embedded_again(make_client: MakeClient) -> None:
    """An expert's change of one text costs one text."""
    client = make_client()
    known = client.get("/knowledge").json()

    assert client.put("/knowledge", json=known).status_code == 200

    values = values_of(client.get("/metrics").text)
    hits = values["saclip_text_embedding_cache_hits_total",]
    assert hits == values["saclip_text_embedding_cache_misses_total",] > 100


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
