"""Workers of the Redis engine that are killed, stopped, or slow."""

import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.jobs.redis_engine import IDLE_S
from tests.builders.footage import street_clip
from tests.builders.servers import Program, wait_until
from tests.faults.conftest import CLIP_FRAMES, Stage

QUICK = {"film": "false"}
Say = Callable[[str], None]


def is_running(job: dict[str, Any]) -> bool:
    return bool(job["status"] == "in_progress")


def is_over(job: dict[str, Any]) -> bool:
    return job["status"] in ("completed", "failed", "cancelled")


def begins(*workers: Program) -> int:
    """How often any of the workers began a job."""
    return sum(worker.text().count("job_begun") for worker in workers)


def taken_up_at(worker: Program) -> int:
    """The frame of the clip from which a worker went on; fails when it began anew."""
    found = re.search(r'"last_index": ?(\d+)', worker.text())
    assert found is not None
    assert "checkpoint_taken_up" in worker.text()
    return int(found[1])


def test_the_job_of_a_killed_worker_is_resumed_by_another(
    stage: Stage, clip: Path, say: Say
) -> None:
    """SIGKILL of the whole tree in mid-job: within 15 s, from the checkpoint, one equal report."""
    first = stage.worker("first")
    whole = stage.server.send(clip, **QUICK)
    assert stage.server.until(whole, is_over, 240)["status"] == "completed"

    job_id = stage.server.send(clip, **QUICK)
    stage.until_checkpoint(job_id)
    second = stage.worker("second")
    wait_until(lambda: "starting worker" in second.text(), 60)
    killed_at = time.monotonic()
    first.kill_tree()
    wait_until(lambda: "job_begun" in second.text(), 30)
    taken_up_s = time.monotonic() - killed_at
    assert stage.server.until(job_id, is_over, 240)["status"] == "completed"

    index = taken_up_at(second)
    say(
        f"taken up by another worker {taken_up_s:.1f} s after SIGKILL, "
        f"from the checkpoint at frame {index} of {CLIP_FRAMES}"
    )
    assert taken_up_s < 15
    assert index > 0
    assert begins(first, second) == 3
    assert stage.server.report(job_id) == stage.server.report(whole)
    reports = list((stage.folder / "data" / "shared-jobs" / job_id).glob("report*"))
    assert len(reports) == 1


@pytest.mark.timeout(1200)
def test_a_long_job_runs_once(stage: Stage, tmp_path: Path, say: Say) -> None:
    """Twenty minutes of clip, many times the heartbeat, with an idle worker that waits for it."""
    workers = [stage.worker("first"), stage.worker("second")]
    long = street_clip(tmp_path / "long.mp4", frames=12_000)
    started = time.monotonic()

    job_id = stage.server.send(long, sample_fps="2", **QUICK)
    job = stage.server.until(job_id, is_over, 1000)

    took_s = time.monotonic() - started
    say(
        f"a 20-minute clip took {took_s:.0f} s, {took_s / IDLE_S:.0f} times the silence after "
        f"which a worker counts as dead ({IDLE_S:g} s); begun {begins(*workers)} time(s)"
    )
    assert took_s > 3 * IDLE_S
    assert job["status"] == "completed"
    assert begins(*workers) == 1
    assert len(stage.server.report(job_id)["frames"]) == 2400


def test_a_stopped_worker_hands_its_job_back(stage: Stage, clip: Path, say: Say) -> None:
    """SIGTERM: it is gone soon, with status 0, and the next worker goes on from the checkpoint."""
    first = stage.worker("first")
    job_id = stage.server.send(clip, **QUICK)
    stage.until_checkpoint(job_id)

    stopped_at = time.monotonic()
    status = first.stop()
    stop_s = time.monotonic() - stopped_at
    waiting = stage.server.job(job_id)
    second = stage.worker("second")
    job = stage.server.until(job_id, is_over, 240)

    say(
        f"stopped {stop_s:.1f} s after SIGTERM; the job was {waiting['status']} and went on "
        f"from frame {taken_up_at(second)} of {CLIP_FRAMES}"
    )
    assert (status, waiting["status"]) == (0, "queued")
    assert stop_s < 15
    assert job["status"] == "completed"
    assert taken_up_at(second) > 0
    assert '"attempt": 1' in second.text()  # an orderly stop is no failed attempt
    assert '"attempt": 2' not in second.text()


def test_a_clip_that_kills_its_worker_fails_and_blocks_nobody(
    stage: Stage, tmp_path: Path, say: Say, keep: Callable[[Any], Any]
) -> None:
    """Three tries with workers that are started again; another clip passes meanwhile."""
    store = stage.folder / "data" / "shared-jobs"
    script = Path(__file__).parent / "poison_worker.py"
    command = [sys.executable, str(script), stage.redis.url, str(store)]
    harmless = street_clip(tmp_path / "good.mp4")
    poison = shutil.copy(harmless, tmp_path / "poison.mp4")
    started = time.monotonic()
    bad = stage.server.send(Path(poison))
    workers = [keep(Program(command, tmp_path / f"{i}.log")) for i in range(2)]
    good = stage.server.send(harmless)
    deaths, good_s = 0, None

    while not is_over(job := stage.server.job(bad)):
        assert time.monotonic() - started < 120
        for worker in [w for w in workers if w.process.poll() is not None]:
            deaths += 1
            workers.remove(worker)
            workers.append(keep(Program(command, tmp_path / f"{deaths + 1}.log")))
        if good_s is None and is_over(stage.server.job(good)):
            good_s = time.monotonic() - started
        time.sleep(0.1)

    say(
        f"failed {time.monotonic() - started:.0f} s after {deaths} deaths; "
        f"the other clip was done after {good_s or 0:.1f} s"
    )
    assert job["status"] == "failed"
    assert "killed 3 times" in job["error"]["detail"]
    assert deaths == 3
    assert good_s is not None


def test_a_cancelled_job_stops_within_a_second(stage: Stage, clip: Path, say: Say) -> None:
    """The answer says so at once; the worker is free for the next job soon after."""
    worker = stage.worker("first")
    job_id = stage.server.send(clip, **QUICK)
    stage.server.until(job_id, lambda job: is_running(job) and job["progress"] > 1, 240)
    following = stage.server.send(clip, **QUICK)

    cancelled_at = time.monotonic()
    answer = stage.server.http.delete(f"/jobs/{job_id}").json()
    told_s = time.monotonic() - cancelled_at
    wait_until(lambda: begins(worker) == 2, 10)
    free_s = time.monotonic() - cancelled_at
    stage.server.http.delete(f"/jobs/{following}")

    say(
        f"Redis: cancelled after {told_s:.2f} s, the worker began the next job after {free_s:.2f} s"
    )
    assert answer["status"] == "cancelled"
    assert free_s < 1
