"""A real worker of the Redis engine whose analysis is killed by one kind of clip."""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import cast

import anyio

from service.app import describe
from service.jobs.queue import JobRun
from service.jobs.redis_worker import RedisWorker
from service.jobs.store import JobStore
from service.pipeline.engine import LiveEngine
from service.pipeline.report import ModelRow, Report, VideoRow


class _NoEngine:
    def refresh(self) -> None: ...


def analyze(run: JobRun) -> Report:
    """Die as of a lack of memory, or answer at once."""
    if run.job.name == "poison.mp4":
        os.kill(os.getpid(), signal.SIGKILL)
    return Report(
        video=VideoRow(
            name=run.job.name, width=4, height=3, duration_s=1, fps=10, codec="h264",
            sampled_frames=0, sample_fps=10,
        ),
        model=ModelRow(bundle="none", knowledge_sha256="0", mode="paired"),
        frames=(), segments=(), decode_errors=(), timings={},
    )  # fmt: skip


if __name__ == "__main__":
    worker = RedisWorker(
        sys.argv[1],
        JobStore(Path(sys.argv[2])),
        analyze,
        describe=describe,
        engine=cast(LiveEngine, _NoEngine()),
        retention=timedelta(hours=1),
        max_attempts=3,
        on_end=lambda job: None,
        callbacks=None,
    )
    anyio.run(worker.run)
