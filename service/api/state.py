"""What the routes share, as typed dependencies."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from service.api.guards import Slots
from service.api.probes import Probe
from service.errors import JobNotFound
from service.jobs.callbacks import Callbacks
from service.jobs.queue import JobQueue
from service.jobs.store import Job
from service.keys import Caller
from service.observe.metrics import Metrics
from service.pipeline.engine import LiveEngine
from service.settings import Settings
from service.tokens import TokenSigner


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Built once by `service.app` and handed to every request."""

    settings: Settings
    engine: LiveEngine
    queue: JobQueue
    metrics: Metrics
    slots: Slots
    probe: Probe
    tokens: TokenSigner
    callbacks: Callbacks | None


def get_shared(request: Request) -> Shared:
    """What the lifespan of the app yields."""
    return cast(Shared, request.state.shared)


def get_caller(request: Request) -> Caller:
    """Whom `service.api.access` let pass."""
    return cast(Caller, request.state.caller)


State = Annotated[Shared, Depends(get_shared)]
WhoAsks = Annotated[Caller, Depends(get_caller)]


def existing_job(state: State, caller: WhoAsks, job_id: str) -> Job:
    """The job of a route's path.

    Raises:
        JobNotFound: There is none, or it is somebody else's, which looks the same from outside.
    """
    try:
        job = state.queue.get(job_id)
    except JobNotFound:
        job = None
    if job is None or not caller.may_see(job.options.owner):
        raise JobNotFound("no job has this id; an ended one is deleted after some time")
    return job


ExistingJob = Annotated[Job, Depends(existing_job)]
