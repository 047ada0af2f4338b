"""Real Redis, real servers and workers, real clips; every test prints the figure it measured."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service.pipeline.checkpoint import CHECKPOINT_FILE
from tests.builders.footage import street_clip
from tests.builders.servers import (
    Redis,
    Saclip,
    Server,
    closing_all,
    redis_server,
    wait_until,
)

CLIP_FRAMES = 1200


class Stage(NamedTuple):
    """Starts programs that are gone when the test is over."""

    folder: Path
    redis: Redis
    server: Server
    worker: Callable[..., Saclip]
    shared: dict[str, Any]

    def until_checkpoint(self, job_id: str) -> None:
        """Wait until the running job has written down how far it has come."""
        path = self.folder / "data" / "shared-jobs" / job_id / CHECKPOINT_FILE
        wait_until(path.exists, 120, "of a checkpoint")


@pytest.fixture
def keep() -> Iterator[Callable[[Any], Any]]:
    """Closes what it was given when the test is over."""
    with closing_all() as keep:
        yield keep


@pytest.fixture
def redis(tmp_path: Path, keep: Callable[[Any], Any]) -> Redis:
    """A Redis that keeps its append-only file in the test's folder."""
    if redis_server() is None:
        pytest.skip("no redis-server: deploy/system-packages.sh tests")
    started: Redis = keep(Redis(tmp_path))
    return started


@pytest.fixture
def stage(tmp_path: Path, redis: Redis, keep: Callable[[Any], Any]) -> Stage:
    """Redis, a server, and a way to start workers; all share a data folder."""
    shared: dict[str, Any] = {
        "redis_url": redis.url,
        "data_dir": tmp_path / "data",
        "min_free_bytes": 0,
    }

    def worker(name: str, **changes: Any) -> Saclip:
        settings = {"threads": 1, **shared, **changes}
        started: Saclip = keep(Saclip(tmp_path / f"{name}.log", "worker", **settings))
        return started

    server = keep(Server(tmp_path / "server.log", **shared))
    return Stage(tmp_path, redis, server, worker, shared)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of two minutes: several checkpoints long, also on a quick machine."""
    return street_clip(tmp_path_factory.mktemp("clips") / "street.mp4", frames=CLIP_FRAMES)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure, also when output is captured."""

    def print_it(figure: str) -> None:
        with capsys.disabled():
            print(f"\n    {figure}")  # noqa: T201

    return print_it
