"""What the routes share, as typed dependencies."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from service.api.guards import Slots
from service.jobs.callbacks import Callbacks
from service.jobs.queue import JobQueue
from service.observe.metrics import Metrics
from service.pipeline.engine import LiveEngine
from service.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Built once by `service.app` and handed to every request."""

    settings: Settings
    engine: LiveEngine
    queue: JobQueue
    metrics: Metrics
    slots: Slots
    callbacks: Callbacks | None


def get_shared(request: Request) -> Shared:
    """What the lifespan of the app yields."""
    return cast(Shared, request.state.shared)


State = Annotated[Shared, Depends(get_shared)]
