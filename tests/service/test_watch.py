"""``saclip watch`` as its own program: a file, a camera over HTTP that hangs up, a webhook."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from service.pipeline.engine import load_engine
from service.pipeline.video import VideoAnalyzer
from service.vision.isolated import in_this_process
from service.webhooks import sign
from tests.builders.cameras import MjpegCamera
from tests.builders.footage import encoded, eventful_clip, eventful_frame
from tests.builders.servers import Receiver, Saclip, closing_all, wait_until
from tests.builders.tiny_bundle import with_clips_calibration

SECRET = b"twenty-four bytes or more"


@pytest.fixture
def keep() -> Iterator[Callable[[Any], Any]]:
    with closing_all() as keep:
        yield keep


@pytest.fixture(scope="module")
def bundle(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The empty street has 0.12 and what happens in it 0.88, whatever words the hierarchy has."""
    folder = tmp_path_factory.mktemp("watched")
    clip = eventful_clip(folder / "street.mp4")
    engine = load_engine(tiny_bundle_dir, threads=1)
    report = VideoAnalyzer(engine, in_this_process(10**7, 100)).analyze(clip)
    scores = [frame.score for frame in report.frames]
    slope = 4.0 / (max(scores) - min(scores))
    fitted = {"slope": slope, "intercept": -slope * (max(scores) + min(scores)) / 2}
    affine = dict.fromkeys(("literal", "contrast", "paired"), fitted)
    return with_clips_calibration(tiny_bundle_dir, folder / "bundle", affine=affine)


@pytest.fixture
def watch(bundle: Path, tmp_path: Path, keep: Callable[[Any], Any]) -> Callable[..., Any]:
    """Start the command; what it writes to either channel can be asked for."""

    def start(*arguments: object, **settings: object) -> Saclip:
        log = tmp_path / "watch.log"
        words = [str(argument) for argument in arguments]
        started: Saclip = keep(Saclip(log, "watch", *words, bundle=bundle, threads=1, **settings))
        return started

    return start


def events(program: Saclip) -> list[dict[str, Any]]:
    """The alarms that were printed as JSON."""
    return [json.loads(line) for line in program.text().splitlines() if line.startswith('{"type"')]


def test_a_file_gives_the_segments_of_its_report(
    watch: Callable[..., Saclip], bundle: Path, tmp_path: Path
) -> None:
    """Begin, end, peak and probability of each; nothing dropped; the process ends with 0."""
    clip = eventful_clip(tmp_path / "street.mp4")
    engine = load_engine(bundle, threads=1)
    report = VideoAnalyzer(engine, in_this_process(10**7, 100)).analyze(clip)

    program = watch(clip, "--json")
    status = program.process.wait(60)

    (segment,) = report.segments
    began, ended = events(program)
    assert status == 0, program.text()
    assert (began["type"], ended["type"]) == ("alarm.began", "alarm.ended")
    assert began["data"]["id"] == ended["data"]["id"]
    assert began["data"]["began_s"] == pytest.approx(segment.start_s)
    assert began["data"]["ended_s"] is None
    assert ended["data"]["ended_s"] == pytest.approx(segment.end_s)
    assert ended["data"]["probability"] == pytest.approx(segment.probability, abs=1e-4)
    assert ended["data"]["explanations"][0]["text"]
    assert "90 frames scored, 0 dropped" in program.text()


def test_a_file_in_words(watch: Callable[..., Saclip], tmp_path: Path) -> None:
    """A line when an alarm begins, with its description, and one when it is over."""
    program = watch(eventful_clip(tmp_path / "street.mp4"))

    assert program.process.wait(60) == 0
    lines = program.text().splitlines()
    assert any("ALARM  probability 0." in line and "(" in line for line in lines)
    assert any("over   after" in line for line in lines)


def test_a_camera_that_hangs_up_and_a_receiver_that_is_out_of_order(
    watch: Callable[..., Saclip], tmp_path: Path, keep: Callable[[Any], Any]
) -> None:
    """The watch goes on after the loss; alarms are posted until they are heard; SIGTERM ends it."""
    # A minute of pictures in turn: three seconds empty, three with car and person.
    pictures = [encoded(eventful_frame(i, 120)) for i in range(120)]
    camera = keep(MjpegCamera(hang_up_after=30, picture=lambda number: pictures[number % 120]))
    receiver = keep(Receiver([500, 200]))
    (tmp_path / "secret").write_bytes(SECRET)

    program = watch(
        camera.url, "--json", "--webhook", f"http://127.0.0.1:{receiver.port}/alarms",
        watch_hosts=f"elsewhere.example,{camera.host}", callback_secret_file=tmp_path / "secret",
    )  # fmt: skip
    wait_until(lambda: len(events(program)) >= 3, 60, program.text())
    status = program.stop()

    text = program.text()
    told = events(program)
    assert status == 0, text
    assert "is lost" in text
    assert "is there" in text
    assert camera.connections == 2
    # An alarm that lasts at the end is ended and told as well.
    assert [event["type"] for event in told] == ["alarm.began", "alarm.ended"] * 2
    first = told[1]["data"]
    began, ended = (datetime.fromisoformat(first[name]) for name in ("began_at", "ended_at"))
    lasted_s = first["ended_s"] - first["began_s"]
    assert (ended - began).total_seconds() == pytest.approx(lasted_s, abs=0.01)

    posted = [json.loads(body) for _, body in receiver.seen]
    assert len(receiver.seen) == 5  # the first one twice
    assert posted[0] in posted[1:]
    assert {event["data"]["id"] for event in posted} == {event["data"]["id"] for event in told}
    for headers, body in receiver.seen:
        name, stamp = headers["webhook-id"], headers["webhook-timestamp"]
        assert headers["webhook-signature"] == sign(SECRET, name, stamp, body)
    assert len({headers["webhook-id"] for headers, _ in receiver.seen}) == 4


def test_an_alarm_ends_while_its_camera_is_gone(
    watch: Callable[..., Saclip], keep: Callable[[Any], Any]
) -> None:
    """Three seconds after its last picture, and not when somebody opens the camera again."""
    camera = keep(MjpegCamera(picture=lambda number: encoded(eventful_frame(min(number, 50), 90))))

    program = watch(camera.url, "--json", watch_hosts=camera.host)
    wait_until(lambda: events(program), 60)
    camera.close()
    wait_until(lambda: len(events(program)) == 2, 10)
    status = program.stop()

    assert status == 0
    began, ended = events(program)
    assert (began["type"], ended["type"]) == ("alarm.began", "alarm.ended")
    assert "is there" not in program.text()


def test_frames_that_came_while_it_was_busy_are_dropped_and_counted(
    watch: Callable[..., Saclip], tmp_path: Path
) -> None:
    """It is held up for a second; then the newest frame counts, not those that came before."""
    clip = eventful_clip(tmp_path / "street.mp4", frames=120, fps=30)

    program = watch(clip, "--json", "--realtime", "--sample-fps", "30")
    wait_until(lambda: events(program), 60)
    program.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    program.process.send_signal(signal.SIGCONT)

    assert program.process.wait(60) == 0
    summary = program.text().splitlines()[-1]
    scored, dropped = (int(part.split()[0]) for part in summary.split(": ")[-1].split(", ")[:2])
    assert dropped > 0
    assert scored + dropped == 120


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["rtsp://camera.example/street"], "add it to SACLIP_WATCH_HOSTS"),
        (["missing.mp4"], "neither a file, the number of a camera nor an address"),
        (["99"], "there is no camera 99"),
        ([__file__, "--webhook", "ftp://x/"], "http(s)://host"),
        ([__file__, "--webhook", "http://x/"], "--webhook needs SACLIP_CALLBACK_SECRET_FILE"),
    ],
)
def test_what_cannot_be_watched_is_said_in_one_line(
    watch: Callable[..., Saclip], arguments: list[str], why: str
) -> None:
    """Before any model is loaded."""
    program = watch(*arguments)

    assert program.process.wait(30) == 1
    (line,) = program.text().splitlines()
    assert why in line
