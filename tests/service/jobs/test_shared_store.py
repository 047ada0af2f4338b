"""The shared store against a real S3 server (moto), seen from two machines that share no disk."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.errors import FatalError
from service.jobs.shared_store import SharedStore
from service.jobs.store import SCORED_FILE
from service.pipeline.checkpoint import CHECKPOINT_FILE
from service.pipeline.details import DETAILS_FILE
from service.pipeline.film import FILM_FILE
from service.pipeline.report import ModelRow, Report, VideoRow
from tests.builders.servers import S3, closing_all

REPORT = Report(
    video=VideoRow(
        name="a.mp4", width=4, height=3, duration_s=1, fps=10, codec="h264",
        sampled_frames=0, sample_fps=10,
    ),
    model=ModelRow(bundle="none", knowledge_sha256="0", mode="paired"),
    frames=(), segments=(), decode_errors=(), timings={},
)  # fmt: skip


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with closing_all() as keep:
        yield keep(S3(tmp_path_factory.mktemp("s3")))


@pytest.fixture(params=["s3", "folder"])
def url(
    request: pytest.FixtureRequest, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where the shared files are: an object store, or a mounted folder."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    if request.param == "folder":
        return f"file://{tmp_path}/shared"
    return f"s3://clips/{tmp_path.name}"


def test_an_upload_goes_from_one_machine_to_another(url: str, tmp_path: Path) -> None:
    """Its room on the first is given back; the report is read there in the end."""
    api, worker = SharedStore(tmp_path / "api", url), SharedStore(tmp_path / "worker", url)
    job_id, path = api.open_upload()
    path.write_bytes(b"a clip")

    api.publish_upload(job_id)
    taken = worker.take_upload(job_id)
    worker.save_report(job_id, REPORT)
    for name in (DETAILS_FILE, FILM_FILE):
        (worker.scratch(job_id) / name).write_bytes(name.encode())
    worker.publish(job_id)
    worker.drop_upload(job_id)
    worker.release(job_id)

    assert not path.exists()
    assert taken.parent.parent == tmp_path / "worker"
    assert api.read_report(job_id) == REPORT.model_dump_json(by_alias=True).encode()
    assert api.fetch(job_id, FILM_FILE).read_bytes() == FILM_FILE.encode()
    assert api.fetch(job_id, DETAILS_FILE).read_bytes() == DETAILS_FILE.encode()
    assert not api.has_upload(job_id)
    assert list((tmp_path / "worker").iterdir()) == []


def test_a_film_that_many_ask_for_at_once_is_whole_for_each(url: str, tmp_path: Path) -> None:
    """A player asks for it several times before the first copy is here."""
    api, worker = SharedStore(tmp_path / "api", url), SharedStore(tmp_path / "worker", url)
    job_id, path = api.open_upload()
    path.write_bytes(b"a clip")
    api.publish_upload(job_id)
    film = bytes(range(256)) * 20_000
    (worker.scratch(job_id) / FILM_FILE).write_bytes(film)
    worker.publish(job_id)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: api.fetch(job_id, FILM_FILE).read_bytes(), range(8)))

    assert all(each == film for each in got)
    assert [path.name for path in (tmp_path / "api" / job_id).iterdir()] == [FILM_FILE]


def test_the_next_worker_goes_on_from_what_was_kept_last(url: str, tmp_path: Path) -> None:
    """Also one that has an older rest of the same job on its own disk."""
    api = SharedStore(tmp_path / "api", url)
    first, second = (SharedStore(tmp_path / name, url) for name in ("first", "second"))
    job_id, path = api.open_upload()
    path.write_bytes(b"a clip")
    api.publish_upload(job_id)
    for worker, content in ((first, b"old"), (second, b"new")):
        worker.take_upload(job_id)
        (worker.scratch(job_id) / DETAILS_FILE).write_bytes(content)
        (worker.scratch(job_id) / CHECKPOINT_FILE).write_bytes(content)
        worker.keep(job_id)
    (first.scratch(job_id) / SCORED_FILE).write_bytes(b"never kept")

    assert first.take_upload(job_id).read_bytes() == b"a clip"

    assert (first.scratch(job_id) / CHECKPOINT_FILE).read_bytes() == b"new"
    assert (first.scratch(job_id) / DETAILS_FILE).read_bytes() == b"new"
    assert not (first.scratch(job_id) / SCORED_FILE).exists()


def test_a_forgotten_job_leaves_nothing(url: str, s3: S3, tmp_path: Path) -> None:
    """Neither here nor there; forgetting it twice is no error."""
    store = SharedStore(tmp_path / "api", url)
    job_id, path = store.open_upload()
    path.write_bytes(b"a clip")
    store.publish_upload(job_id)
    store.save_report(job_id, REPORT)

    store.remove(job_id)
    store.remove(job_id)

    assert [name for name in s3.names() if job_id in name] == []
    assert list((tmp_path / "api").iterdir()) == []
    assert not store.has_upload(job_id)
    with pytest.raises(FileNotFoundError):
        store.read_report(job_id)


def test_only_artefacts_are_given_out(url: str, tmp_path: Path) -> None:
    """Neither a job's upload nor a path of its own making."""
    store = SharedStore(tmp_path / "api", url)
    job_id, path = store.open_upload()
    path.write_bytes(b"a clip")
    store.publish_upload(job_id)

    for name in ("video", "../secret", FILM_FILE):
        with pytest.raises(FileNotFoundError):
            store.fetch(job_id, name)


def test_a_place_that_cannot_be_reached_stops_the_start(tmp_path: Path) -> None:
    """One line that names the setting."""
    with pytest.raises(FatalError, match="SACLIP_STORE_URL nowhere://x: cannot be reached"):
        SharedStore(tmp_path / "a", "nowhere://x")
    (tmp_path / "file").write_text("")
    with pytest.raises(FatalError, match="cannot be reached"):
        SharedStore(tmp_path / "b", f"file://{tmp_path}/file/below")
