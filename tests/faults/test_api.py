"""An API process that is killed, clients that are slow or gone, a long queue."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.builders.footage import encoded, street, street_clip
from tests.builders.servers import Redis, Saclip, Server, wait_until
from tests.faults.conftest import Stage
from tests.faults.test_workers import QUICK, Say, begins, is_over

Keep = Callable[[Any], Any]
BOUNDARY = "x" * 40


def begin_upload(server: Server, announced: int, sent: int) -> socket.socket:
    """A connection that has sent the head of an upload and some of its bytes."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    ).encode()
    wire = socket.create_connection(("127.0.0.1", server.port), 10)
    wire.sendall(
        b"POST /videos/analyze HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: multipart/form-data; boundary=" + BOUNDARY.encode() + b"\r\n"
        b"Content-Length: " + str(announced).encode() + b"\r\n\r\n" + head + bytes(sent)
    )
    return wire


def test_a_killed_api_loses_no_job(stage: Stage, tmp_path: Path, keep: Keep, say: Say) -> None:
    """Three accepted, one half uploaded: the three complete once each, the half leaves nothing."""
    worker = stage.worker("first")
    clip = street_clip(tmp_path / "clip.mp4", frames=100)
    ids = [stage.server.send(clip, **QUICK) for _ in range(3)]
    store = tmp_path / "data" / "shared-jobs"
    before = set(store.iterdir())
    with begin_upload(stage.server, 10_000_000, 200_000):
        wait_until(lambda: len(set(store.iterdir()) - before) == 1, 10)
        (half,) = set(store.iterdir()) - before
        stage.server.kill_tree()

    started = time.monotonic()
    again = keep(Server(tmp_path / "again.log", port=stage.server.port, **stage.shared))
    up_s = time.monotonic() - started
    statuses = [again.until(job_id, is_over, 240)["status"] for job_id in ids]
    for path in (half / "video", half):  # as if it had lain there for hours
        os.utime(path, (1, 1))
    stage.worker("second")  # every worker looks for such at its start
    wait_until(lambda: not half.exists(), 60, "of the half upload")

    say(f"API killed: answers again {up_s:.1f} s after its start; 3 of 3 jobs completed")
    assert statuses == ["completed"] * 3
    assert begins(worker) == 3
    assert len(again.http.get("/jobs").json()["jobs"]) == 3


@pytest.mark.timeout(900)
def test_a_hundred_jobs_are_neither_lost_nor_doubled(
    tmp_path: Path, keep: Keep, say: Say, stage: Stage
) -> None:
    """Two workers; one and the API are killed on the way; one job more than may wait is refused."""
    shared = {**stage.shared, "max_queued_jobs": 100}
    server = keep(Server(tmp_path / "hundred.log", **shared))
    clip = street_clip(tmp_path / "clip.mp4", frames=10)
    ids = [server.send(clip, **QUICK) for _ in range(100)]
    with clip.open("rb") as file:
        refused = server.http.post("/videos/analyze", files={"video": file})
    started = time.monotonic()
    first, second = stage.worker("first"), stage.worker("second")
    wait_until(lambda: done(server) >= 20, 240)

    first.kill_tree()
    server.kill_tree()
    third = stage.worker("third")
    server = keep(Server(tmp_path / "again.log", **shared))
    wait_until(lambda: done(server) == 100, 600, server.text()[-500:])
    took_s = time.monotonic() - started

    statuses = {job["id"]: job["status"] for job in server.http.get("/jobs").json()["jobs"]}
    workers = first, second, third
    ended = sum(worker.text().count('"status": "completed"') for worker in workers)
    say(
        f"100 jobs in {took_s:.0f} s with a worker and the API killed on the way: "
        f"{ended} completed, begun {begins(*workers)} times"
    )
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert statuses == dict.fromkeys(ids, "completed")
    assert ended == 100
    assert begins(*workers) <= 101  # the one that the killed worker had


def done(server: Server) -> int:
    """Jobs that have ended."""
    jobs = server.http.get("/jobs").json()["jobs"]
    return sum(is_over(job) for job in jobs)


def test_slow_clients_hold_nobody_up(tmp_path: Path, keep: Keep, say: Say) -> None:
    """Sixty uploads that crawl; a picture is scored beside them about as quickly as without."""
    server = keep(Server(tmp_path / "log", data_dir=tmp_path / "data", min_free_bytes=0))
    picture = encoded(street())

    def slowest_of_ten() -> float:
        seconds = []
        for _ in range(10):
            started = time.monotonic()
            answer = server.http.post("/frames/score", files={"image": picture})
            assert answer.status_code == 200
            seconds.append(time.monotonic() - started)
        return max(seconds)

    alone_s = slowest_of_ten()
    slow = [begin_upload(server, 1_000_000, 100) for _ in range(60)]
    for wire in slow:
        wire.sendall(b"a")
    beside_s = slowest_of_ten()
    folders = len(list((tmp_path / "data" / "jobs").iterdir()))
    for wire in slow:
        wire.close()
    gone_at = time.monotonic()
    wait_until(lambda: not list((tmp_path / "data" / "jobs").iterdir()), 20)

    say(
        f"60 slow uploads: a picture takes {beside_s:.2f} s at most ({alone_s:.2f} s without); "
        f"what they left is gone {time.monotonic() - gone_at:.1f} s after they hung up"
    )
    assert folders == 60
    assert beside_s < 5


def test_redis_that_is_full_refuses_and_goes_on(stage: Stage, tmp_path: Path, say: Say) -> None:
    """A job runs and one waits; a third is refused in words; with room again all go on."""
    redis: Redis = stage.redis
    stage.worker("first")
    clip = street_clip(tmp_path / "clip.mp4", frames=200)
    ids = [stage.server.send(clip, **QUICK) for _ in range(2)]
    wait_until(lambda: stage.server.job(ids[0])["progress"] > 0, 60)

    assert redis.ask("CONFIG", "SET", "maxmemory", "1").startswith("+OK")
    with clip.open("rb") as file:
        refused = stage.server.http.post("/videos/analyze", files={"video": file})
    wait_until(lambda: stage.server.http.get("/readyz").status_code == 503, 30)
    assert redis.ask("CONFIG", "SET", "maxmemory", "0").startswith("+OK")
    room_at = time.monotonic()
    wait_until(lambda: stage.server.http.get("/readyz").status_code == 200, 30)
    ready_s = time.monotonic() - room_at
    statuses = [stage.server.until(job_id, is_over, 240)["status"] for job_id in ids]

    say(f"Redis full: {refused.json()['detail']}; ready {ready_s:.0f} s after there is room")
    assert refused.status_code == 503
    assert "retry-after" in refused.headers
    assert statuses == ["completed"] * 2
    assert len(stage.server.http.get("/jobs").json()["jobs"]) == 2
    store = tmp_path / "data" / "shared-jobs"
    assert {path.name for path in store.iterdir()} == set(ids)


def test_a_host_without_the_shared_disk_keeps_no_copies(
    tmp_path: Path, keep: Keep, redis: Redis
) -> None:
    """Films that it showed and half uploads of its killed process go; the store has the former."""
    shared: dict[str, Any] = {
        "redis_url": redis.url,
        "store_url": (tmp_path / "store").as_uri(),
        "min_free_bytes": 0,
    }
    api = {"data_dir": tmp_path / "api", **shared}
    server = keep(Server(tmp_path / "api.log", **api))
    keep(Saclip(tmp_path / "w.log", "worker", threads=1, data_dir=tmp_path / "w", **shared))
    job_id = server.send(street_clip(tmp_path / "clip.mp4"))
    assert server.until(job_id, is_over)["status"] == "completed"
    film = server.http.get(f"/jobs/{job_id}/video.mp4").content
    work = tmp_path / "api" / "work"
    with begin_upload(server, 10_000_000, 200_000):
        wait_until(lambda: len(list(work.iterdir())) == 2, 10)
        server.kill_tree()
    for path in (*work.glob("*/*"), *work.iterdir()):
        os.utime(path, (1, 1))

    again = keep(Server(tmp_path / "again.log", **api))  # looks at its start, then now and then

    wait_until(lambda: not list(work.iterdir()), 20, "of what was left")
    assert again.http.get(f"/jobs/{job_id}/video.mp4").content == film
