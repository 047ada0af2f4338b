"""How jobs are handed to workers: streaq, as docs/adr/0004-job-engine.md chose it.

The only file that makes its workers. Its traps, each met here: the default serializer is pickle,
and a plain JSON one fails on the errors of failed tasks; it counts an orderly hand-back as a
try, so tries are counted in `RedisJobs`; every worker takes one task more than it runs.
"""

import json
from typing import Any

import anyio
from streaq import Worker

IDLE_S = 4.0  # a worker that is silent for longer has lost its job
ANALYZE, CALLBACK = "analyze", "callback"
JOBS_QUEUE, CALLBACK_QUEUE = "saclip", "saclip-callbacks"


class CallbackWorker(Worker[None]):
    """A second worker in the same process; the first one listens for signals."""

    async def signal_handler(self, scope: anyio.CancelScope) -> None:
        await anyio.sleep_forever()


def jobs_engine(redis_url: str) -> "Worker[None]":
    """Takes and runs one analysis at a time, or hands analyses to those that do."""
    worker = Worker[None](
        redis_url=redis_url,
        queue_name=JOBS_QUEUE,
        concurrency=1,
        serializer=_dumps,
        deserializer=json.loads,
        idle_timeout=IDLE_S,
        grace_period=0,
    )
    worker.prefetch = 1  # no job may wait behind a long one while another worker is free
    return worker


def callback_engine(redis_url: str) -> CallbackWorker:
    """Sends callbacks, several at a time: a receiver that hangs must not hold up the others."""
    return CallbackWorker(
        redis_url=redis_url,
        queue_name=CALLBACK_QUEUE,
        concurrency=8,
        serializer=_dumps,
        deserializer=json.loads,
        idle_timeout=30.0,
    )


async def enqueue(engine: "Worker[None]", task: str, job_id: str) -> None:
    """Hand a task over; doing so twice is doing it once, as long as it has not ended."""
    waiting = engine.enqueue_unsafe(task, job_id)
    waiting.id = job_id
    await waiting


def _dumps(content: Any) -> str:
    return json.dumps(content, default=lambda item: f"{type(item).__name__}: {item}")
