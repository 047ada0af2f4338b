"""Thousands of jobs in Redis: listed in pages; old ones are forgotten with their files."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from service.jobs.queue import ended
from service.jobs.redis_queue import RedisConnection
from service.jobs.store import Job, JobOptions, JobStore
from tests.builders.servers import Redis, Saclip, Server, wait_until
from tests.faults.test_workers import Say

NUM_JOBS, NUM_NEW, PAGE = 1500, 2, 400
OPTIONS = JobOptions(sample_fps=10, top_k=1, mode="paired", film=False)


def test_thousands_of_jobs_are_listed_and_the_old_ones_go(
    tmp_path: Path, redis: Redis, say: Say, keep: Callable[[Any], Any]
) -> None:
    """Ended two hours ago, kept for one: a worker clears them away, and what is newer stays."""
    now = datetime.now(UTC)
    connection = keep(RedisConnection(redis.url))
    store = JobStore(tmp_path / "data" / "shared-jobs")
    ids = []
    for number in range(NUM_JOBS):
        is_new = number >= NUM_JOBS - NUM_NEW
        created = now - timedelta(hours=0 if is_new else 3) + timedelta(seconds=number / NUM_JOBS)
        job_id, path = store.open_upload()
        path.write_bytes(b"a clip")
        job = Job(id=job_id, name="a.mp4", options=OPTIONS, created_at=created)
        over = ended(job, "cancelled")
        old = {"ended_at": now - timedelta(hours=2)}
        connection.call(connection.jobs.create, over.model_copy(update={} if is_new else old))
        ids.append(job_id)
    shared: dict[str, Any] = {
        "redis_url": redis.url,
        "data_dir": tmp_path / "data",
        "min_free_bytes": 0,
        "job_retention_hours": 1,
    }
    server = keep(Server(tmp_path / "server.log", **shared))

    listed: list[str] = []
    started = time.monotonic()
    more = True
    while more:
        query = {"limit": PAGE} | ({"after": listed[-1]} if listed else {})
        page = server.http.get("/jobs", params=query).raise_for_status().json()
        listed += [job["id"] for job in page["jobs"]]
        more = page["has_more"]
    listed_s = time.monotonic() - started
    assert listed == ids[::-1]

    keep(Saclip(tmp_path / "worker.log", "worker", threads=1, **shared))
    started = time.monotonic()
    wait_until(lambda: len(server.http.get("/jobs").json()["jobs"]) == NUM_NEW, 240)
    gone_s = time.monotonic() - started

    say(
        f"{NUM_JOBS} jobs listed in {listed_s:.1f} s in pages of {PAGE}; "
        f"{NUM_JOBS - NUM_NEW} old ones forgotten {gone_s:.0f} s after a worker's start"
    )
    kept = set(ids[-NUM_NEW:])
    assert {path.name for path in (tmp_path / "data" / "shared-jobs").iterdir()} == kept
    statuses = connection.call(connection.jobs.counts)
    assert statuses["cancelled"] == NUM_NEW
    assert listed_s < 10
