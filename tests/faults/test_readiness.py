"""``/readyz`` through the day: no worker, no Redis, one that hangs, no room; and back by itself."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.builders.footage import encoded, street, street_clip
from tests.builders.servers import Redis, Server, free_port, wait_until
from tests.faults.conftest import Stage
from tests.faults.test_workers import Say, is_over


def reasons(server: Server) -> list[str]:
    """What speaks against sending requests; the status must agree."""
    answer = server.http.get("/readyz")
    content = answer.json()
    assert answer.status_code == (200 if content["ready"] else 503)
    return list(content["reasons"])


def seconds_until(server: Server, word: str | None, timeout_s: float = 40) -> float:
    """Time until a reason says the word; None: until there is no reason."""
    started = time.monotonic()
    wait_until(
        lambda: not reasons(server) if word is None else word in str(reasons(server)),
        timeout_s,
        f"for {word}",
    )
    return time.monotonic() - started


def test_ready_only_while_a_worker_beats(stage: Stage, say: Say) -> None:
    """None yet, one, none again, one again."""
    seconds_until(stage.server, "no worker")
    worker = stage.worker("first")
    up_s = seconds_until(stage.server, None)
    worker.kill_tree()
    down_s = seconds_until(stage.server, "no worker")
    stage.worker("second")
    again_s = seconds_until(stage.server, None)

    say(f"ready {up_s:.0f} s after a worker's start, not {down_s:.0f} s after its death")
    assert down_s < 15
    assert again_s < 30


def test_ready_only_while_redis_answers(
    stage: Stage, say: Say, keep: Callable[[Any], Any], tmp_path: Path
) -> None:
    """Killed, then restarted; then stopped without closing its connections, and woken."""
    stage.worker("first")
    seconds_until(stage.server, None)
    stage.redis.kill_tree()
    gone_s = seconds_until(stage.server, "Redis")
    assert stage.server.http.get("/healthz").is_success
    redis = keep(Redis(tmp_path, stage.redis.port))
    back_s = seconds_until(stage.server, None)

    redis.send_signal(signal.SIGSTOP)
    hung_s = seconds_until(stage.server, "Redis")
    asked = time.monotonic()
    refused = stage.server.http.post("/videos/analyze", files={"video": b"x"})
    refused_s = time.monotonic() - asked
    picture = {"image": encoded(street())}
    assert stage.server.http.post("/frames/score", files=picture).is_success
    redis.send_signal(signal.SIGCONT)
    woken_s = seconds_until(stage.server, None)

    say(
        f"Redis killed: not ready after {gone_s:.0f} s, ready {back_s:.0f} s after its return; "
        f"Redis hangs: {hung_s:.0f} s and {woken_s:.0f} s, an upload refused in {refused_s:.0f} s"
    )
    assert refused.status_code == 503
    assert max(gone_s, hung_s) < 15
    assert max(back_s, woken_s) < 20
    assert refused_s < 15


def test_ready_only_while_there_is_room(tmp_path: Path, keep: Callable[[Any], Any]) -> None:
    """What must stay free is more than there is; uploads are refused with 507, pictures are not."""
    server = keep(Server(tmp_path / "log", data_dir=tmp_path / "data", min_free_bytes="900TiB"))
    clip = street_clip(tmp_path / "clip.mp4").read_bytes()

    assert "disk nearly full" in str(reasons(server))
    assert server.http.post("/videos/analyze", files={"video": clip}).status_code == 507
    assert list((tmp_path / "data" / "jobs").iterdir()) == []


def test_the_port_opens_when_the_models_are_warm(
    tmp_path: Path, keep: Callable[[Any], Any]
) -> None:
    """So the first answer of ``/readyz`` is a yes."""
    server = keep(Server(tmp_path / "log", data_dir=tmp_path / "data", min_free_bytes=0))

    assert reasons(server) == []
    assert "engine_loaded" in server.text()


def test_a_worker_tells_prometheus_what_it_did(
    stage: Stage, tmp_path: Path, keep: Callable[[Any], Any]
) -> None:
    """Frames, stages and jobs of a real job, a heartbeat, and the room of its disk."""
    port = free_port()
    worker = stage.worker("first", metrics_port=port)
    job_id = stage.server.send(street_clip(tmp_path / "clip.mp4"))
    assert stage.server.until(job_id, is_over)["status"] == "completed"
    report = stage.server.report(job_id)

    def values() -> dict[tuple[str, ...], float]:
        text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    wait_until(lambda: values()["saclip_jobs_total", "completed"] == 1, 10)
    seen = values()
    assert seen["saclip_video_frames_total", "scored"] == len(report["frames"])
    assert time.time() - seen["saclip_worker_heartbeat_timestamp_seconds",] < 5
    assert seen["saclip_disk_free_bytes",] > 0
    assert any(name == "saclip_build_info" for name, *_ in seen)
    assert worker.stop() == 0
