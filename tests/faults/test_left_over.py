"""What a process left undone when it died is done by another: enqueueing, and telling callers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.jobs.queue import ended
from service.jobs.redis_queue import RedisConnection
from service.jobs.store import Job, JobOptions, JobStore
from tests.builders.footage import street_clip
from tests.builders.servers import Receiver, Redis, Saclip, wait_until
from tests.faults.test_workers import Say


def test_jobs_and_callbacks_that_nobody_enqueued_are_found(
    tmp_path: Path, redis: Redis, say: Say, keep: Callable[[Any], Any]
) -> None:
    """As if the server had died after writing a job down, and a worker after ending one."""
    receiver = keep(Receiver())
    (tmp_path / "secret").write_text("twenty-four bytes or more")
    url = f"http://127.0.0.1:{receiver.port}/told"
    options = JobOptions(sample_fps=10, top_k=1, mode="paired", film=False, callback_url=url)
    store = JobStore(tmp_path / "data" / "shared-jobs")
    job_id, path = store.open_upload()
    street_clip(path.with_suffix(".mp4")).rename(path)
    store.publish_upload(job_id)
    waiting = Job(id=job_id, name="a.mp4", options=options, created_at=datetime.now(UTC))
    untold = ended(waiting.model_copy(update={"id": "told-by-nobody"}), "failed")
    connection = keep(RedisConnection(redis.url))
    for job in (waiting, untold):
        connection.call(connection.jobs.create, job)
    started = time.monotonic()

    keep(
        Saclip(
            tmp_path / "worker.log", "worker", threads=1, redis_url=redis.url,
            data_dir=tmp_path / "data", callback_hosts=f"127.0.0.1:{receiver.port}",
            callback_secret_file=tmp_path / "secret",
        )
    )  # fmt: skip
    wait_until(lambda: len(receiver.seen) == 2, 60)
    found_s = time.monotonic() - started
    wait_until(lambda: not connection.call(connection.jobs.untold), 10)

    say(f"left over: job and callback found and done {found_s:.1f} s after a worker's start")
    assert {headers["webhook-id"] for headers, _ in receiver.seen} == {
        f"job_{job_id}",
        "job_told-by-nobody",
    }
    jobs = {job.id: job for job in connection.call(connection.jobs.all)}
    assert jobs[job_id].status == "completed"
    assert {job.callback for job in jobs.values()} == {"delivered"}
