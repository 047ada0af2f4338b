"""Redis that is restarted, a server that is killed, and knowledge that changes meanwhile."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from knowledge.hierarchy import hierarchy_to_yaml, load_hierarchy
from service.pipeline.checkpoint import CHECKPOINT_FILE
from tests.builders.footage import street_clip
from tests.builders.servers import Redis, Server, wait_until
from tests.faults.conftest import CLIP_FRAMES, Stage
from tests.faults.test_workers import QUICK, Say, is_over, is_running, taken_up_at

Keep = Callable[[Any], Any]


def test_redis_killed_and_restarted_loses_no_job(
    stage: Stage, tmp_path: Path, say: Say, keep: Keep
) -> None:
    """One job runs, three wait; Redis is killed and comes back from its append-only file."""
    stage.worker("first")
    short = street_clip(tmp_path / "clip.mp4", frames=200)
    ids = [stage.server.send(short, **QUICK) for _ in range(4)]
    stage.server.until(ids[0], is_running)

    stage.redis.kill_tree()
    time.sleep(2)
    keep(Redis(tmp_path, stage.redis.port))
    back_at = time.monotonic()
    jobs = [stage.server.until(job_id, is_over, 240) for job_id in ids]

    took_s = time.monotonic() - back_at
    say(f"Redis killed and back: all {len(jobs)} jobs ended within {took_s:.0f} s of its return")
    assert took_s < 90
    assert [job["status"] for job in jobs] == ["completed"] * 4
    assert stage.server.report(ids[0]) == stage.server.report(ids[3])


def test_a_killed_server_goes_on_after_its_restart(
    tmp_path: Path, clip: Path, say: Say, keep: Keep
) -> None:
    """In-process: kill -9 in mid-job, start again, the job completes from its checkpoint."""
    settings: dict[str, Any] = {"data_dir": tmp_path / "data", "min_free_bytes": 0}
    first = keep(Server(tmp_path / "first.log", **settings))
    whole = first.send(clip, **QUICK)
    assert first.until(whole, is_over, 240)["status"] == "completed"
    job_id = first.send(clip, **QUICK)
    kept = tmp_path / "data" / "jobs" / job_id / CHECKPOINT_FILE
    wait_until(kept.exists, 120, "of a checkpoint")

    first.kill_tree()
    started = time.monotonic()
    second = keep(Server(tmp_path / "second.log", **settings))
    job = second.until(job_id, is_over, 240)

    say(
        f"in-process: completed {time.monotonic() - started:.0f} s after the restart, "
        f"from the checkpoint at frame {taken_up_at(second)} of {CLIP_FRAMES}"
    )
    assert job["status"] == "completed"
    assert taken_up_at(second) > 0
    assert second.report(job_id) == second.report(whole)


def test_the_in_process_engine_cancels_within_a_second(
    tmp_path: Path, clip: Path, say: Say, keep: Keep
) -> None:
    """The running analysis ends; the next job begins at once."""
    server = keep(Server(tmp_path / "server.log", data_dir=tmp_path / "data", min_free_bytes=0))
    job_id, following = server.send(clip, **QUICK), server.send(clip, **QUICK)
    server.until(job_id, lambda job: is_running(job) and job["progress"] > 1)

    cancelled_at = time.monotonic()
    answer = server.http.delete(f"/jobs/{job_id}").json()
    server.until(following, is_running, 10)
    free_s = time.monotonic() - cancelled_at

    say(f"in-process: the next job began {free_s:.2f} s after the cancelling")
    assert answer["status"] == "cancelled"
    assert free_s < 1


def test_new_knowledge_reaches_everybody_and_a_running_job_keeps_its_own(
    stage: Stage, tmp_path: Path, clip: Path, say: Say, keep: Keep
) -> None:
    """Two servers and two workers; the job that ran at the time reports the old digest."""
    shared: dict[str, Any] = {
        "redis_url": stage.redis.url,
        "data_dir": tmp_path / "data",
        "min_free_bytes": 0,
    }
    other = keep(Server(tmp_path / "other.log", **shared))
    first = stage.worker("first")
    old = load_hierarchy().sha256
    running = stage.server.send(clip, **QUICK)
    stage.until_checkpoint(running)
    second = stage.worker("second")
    wait_until(lambda: "starting worker" in second.text(), 60)
    text = hierarchy_to_yaml(load_hierarchy())
    changed = text.replace("Rear-end collision", "Collision with the rear end")
    assert changed != text

    put = stage.server.http.put(
        "/knowledge", content=changed, headers={"content-type": "application/yaml"}
    )
    put_at = time.monotonic()
    new = put.raise_for_status().json()["sha256"]
    # At once to the idle worker, which was there before the change.
    later = stage.server.send(street_clip(tmp_path / "later.mp4"), **QUICK)
    wait_until(lambda: other.http.get("/knowledge").headers["etag"] == f'"{new}"', 10)
    reached_s = time.monotonic() - put_at
    stage.server.until(later, is_over, 60)
    was_running = stage.server.job(running)
    # A kill must not make the running job change its mind either.
    first.kill_tree()
    digests = []
    for job_id in (running, later):
        assert stage.server.until(job_id, is_over, 240)["status"] == "completed"
        digests.append(stage.server.report(job_id)["model"]["knowledge_sha256"])

    say(f"in service in the other server after {reached_s:.1f} s, at once in an idle worker")
    assert was_running["status"] == "in_progress"
    assert taken_up_at(second) > 0
    assert digests == [old, new]
    stale = stage.server.http.put(
        "/knowledge",
        content=text,
        headers={"content-type": "application/yaml", "if-match": f'"{old}"'},
    )
    assert stale.status_code == 412
