"""The in-process queue: order, restarts, retention, and nothing that stops the worker."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service.errors import AnalysisCancelled, JobNotFound, Overloaded, VideoNotDecodable
from service.jobs.in_process import InProcessQueue
from service.jobs.queue import JobRun
from service.jobs.store import Job, JobOptions, JobStore
from service.pipeline.report import ModelRow, Report, VideoRow

OPTIONS = JobOptions(sample_fps=10, top_k=5, mode="paired")
REPORT = Report(
    video=VideoRow(
        name="a.mp4", width=4, height=3, duration_s=1, fps=10, codec="h264",
        sampled_frames=0, sample_fps=10,
    ),
    model=ModelRow(bundle="tiny", knowledge_sha256="0", mode="paired"),
    frames=(), segments=(), decode_errors=(), timings={},
)  # fmt: skip
Work = Callable[[JobRun], Report]


def done_at_once(*_: Any) -> Report:
    return REPORT


def until_cancelled(run: JobRun) -> Report:
    while not run.cancelled():
        time.sleep(0.001)
    raise AnalysisCancelled


def queue_of(folder: Path, work: Work = done_at_once, **changes: Any) -> InProcessQueue:
    options: dict[str, Any] = {
        "describe": lambda error: {"title": type(error).__name__, "detail": str(error)},
        "capacity": 10,
        "retention": timedelta(hours=1),
        "on_end": lambda job: None,
    }
    return InProcessQueue(JobStore(folder), work, **{**options, **changes})


def submit(queue: InProcessQueue, name: str = "a.mp4") -> str:
    job_id, path = queue.open_upload()
    path.write_bytes(b"clip")
    return queue.submit(job_id, name, OPTIONS).id


def wait_for(queue: InProcessQueue, job_id: str, status: str) -> Job:
    deadline = time.monotonic() + 10
    while (job := queue.get(job_id)).status != status:
        assert time.monotonic() < deadline, f"still {job.status}"
        time.sleep(0.001)
    return job


def test_jobs_run_one_after_the_other_in_their_order(tmp_path: Path) -> None:
    """First come, first served; progress is told in percent."""
    order = []

    def work(run: JobRun) -> Report:
        run.progress(0.25, "half way")
        order.append((run.job.name, queue.get(run.job.id).progress))
        return REPORT

    queue = queue_of(tmp_path, work)
    ids = [submit(queue, name) for name in ("a", "b", "c")]
    queue.start()
    for job_id in ids:
        wait_for(queue, job_id, "completed")
    queue.stop()

    assert order == [("a", 25.0), ("b", 25.0), ("c", 25.0)]
    assert [job.name for job in queue.jobs()] == ["c", "b", "a"]


def test_the_upload_goes_and_the_report_stays(tmp_path: Path) -> None:
    """Clips are large; a report is what they were sent for."""
    queue = queue_of(tmp_path)
    queue.start()
    job_id = submit(queue)
    wait_for(queue, job_id, "completed")
    queue.stop()

    assert Report.model_validate_json(queue.report(job_id)) == REPORT
    assert sorted(path.name for path in (tmp_path / job_id).iterdir()) == [
        "job.json",
        "report.json",
    ]


def test_ended_jobs_survive_a_restart(tmp_path: Path) -> None:
    """Their reports can still be read."""
    first = queue_of(tmp_path)
    first.start()
    job_id = submit(first)
    ended = wait_for(first, job_id, "completed")
    first.stop()

    second = queue_of(tmp_path)
    second.start()
    second.stop()

    assert second.get(job_id) == ended
    assert second.report(job_id) == first.report(job_id)


def test_a_running_job_is_taken_up_again_after_a_restart(tmp_path: Path) -> None:
    """Stopping hands it back to the queue; the next start completes it."""
    first = queue_of(tmp_path, until_cancelled)
    first.start()
    job_id = submit(first)
    wait_for(first, job_id, "in_progress")
    first.stop()

    assert first.get(job_id).status == "queued"
    second = queue_of(tmp_path)
    second.start()
    wait_for(second, job_id, "completed")
    second.stop()


def test_a_killed_process_leaves_a_job_that_is_taken_up_again(tmp_path: Path) -> None:
    """The state on the disk says `in_progress`, because nobody could change it."""
    first = queue_of(tmp_path)
    job_id = submit(first)
    state = tmp_path / job_id / "job.json"
    content = json.loads(state.read_text(encoding="utf-8"))
    state.write_text(json.dumps({**content, "status": "in_progress"}), encoding="utf-8")

    second = queue_of(tmp_path)
    second.start()
    wait_for(second, job_id, "completed")
    second.stop()


def test_an_unfinished_job_without_its_upload_fails(tmp_path: Path) -> None:
    """It cannot be run again, and the caller is told."""
    job_id = submit(queue_of(tmp_path))
    (tmp_path / job_id / "video").unlink()

    queue = queue_of(tmp_path)
    queue.start()
    queue.stop()

    job = queue.get(job_id)
    assert (job.status, job.error) == (
        "failed",
        {"title": "VideoNotDecodable", "detail": "its file was lost; send it again"},
    )


def test_what_never_became_a_job_is_swept_away(tmp_path: Path) -> None:
    """An upload that was cut off by a kill, and a state file that nobody can read."""
    store = JobStore(tmp_path)
    abandoned, path = store.open_upload()
    path.write_bytes(b"half a clip")
    unreadable, _ = store.open_upload()
    (tmp_path / unreadable / "job.json").write_text("{", encoding="utf-8")

    queue = queue_of(tmp_path)
    queue.start()
    queue.stop()

    assert queue.jobs() == []
    assert not (tmp_path / abandoned).exists()
    assert (tmp_path / unreadable).exists()


@pytest.mark.parametrize(
    "error", [VideoNotDecodable("bad"), ZeroDivisionError(), OSError(28, "full")]
)
def test_a_failed_job_does_not_stop_the_worker(tmp_path: Path, error: Exception) -> None:
    """The next one runs."""

    def work(run: JobRun) -> Report:
        if run.job.name == "bad":
            raise error
        return REPORT

    queue = queue_of(tmp_path, work)
    queue.start()
    bad, good = submit(queue, "bad"), submit(queue, "good")
    wait_for(queue, good, "completed")
    trouble = queue.trouble()
    queue.stop()

    job = queue.get(bad)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["title"] == type(error).__name__
    assert trouble is None
    assert queue.trouble() == "the worker of video jobs has stopped"


def test_a_waiting_job_that_is_cancelled_never_runs(tmp_path: Path) -> None:
    """Its upload goes at once; cancelling twice changes nothing."""
    ended: list[str] = []
    queue = queue_of(tmp_path, on_end=lambda job: ended.append(job.status))
    job_id = submit(queue)

    assert queue.cancel(job_id).status == "cancelled"
    assert queue.cancel(job_id).status == "cancelled"
    queue.start()
    queue.stop()

    assert queue.get(job_id).started_at is None
    assert not (tmp_path / job_id / "video").exists()
    assert ended == ["cancelled"]


def test_only_so_many_jobs_may_wait(tmp_path: Path) -> None:
    """Refused before the upload and again after it, since another may have been faster."""
    queue = queue_of(tmp_path, capacity=1)
    queue.check_room()
    late, _ = queue.open_upload()
    submit(queue)

    with pytest.raises(Overloaded, match="1 jobs wait, which is the limit"):
        queue.check_room()
    with pytest.raises(Overloaded):
        queue.submit(late, "late", OPTIONS)


def test_old_jobs_are_forgotten(tmp_path: Path) -> None:
    """With their reports; jobs that have not ended stay."""
    first = queue_of(tmp_path)
    first.start()
    job_id = submit(first)
    wait_for(first, job_id, "completed")
    first.stop()

    second = queue_of(tmp_path, retention=timedelta(0))
    second.start()
    while second.jobs():
        time.sleep(0.001)
    second.stop()

    with pytest.raises(JobNotFound):
        second.get(job_id)
    assert list(tmp_path.iterdir()) == []


def test_counts_name_every_state(tmp_path: Path) -> None:
    """A dashboard needs the zeros as well."""
    queue = queue_of(tmp_path)
    submit(queue)

    assert queue.counts() == {
        "queued": 1, "in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0,
    }  # fmt: skip


def test_ids_are_new_for_every_job_and_safe_in_a_path(tmp_path: Path) -> None:
    """They are random, so that nobody guesses another's."""
    store = JobStore(tmp_path)
    lock = threading.Lock()
    ids: set[str] = set()

    def open_many() -> None:
        for _ in range(20):
            job_id, _path = store.open_upload()
            with lock:
                ids.add(job_id)

    threads = [threading.Thread(target=open_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 80
    assert all(set(job_id) <= set("0123456789abcdef-") for job_id in ids)
