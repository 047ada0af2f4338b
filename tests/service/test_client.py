"""The Python client against a real server on a real port."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import uvicorn

from service.api.schemas import JobAnswer
from service.app import create_app
from service.client import AsyncClient, Client, ServiceRefused
from service.settings import Settings
from tests.builders.footage import encoded, street, street_clip


@pytest.fixture(scope="module")
def url(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over the tiny bundle."""
    settings = Settings(
        bundle=tiny_bundle_dir, threads=1, min_free_bytes=0, data_dir=tmp_path_factory.mktemp("d")
    )
    config = uvicorn.Config(create_app(settings), port=0, log_config=None, ws="wsproto")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return street_clip(tmp_path_factory.mktemp("clips") / "street.mp4")


def test_pictures_by_path_and_by_bytes(url: str, tmp_path: Path) -> None:
    """A typed result for each, in their order."""
    path = tmp_path / "a.png"
    path.write_bytes(encoded(street(), ".png"))

    with Client(url) as client:
        first, second = client.score(path, encoded(street(3)), top_k=2)

    assert (first.name, second.name) == ("a.png", "image-1")
    assert len(first.explanations) == 2
    assert 0 <= first.probability <= 1


def test_a_clip_with_progress_and_all_that_comes_of_it(
    url: str, clip: Path, tmp_path: Path
) -> None:
    """Events on the way, then report, table, frame and film."""
    seen: list[JobAnswer] = []

    with Client(url) as client:
        report = client.analyze(clip, sample_fps=5, on_progress=seen.append)
        job_id = seen[-1].id
        table = client.report_as(job_id, "csv")
        frame = client.frame(job_id, report.frames[2].index)
        client.save_film(job_id, tmp_path / "film.mp4")

    assert (seen[-1].status, seen[-1].progress) == ("completed", 100)
    assert (report.video.name, len(report.frames)) == ("street.mp4", 10)
    assert table.count("\r\n") == 11
    assert frame.rois
    assert (tmp_path / "film.mp4").stat().st_size > 1000


def test_the_list_of_jobs_comes_in_pages(url: str, clip: Path) -> None:
    """Newest first, so many at a time; each once."""
    with Client(url) as client:
        ids = [client.submit(clip, sample_fps=1, film=False).id for _ in range(3)]
        whole = client.jobs()
        first = client.jobs(limit=2)
        second = client.jobs(limit=2, after=first.jobs[-1].id)
        with pytest.raises(ServiceRefused) as unknown:
            client.jobs(after="none")

    listed = [job.id for job in whole.jobs]
    assert listed[:3] == ids[::-1]
    assert [job.id for job in (*first.jobs, *second.jobs)] == listed[:4]
    assert first.has_more
    assert not whole.has_more
    assert unknown.value.problem.type == "/problems/job-not-found"


def test_refusals_carry_the_problem(url: str, tmp_path: Path) -> None:
    """Status, kind and detail of the service; also where a stream of bytes was asked for."""
    with Client(url) as client:
        with pytest.raises(ServiceRefused, match="format is not supported") as refused:
            client.score(b"no picture")
        with pytest.raises(ServiceRefused) as missing:
            client.save_film("none", tmp_path / "film.mp4")
        with pytest.raises(ServiceRefused) as no_events:
            next(client.events("none"))

    assert refused.value.problem.status == 415
    assert missing.value.problem.type == no_events.value.problem.type == "/problems/job-not-found"
    assert not (tmp_path / "film.mp4").exists()


def test_a_live_stream(url: str) -> None:
    """Scores in their order; a refused frame raises and the stream goes on."""
    with Client(url) as client, client.stream(top_k=1) as stream:
        first = stream.score(encoded(street()), 0.0)
        with pytest.raises(ServiceRefused, match="not later"):
            stream.score(encoded(street()), 0.0)
        second = stream.score(encoded(street(1)), 0.1)

    assert (first.sequence, second.sequence, second.dropped) == (0, 2, 0)


def test_a_server_that_is_not_there(url: str) -> None:
    """The HTTP library's own error, at once."""
    with Client("http://127.0.0.1:9") as client, pytest.raises(httpx2.ConnectError):
        client.score(b"x")


def test_the_asynchronous_client_does_the_same(url: str, clip: Path) -> None:
    """Two clips at once, a picture and a stream on one connection pool."""

    async def use() -> None:
        async with AsyncClient(url) as client:
            (result,) = await client.score(encoded(street()))
            assert result.width == 320
            reports = await asyncio.gather(
                client.analyze(clip, sample_fps=5), client.analyze(clip, sample_fps=2, film=False)
            )
            assert [len(report.frames) for report in reports] == [10, 4]
            async with client.stream() as stream:
                assert (await stream.score(encoded(street()), 0.0)).sequence == 0
            with pytest.raises(ServiceRefused):
                await client.report("none")

    asyncio.run(use())
