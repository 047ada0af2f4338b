"""``GET /jobs/{id}/events``: a job's state as it changes, as Server-Sent Events.

Every event carries the whole state, so a client that was away misses nothing it needs; the id of
an event is the revision it tells of.
"""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service import errors
from service.api import problems
from service.api.schemas import job_answer
from service.api.state import ExistingJob, State
from service.jobs.store import ENDED

router = APIRouter(prefix="/jobs", tags=["jobs"])

LOOK_EVERY_S = 0.2  # a bar that moves five times a second looks smooth


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses=problems.responses(errors.JobNotFound),
)
async def job_events(
    state: State,
    job: ExistingJob,
    last_event_id: Annotated[str, Header()] = "",
) -> AsyncIterator[ServerSentEvent]:
    """Events `state`, each with the job as `GET /jobs/{id}` shows it, until the job has ended.

    A client that comes back with `Last-Event-ID` gets nothing before the job has changed.
    """
    seen = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else -1
    while True:
        if job.revision > seen or job.status in ENDED:
            seen = job.revision
            data = job_answer(job).model_dump(mode="json")
            yield ServerSentEvent(event="state", id=str(seen), data=data)
        if job.status in ENDED:
            return
        await anyio.sleep(LOOK_EVERY_S)
        try:
            job = await anyio.to_thread.run_sync(state.queue.get, job.id)
        except errors.JobNotFound:  # cleaned up meanwhile
            return
