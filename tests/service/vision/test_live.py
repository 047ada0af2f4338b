"""Frames of live sources: real files at their own pace, a real camera over HTTP that hangs up."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from service.errors import VideoNotSupported
from service.vision.clips import SampledFrame
from service.vision.isolated import in_this_process
from service.vision.live import LiveFrames
from service.vision.sources import parse_source
from tests.builders.cameras import MjpegCamera, RtspCamera, live_frames
from tests.builders.footage import street, street_clip

LIMIT = 10**7
OPEN = in_this_process(LIMIT, 100)


@pytest.fixture
def camera() -> Iterator[MjpegCamera]:
    """It hangs up once, after a second."""
    opened = MjpegCamera(hang_up_after=20)
    yield opened
    opened.close()


@pytest.fixture(params=[MjpegCamera, RtspCamera], ids=["http", "rtsp"])
def any_camera(request: pytest.FixtureRequest) -> Iterator[MjpegCamera | RtspCamera]:
    """The same over either protocol; FFmpeg looks at a stream for a second before it begins."""
    opened = request.param(hang_up_after=50)
    yield opened
    opened.close()


def of_file(path: Path, fps: float, realtime: bool = False) -> LiveFrames:
    return LiveFrames(parse_source(str(path), frozenset()), fps, LIMIT, OPEN, realtime=realtime)


def test_a_file_waits_for_whoever_takes_its_frames(tmp_path: Path) -> None:
    """The frames and times of an analysis; nothing is dropped, however slow the taker."""
    path = street_clip(tmp_path / "street.mp4")
    with OPEN(path, 5, -1) as clip:
        expected = [(sampled.time_s, sampled.frame) for sampled in clip]

    found = []
    with of_file(path, 5) as frames:
        for sampled in frames:
            assert sampled is not None
            time.sleep(0.02)
            found.append((sampled.index, sampled.time_s, sampled.frame))

    assert [index for index, _, _ in found] == list(range(10))
    assert [time_s for _, time_s, _ in found] == [time_s for time_s, _ in expected]
    assert all(np.array_equal(a[2], b[1]) for a, b in zip(found, expected, strict=True))
    assert frames.counts.dropped == 0


def test_the_newest_frame_wins(tmp_path: Path) -> None:
    """At its own pace a file does not wait: what nobody took in time is dropped and counted."""
    path = street_clip(tmp_path / "street.mp4", frames=20)
    began_at = time.monotonic()
    late_s, taken = [], []

    with of_file(path, 10, realtime=True) as frames:
        for sampled in frames:
            assert sampled is not None
            late_s.append(time.monotonic() - began_at - sampled.time_s)
            taken.append(sampled)
            time.sleep(0.35)

    counts = frames.counts
    assert (counts.sampled, counts.sampled - counts.dropped) == (20, len(taken))
    assert 5 <= len(taken) <= 8
    assert taken[-1].index == 19  # the last one is never overtaken
    # A queue would make each frame later than the one before.
    assert max(late_s) - min(late_s) < 0.3


def test_a_camera_that_hangs_up_is_asked_again(any_camera: MjpegCamera | RtspCamera) -> None:
    """Times go on rising over the gap, at the rate that was asked for; both ends are told."""
    lines: list[str] = []
    found: list[SampledFrame] = []

    with live_frames(any_camera.url, any_camera.host, lines) as frames:
        for sampled in frames:
            assert sampled is not None  # it was lost for less than three seconds
            found.append(sampled)
            if len(found) == 35:
                break

    times = [sampled.time_s for sampled in found]
    assert times[0] == 0.0
    assert (np.diff(times) > 0).all()
    assert max(np.diff(times)) > 0.4  # the first back-off
    assert np.median(np.diff(times)) == pytest.approx(0.1, abs=0.03)
    assert np.abs(found[0].frame.astype(int) - street(0)).mean() < 10
    assert any_camera.connections == 2
    assert frames.counts.lost == 1
    assert [line.split()[1:3] for line in lines] == [["is", "lost"], ["is", "there"]]


def test_the_time_between_tries_grows() -> None:
    """Nobody listens there; the watch goes on until it is stopped, and stops at once."""
    camera = MjpegCamera()
    camera.close()
    lines: list[str] = []
    frames = live_frames(camera.url, camera.host, lines)
    threading.Timer(2.0, frames.stop).start()
    started = time.monotonic()

    with frames:
        assert list(frames) == []

    assert time.monotonic() - started < 3
    assert [line.rpartition("next try in ")[2] for line in lines] == ["0.5 s", "1 s", "2 s"]


def test_a_redirect_is_not_followed(camera: MjpegCamera) -> None:
    """It would lead past the list of hosts."""
    lines: list[str] = []
    frames = live_frames(camera.url.replace("/video", "/elsewhere"), camera.host, lines)
    threading.Timer(0.4, frames.stop).start()

    with frames:
        assert list(frames) == []

    assert camera.connections == 0
    assert "cannot be opened" in lines[0]


def test_pictures_that_are_too_large_are_not_taken(camera: MjpegCamera) -> None:
    """The line says what they have and what the limit is."""
    lines: list[str] = []
    frames = live_frames(camera.url, camera.host, lines, max_pixels=1000)
    threading.Timer(0.4, frames.stop).start()

    with frames:
        assert list(frames) == []

    assert "320x240 pixels, the limit is 1000" in lines[0]


def test_a_source_that_stays_away_is_told_once() -> None:
    """Three seconds after it was lost, between its last frame and the end of the watch."""
    camera = MjpegCamera()
    frames = live_frames(camera.url, camera.host, [])
    threading.Timer(6.0, frames.stop).start()
    lost_at, told_at = 0.0, []

    with frames:
        for sampled in frames:
            if sampled is None:
                told_at.append(time.monotonic())
            elif not lost_at:
                lost_at = time.monotonic()
                threading.Thread(target=camera.close).start()

    assert len(told_at) == 1
    assert 2.5 < told_at[0] - lost_at < 4.5


def test_a_source_that_is_back_is_not_told_as_lost_because_no_frame_is_due() -> None:
    """At a frame in five seconds the next one is due long after the camera is back."""
    camera = MjpegCamera(hang_up_after=30)
    frames = live_frames(camera.url, camera.host, [], fps=0.2)
    threading.Timer(7.5, frames.stop).start()

    with frames:
        found = list(frames)

    camera.close()
    assert camera.connections == 2
    assert None not in found
    assert len(found) == 2


@pytest.mark.parametrize("realtime", [False, True])
def test_a_file_that_is_no_video_ends_the_watch(tmp_path: Path, realtime: bool) -> None:
    """Unlike a camera it will not get better."""
    (tmp_path / "a.txt").write_text("no video")

    with (
        of_file(tmp_path / "a.txt", 10, realtime) as frames,
        pytest.raises(VideoNotSupported),
    ):
        list(frames)
