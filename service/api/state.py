"""What the routes share, as typed dependencies."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from service.api.guards import Admission
from service.jobs.queue import JobQueue
from service.observe.metrics import Metrics
from service.pipeline.engine import LiveEngine
from service.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Built once by `service.app`."""

    settings: Settings
    engine: LiveEngine
    queue: JobQueue
    metrics: Metrics
    admission: Admission


def _shared(request: Request) -> Shared:
    return cast(Shared, request.app.state.shared)


State = Annotated[Shared, Depends(_shared)]
