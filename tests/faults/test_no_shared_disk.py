"""A server and workers on hosts of their own: Redis for jobs, S3 for files, a callback at last."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.pipeline.checkpoint import CHECKPOINT_FILE
from service.webhooks import sign
from tests.builders.servers import S3, Receiver, Redis, Saclip, Server, redis_server, wait_until
from tests.faults.conftest import CLIP_FRAMES
from tests.faults.test_workers import Say, is_over, taken_up_at

SECRET = b"twenty-four bytes or more"


def test_a_clip_goes_through_hosts_that_share_no_disk(
    tmp_path: Path,
    clip: Path,
    say: Say,
    keep: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Uploaded here, begun there, resumed elsewhere after a kill; the film is read here again."""
    if redis_server() is None:
        pytest.skip("no redis-server: deploy/system-packages.sh tests")
    redis, s3, receiver = keep(Redis(tmp_path)), keep(S3(tmp_path)), keep(Receiver([500, 200]))
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "secret").write_bytes(SECRET)
    shared: dict[str, Any] = {
        "redis_url": redis.url,
        "store_url": "s3://clips/saclip",
        "min_free_bytes": 0,
        "callback_hosts": f"127.0.0.1:{receiver.port}",
        "callback_secret_file": tmp_path / "secret",
    }

    def worker(name: str) -> Saclip:
        log, folder = tmp_path / f"{name}.log", tmp_path / name
        started: Saclip = keep(Saclip(log, "worker", threads=1, data_dir=folder, **shared))
        return started

    server = keep(Server(tmp_path / "server.log", data_dir=tmp_path / "server", **shared))
    first = worker("first")
    job_id = server.send(clip, callback_url=f"http://127.0.0.1:{receiver.port}/told")
    wait_until(lambda: any(CHECKPOINT_FILE in name for name in s3.names()), 120)
    while_running = s3.names()
    second = worker("second")
    first.kill_tree()
    killed_at = time.monotonic()
    wait_until(lambda: "job_begun" in second.text(), 30)
    taken_up_s = time.monotonic() - killed_at
    assert server.until(job_id, is_over, 240)["status"] == "completed"
    wait_until(lambda: len(receiver.seen) == 2, 30, "from the worker")

    index = taken_up_at(second)
    say(
        f"S3 and no shared disk: taken up {taken_up_s:.1f} s after SIGKILL, from frame {index} of "
        f"{CLIP_FRAMES}; the callback was taken at its second try"
    )
    assert index > 0
    report = server.report(job_id)
    assert len(report["frames"]) == CLIP_FRAMES
    film = server.http.get(f"/jobs/{job_id}/video.mp4").raise_for_status()
    assert film.content[4:8] == b"ftyp"
    picture = server.http.get(f"/jobs/{job_id}/frames/{report['frames'][9]['index']}.jpg")
    assert picture.raise_for_status().content[:2] == b"\xff\xd8"

    kept = {name.rsplit("/", 1)[-1] for name in s3.names()}
    assert {"video", "checkpoint.npz"} <= {name.rsplit("/", 1)[-1] for name in while_running}
    assert kept == {"report.json", "frames.sqlite", "film.mp4"}
    assert not list((tmp_path / "second" / "work").iterdir())
    headers, body = receiver.seen[1]
    stamp = headers["webhook-timestamp"]
    assert headers["webhook-signature"] == sign(SECRET, f"job_{job_id}", stamp, body)
    assert json.loads(body)["data"]["status"] == "completed"
