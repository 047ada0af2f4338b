"""One clip, one result: command line, server, server with Redis and a worker, live stream."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from service.client import Client
from service.pipeline.engine import load_engine
from service.pipeline.stream_score import StreamScore
from service.scoring.calibration import ClipsCalibration
from service.settings import EMBEDDED_BUNDLE
from service.vision.isolated import in_this_process
from tests.builders.footage import encoded, eventful_clip
from tests.builders.servers import Redis, Saclip, Server, closing_all, redis_server
from tests.builders.tiny_bundle import with_clips_calibration

FPS = 5.0
EQUAL = 1e-4
NUMBERS = ("time_s", "score", "eq11", "probability")


class Case(NamedTuple):
    """A clip and the models for it; alarms come and go, so that all of it is compared."""

    bundle: Path
    clip: Path
    cli: dict[str, Any]


@pytest.fixture(scope="module", params=["generated", "real"])
def case(
    request: pytest.FixtureRequest, tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    """A generated clip with tiny models, a real accident with the embedded ones."""
    folder = tmp_path_factory.mktemp("one")
    if request.param == "generated":
        models, clip = tiny_bundle_dir, eventful_clip(folder / "street.mp4")
    else:
        clip = request.getfixturevalue("real_data") / "ego_clips" / "nexar_rear_end.mp4"
        models = EMBEDDED_BUNDLE
    middle = float(np.median(_column(_by_cli(models, clip, folder), "probability")))
    bundle = with_clips_calibration(
        models, folder / "bundle", on=middle, off=middle, min_segment_s=0.0
    )
    return Case(bundle, clip, _by_cli(bundle, clip, folder))


@pytest.fixture
def keep() -> Iterator[Callable[[Any], Any]]:
    with closing_all() as keep:
        yield keep


def _by_cli(bundle: Path, clip: Path, folder: Path) -> dict[str, Any]:
    out = folder / "report.json"
    words = ["analyze", str(clip), "--json", str(out), "--sample-fps", str(FPS)]
    program = Saclip(folder / "cli.log", *words, bundle=bundle, threads=1)
    assert program.process.wait(240) == 0, program.text()
    content: dict[str, Any] = json.loads(out.read_text())
    return content


def _column(report: dict[str, Any], name: str) -> NDArray[np.float64]:
    return np.array([frame[name] for frame in report["frames"]], np.float64)


def _check(report: dict[str, Any], case: Case) -> None:
    """The same frames, numbers, alarms, segments and explanations as by the command line."""
    for name in NUMBERS:
        difference = np.abs(_column(report, name) - _column(case.cli, name))
        assert difference.max() <= EQUAL, name
    for name in ("index", "anomalous"):
        assert _column(report, name).tolist() == _column(case.cli, name).tolist()
    for found, expected in zip(report["segments"], case.cli["segments"], strict=True):
        assert found["peak_index"] == expected["peak_index"]
        texts = [[e["text"] for e in one["explanations"]] for one in (found, expected)]
        assert texts[0] == texts[1]


def test_the_comparison_has_something_to_compare(case: Case) -> None:
    """Frames with and without an alarm, and scores that differ by more than the tolerance."""
    assert len(set(_column(case.cli, "anomalous"))) == 2
    assert np.ptp(_column(case.cli, "score")) > 100 * EQUAL


def test_a_server_says_what_the_command_line_says(
    case: Case, tmp_path: Path, keep: Callable[[Any], Any]
) -> None:
    """The in-process engine."""
    server = keep(
        Server(tmp_path / "log", bundle=case.bundle, data_dir=tmp_path / "data", min_free_bytes=0)
    )

    _check(_by_http(server, case), case)


def test_a_worker_says_what_the_command_line_says(
    case: Case, tmp_path: Path, keep: Callable[[Any], Any]
) -> None:
    """Through Redis."""
    if redis_server() is None:
        pytest.skip("no redis-server: deploy/system-packages.sh tests")
    shared: dict[str, Any] = {
        "redis_url": keep(Redis(tmp_path)).url,
        "bundle": case.bundle,
        "data_dir": tmp_path / "data",
        "min_free_bytes": 0,
    }
    server = keep(Server(tmp_path / "server.log", **shared))
    keep(Saclip(tmp_path / "worker.log", "worker", threads=1, **shared))

    _check(_by_http(server, case), case)


def test_a_live_stream_says_what_the_command_line_says(
    case: Case, tmp_path: Path, keep: Callable[[Any], Any]
) -> None:
    """Fed with the decoded frames as PNG, with their times; a report looks back, so do we."""
    server = keep(
        Server(tmp_path / "log", bundle=case.bundle, data_dir=tmp_path / "data", min_free_bytes=0)
    )
    with (
        in_this_process(10**7, 600)(case.clip, FPS, -1) as clip,
        Client(f"http://127.0.0.1:{server.port}") as client,
        client.stream() as stream,
    ):
        scores = [stream.score(encoded(s.frame, ".png"), s.time_s) for s in clip]

    for name in NUMBERS:
        found = np.array([getattr(score, name) for score in scores])
        assert np.abs(found - _column(case.cli, name)).max() <= EQUAL, name
    calibration = load_engine(case.bundle, threads=1).analyzer.calibration.clips
    assert _looking_back(scores, calibration) == _column(case.cli, "anomalous").tolist()


def _by_http(server: Server, case: Case) -> dict[str, Any]:
    job_id = server.send(case.clip, sample_fps=str(FPS), film="false")
    job = server.until(job_id, lambda job: job["status"] not in ("queued", "in_progress"), 240)
    assert job["status"] == "completed"
    return server.report(job_id)


def _looking_back(scores: list[StreamScore], calibration: ClipsCalibration) -> list[bool]:
    """The alarm from the first frame that counted towards it, and none that is too short."""
    flags = np.zeros(len(scores), bool)
    times = np.array([score.time_s for score in scores])
    for since_s in {s.alarm_since_s for s in scores if s.alarm_since_s is not None}:
        last_s = max(s.time_s for s in scores if s.alarm_since_s == since_s)
        if last_s - since_s >= calibration.min_segment_s:
            flags |= (times >= since_s) & (times <= last_s)
    return [bool(flag) for flag in flags]
