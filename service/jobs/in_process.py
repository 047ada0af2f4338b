"""The job engine inside this process: one thread; jobs live on the disk and survive a restart."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from service.errors import (
    AnalysisCancelled,
    JobNotFound,
    Overloaded,
    VideoNotDecodable,
)
from service.jobs.callbacks import CallbackThread
from service.jobs.queue import (
    CLEAN_EVERY_S,
    Analyze,
    Describe,
    JobRun,
    begun,
    ended,
    handed_back,
    killed,
    read_artefact,
    read_report,
)
from service.jobs.store import ENDED, STATUSES, Job, JobOptions, JobStore, Status
from service.pipeline.report import Report

log = structlog.get_logger()

STOP_PATIENCE_S = 10.0


class InProcessQueue:
    """One worker thread. A restart takes unfinished jobs up again, from their checkpoints.

    Args:
        store: Where jobs are kept.
        analyze: Makes the report of one upload.
        describe: The problem to keep with a job that failed.
        capacity: Jobs that may wait.
        retention: How long ended jobs are kept.
        on_end: Told of every job that ended.
        max_attempts: A job that killed the process so often fails.
        callbacks: Tells of jobs that ended; None when that is switched off.
    """

    def __init__(
        self,
        store: JobStore,
        analyze: Analyze,
        describe: Describe,
        capacity: int,
        retention: timedelta,
        on_end: Callable[[Job], None],
        max_attempts: int = 3,
        callbacks: CallbackThread | None = None,
    ) -> None:
        self._store, self._analyze, self._describe = store, analyze, describe
        self._capacity, self._retention, self._on_end = capacity, retention, on_end
        self._max_attempts, self._callbacks = max_attempts, callbacks
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="video-jobs", daemon=True)

    def start(self) -> None:
        """Take unfinished jobs up again and begin to work."""
        if self._callbacks is not None:
            self._callbacks.start(self._note_callback)
        for job in self._store.load():
            self._jobs[job.id] = job
            if job.status in ENDED:
                self._tell(job)
            elif not self._store.has_upload(job.id):
                lost = VideoNotDecodable("its file was lost; send it again")
                self._end(job.id, "failed", lost)
            elif job.status == "in_progress":
                self._take_up(job)
        self._thread.start()

    def stop(self) -> None:
        """Stop working; the running job goes back to the queue for the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(STOP_PATIENCE_S)
        if self._callbacks is not None:
            self._callbacks.stop()

    def check_room(self) -> None:
        """Refuse before an upload is received.

        Raises:
            Overloaded: As many jobs wait as may.
        """
        waiting = self.counts()["queued"]
        if waiting >= self._capacity:
            raise Overloaded(f"{waiting} jobs wait, which is the limit")

    def open_upload(self) -> tuple[str, Path]:
        """A new job id and the file to write its upload to."""
        return self._store.open_upload()

    def drop_upload(self, job_id: str) -> None:
        """Forget an upload that will not become a job."""
        self._store.remove(job_id)

    def submit(self, job_id: str, name: str, options: JobOptions) -> Job:
        """Queue the upload of ``open_upload``.

        Raises:
            Overloaded: As many jobs wait as may.
        """
        self.check_room()
        self._store.publish_upload(job_id)
        with self._changed:
            self.check_room()
            job = Job(id=job_id, name=name, options=options, created_at=datetime.now(UTC))
            self._store.save(job)
            self._jobs[job_id] = job
            self._changed.notify_all()
        return job

    def get(self, job_id: str) -> Job:
        """A job as it stands.

        Raises:
            JobNotFound: There is none of this id.
        """
        # Only ids made here are keys, so nothing a client sends becomes a path.
        with self._changed:
            if job_id not in self._jobs:
                raise JobNotFound("no job has this id; an ended one is deleted after some time")
            return self._jobs[job_id]

    def jobs(self) -> list[Job]:
        """All jobs, newest first."""
        with self._changed:
            return sorted(self._jobs.values(), key=lambda job: job.created_at, reverse=True)

    def report(self, job_id: str) -> bytes:
        """The report of a completed job as JSON.

        Raises:
            JobNotFound: There is no such job.
            ReportNotReady: The job has none, not yet or for good.
        """
        return read_report(self._store, self.get(job_id))

    def artefact(self, job_id: str, name: str) -> Path:
        """A file that the analysis left beside the report.

        Raises:
            JobNotFound: There is no such job.
            ReportNotReady: The job has none, not yet or for good.
        """
        return read_artefact(self._store, self.get(job_id), name)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that waits or runs; one that has ended stays as it is.

        Raises:
            JobNotFound: There is no such job.
        """
        with self._changed:
            if self.get(job_id).status not in ENDED:
                self._end(job_id, "cancelled")  # a running analysis sees it at its next frame
            return self._jobs[job_id]

    def counts(self) -> dict[str, int]:
        """Number of jobs by status."""
        with self._changed:
            found = Counter(job.status for job in self._jobs.values())
        return {status: found[status] for status in STATUSES}

    def trouble(self) -> str | None:
        """Why no job is worked on, in a few words; None when all is well."""
        if self._thread.is_alive() and not self._stopping:
            return None
        return "the worker of video jobs has stopped"

    def _take_up(self, job: Job) -> None:
        """A job whose process was killed: once more, unless it is what kills."""
        if job.attempts >= self._max_attempts:
            self._end(job.id, "failed", killed(job))
            return
        waiting = {"status": "queued", "stage": "queued", "revision": job.revision + 1}
        self._keep(job.model_copy(update=waiting))
        log.info("job_taken_up_again", job=job.id)

    def _work(self) -> None:
        cleaned_at = float("-inf")
        while True:
            if time.monotonic() - cleaned_at > CLEAN_EVERY_S:
                self._forget_old_jobs()
                cleaned_at = time.monotonic()
            with self._changed:
                if self._stopping:
                    return
                waiting = [job for job in self._jobs.values() if job.status == "queued"]
                if not waiting:
                    self._changed.wait(CLEAN_EVERY_S)
                    continue
                job = begun(min(waiting, key=lambda job: job.created_at))
                self._keep(job)
            # Whatever happens to one job, even a full disk, the next one gets its turn.
            with contextlib.suppress(OSError):
                self._run(job)

    def _run(self, job: Job) -> None:
        def progress(share: float, stage: str) -> None:
            # Ten times a second would wear the disk out; progress lives in memory only.
            with self._changed:
                now = self._jobs[job.id]
                percent = round(100 * min(max(share, 0.0), 1.0), 1)
                if now.status == "in_progress" and (percent, stage) != (now.progress, now.stage):
                    changes = {"progress": percent, "stage": stage, "revision": now.revision + 1}
                    self._jobs[job.id] = now.model_copy(update=changes)

        with structlog.contextvars.bound_contextvars(job=job.id):
            try:
                report = self._analyzed(job, progress)
                self._store.save_report(job.id, report)
                self._end(job.id, "completed")
            except AnalysisCancelled:
                with self._changed:
                    if self._jobs[job.id].status == "in_progress":  # not cancelled: stopping
                        self._keep(handed_back(self._jobs[job.id]))
            except Exception as error:
                self._end(job.id, "failed", error)
            finally:
                if self.get(job.id).status in ENDED:
                    self._store.release(job.id)

    def _analyzed(self, job: Job, progress: Callable[[float, str], None]) -> Report:
        clip, folder = self._store.take_upload(job.id), self._store.scratch(job.id)
        report = self._analyze(
            JobRun(
                job=job,
                clip=clip,
                folder=folder,
                progress=progress,
                cancelled=lambda: self._stopping or self._jobs[job.id].status != "in_progress",
                keep=lambda: None,  # this machine takes it up again, or none
            )
        )
        self._store.publish(job.id)
        return report

    def _end(self, job_id: str, status: Status, error: Exception | None = None) -> None:
        problem = None if error is None else self._describe(error)
        if error is not None and problem is not None and problem.get("status", 500) >= 500:
            log.error("job_failed", job=job_id, exc_info=error)
        with self._changed:
            if self._jobs[job_id].status in ENDED:
                return  # cancelled in the last moment
            job = ended(self._jobs[job_id], status, problem)
            self._keep(job)
        self._store.drop_upload(job_id)
        log.info("job_ended", job=job_id, status=status)
        self._on_end(job)
        self._tell(job)

    def _keep(self, job: Job) -> None:
        with self._changed:
            self._jobs[job.id] = job
            try:
                self._store.save(job)
            except OSError as error:  # a full disk must not stop the worker; memory knows better
                log.error("job_not_saved", job=job.id, error=error.strerror)

    def _tell(self, job: Job) -> None:
        if self._callbacks is not None and job.callback == "pending":
            self._callbacks.send(job)

    def _note_callback(self, job_id: str, outcome: str) -> None:
        with self._changed:
            if job_id in self._jobs:
                self._keep(self._jobs[job_id].model_copy(update={"callback": outcome}))

    def _forget_old_jobs(self) -> None:
        limit = datetime.now(UTC) - self._retention
        for job in self.jobs():
            if job.ended_at is not None and job.ended_at < limit:
                with self._changed:
                    del self._jobs[job.id]
                self._store.remove(job.id)
