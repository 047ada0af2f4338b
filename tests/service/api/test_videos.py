"""`POST /videos/analyze` and `/jobs`: a clip becomes a job, a job becomes a report."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from service.errors import AnalysisCancelled
from service.pipeline.video import VideoAnalyzer
from tests.service.api.conftest import MakeClient, post


def until(client: TestClient, job_id: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        if job["status"] in states:
            return job
        time.sleep(0.02)
    raise AssertionError(f"the job is still {job['status']}")


def until_stage(client: TestClient, job_id: str, progress: float, stage: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        job = client.get(f"/jobs/{job_id}").json()
        if (job["status"], job["progress"], job["stage"]) == ("in_progress", progress, stage):
            return
        assert time.monotonic() < deadline, job
        time.sleep(0.02)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Analyses report half of their work, then wait for the event or to be cancelled."""
    event = threading.Event()
    analyze = VideoAnalyzer.analyze

    def wait_first(self: VideoAnalyzer, path: Path, **options: Any) -> Any:
        options["progress"](0.5, "scoring frames")
        while not event.wait(0.01):
            if options["cancelled"]():
                raise AnalysisCancelled("cancelled")
        return analyze(self, path, **options)

    monkeypatch.setattr(VideoAnalyzer, "analyze", wait_first)
    yield event
    event.set()


def test_a_clip_becomes_a_job_and_the_job_a_report(client: TestClient, clip: bytes) -> None:
    """202 with the place to look at; later the report of architecture.md section 5."""
    response = post(client, clip)

    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"/jobs/{job['id']}"
    assert (job["object"], job["name"]) == ("job", "street.mp4")
    job = until(client, job["id"], "completed")
    assert (job["progress"], job["error"]) == (100.0, None)
    report = client.get(job["report_url"]).json()
    assert set(report) == {
        "schema_version", "video", "model", "frames", "segments", "decode_errors", "skipped",
        "timings",
    }  # fmt: skip
    assert len(report["frames"]) == 20
    assert report["video"]["name"] == "street.mp4"


def test_waiting_gives_the_report_itself(client: TestClient, clip: bytes) -> None:
    """200 when it is ready in time."""
    response = post(client, clip, wait=30, sample_fps=2, top_k=1, mode="literal")

    assert response.status_code == 200
    report = response.json()
    assert report["model"]["mode"] == "literal"
    assert len(report["frames"]) == 4
    job_id = response.headers["location"].removeprefix("/jobs/")
    assert client.get(f"/jobs/{job_id}/report").json() == report


def test_a_wait_that_was_too_short_gives_the_job(
    client: TestClient, clip: bytes, held: threading.Event
) -> None:
    """The report is not ready, so asking for it is a conflict."""
    response = post(client, clip, wait=0.2)

    assert response.status_code == 202
    job = response.json()
    assert job["status"] in ("queued", "in_progress")
    # Half of the scoring, which is three quarters of the work; a busy machine gets there late.
    until_stage(client, job["id"], 37.5, "scoring frames")
    too_early = client.get(f"/jobs/{job['id']}/report")
    assert too_early.status_code == 409
    assert too_early.json()["type"] == "/problems/report-not-ready"
    held.set()
    until(client, job["id"], "completed")


def test_a_running_job_can_be_cancelled(
    client: TestClient, clip: bytes, held: threading.Event
) -> None:
    """It stops within a second, and there is no report."""
    job_id = post(client, clip).json()["id"]
    until_stage(client, job_id, 37.5, "scoring frames")

    assert client.delete(f"/jobs/{job_id}").status_code == 202
    started = time.monotonic()
    until(client, job_id, "cancelled")

    assert time.monotonic() - started < 1
    assert client.get(f"/jobs/{job_id}/report").status_code == 409


def test_a_waiting_job_can_be_cancelled(
    client: TestClient, clip: bytes, held: threading.Event
) -> None:
    """It never starts."""
    running = post(client, clip, wait=0.2).json()["id"]
    waiting = post(client, clip).json()["id"]

    assert client.delete(f"/jobs/{waiting}").json()["status"] == "cancelled"
    held.set()
    until(client, running, "completed")
    assert client.get(f"/jobs/{waiting}").json()["started_at"] is None


def test_a_full_queue_refuses(make_client: MakeClient, clip: bytes, held: threading.Event) -> None:
    """One runs, one waits, the third is told to come back."""
    client = make_client(max_queued_jobs=1)
    post(client, clip, wait=0.2)
    post(client, clip)

    response = post(client, clip)

    assert response.status_code == 429
    assert response.json()["type"] == "/problems/overloaded"
    assert int(response.headers["retry-after"]) > 0


def test_an_analysis_that_breaks_fails_its_job_alone(
    client: TestClient, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defect stays in the log, the worker goes on."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    with structlog.testing.capture_logs(), monkeypatch.context() as patch:
        patch.setattr(VideoAnalyzer, "analyze", broken)
        response = post(client, clip, wait=20)

    assert response.status_code == 500
    job = client.get(response.headers["location"]).json()
    assert (job["status"], job["error"]["title"]) == ("failed", "Internal Server Error")
    assert "secret" not in response.text
    assert post(client, clip, wait=20).status_code == 200


@pytest.mark.parametrize("job_id", ["nothing", "%2e%2e%2fjobs", "0" * 36])
@pytest.mark.parametrize("part", ["", "/report"])
def test_an_unknown_job_is_not_found(client: TestClient, job_id: str, part: str) -> None:
    """Whatever the id looks like; none becomes a path on the disk."""
    assert client.get(f"/jobs/{job_id}{part}").status_code == 404


def test_a_name_with_folders_is_shown_without_them(client: TestClient, clip: bytes) -> None:
    """The name is for people; no path is made of it."""
    files = {"video": ("../../etc/C:\\clips\\a.mp4", clip)}

    response = client.post("/videos/analyze", files=files)

    assert response.json()["name"] == "a.mp4"
    until(client, response.json()["id"], "completed")
