"""Recordings behind an HTTP address: at their own pace, to their end, and what is none."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from service.errors import VideoNotDecodable, VideoTooLarge
from tests.builders.cameras import Recording, live_frames
from tests.builders.footage import street, street_clip, with_display_matrix, write_clip


def noisy_clip(path: Path) -> Path:
    """Two seconds; the ground is noise, so that nobody reads the file in one go."""
    noise = np.random.default_rng(0).integers(0, 60, (20, 240, 320, 3), np.uint8)
    return write_clip(
        path, [np.maximum(street(i), noise[i]) for i in range(20)], 10, bit_rate=2_000_000
    )


@pytest.mark.parametrize("hang_up_after", [None, 60_000])
def test_a_recording_behind_an_address_is_played_at_its_own_pace_and_ends(
    tmp_path: Path, hang_up_after: int | None
) -> None:
    """It is sent in a moment, and goes on where it was when the connection breaks off."""
    clip = noisy_clip(tmp_path / "street.mkv")
    assert clip.stat().st_size > 110_000
    recording = Recording(clip, hang_up_after)
    lines: list[str] = []
    began_at = time.monotonic()

    with live_frames(recording.url, recording.host, lines) as frames:
        found = [sampled for sampled in frames if sampled is not None]

    recording.close()
    assert lines[0].endswith("street.mkv is a recording of 2 s")
    assert time.monotonic() - began_at > 1.9
    assert recording.connections == (2 if hang_up_after is None else 4)
    assert [line.split()[1:3] for line in lines[1:]] == (
        [] if hang_up_after is None else [["is", "lost"], ["is", "there"]]
    )
    assert len(found) == pytest.approx(20, abs=2)
    # The car moves a pixel a frame, so the picture tells which one it was.
    places = [int((sampled.frame[140, :, 0] > 150).argmax()) for sampled in found]
    assert places == sorted(places)
    assert (places[0], places[-1]) == pytest.approx((32, 51), abs=1)


def test_a_stream_that_says_nothing_of_its_length_is_a_camera(tmp_path: Path) -> None:
    """Though fragments of MP4 name the seconds that were sent so far: it is opened again."""
    fragments = "frag_keyframe+empty_moov+default_base_moof"
    pictures = [street(i) for i in range(20)]
    clip = write_clip(tmp_path / "live.mp4", pictures, 10, movflags=fragments)
    camera = Recording(clip, endless=True)
    lines: list[str] = []
    frames = live_frames(camera.url, camera.host, lines)
    threading.Timer(2.0, frames.stop).start()

    with frames:
        list(frames)

    camera.close()
    assert camera.connections >= 2
    assert "recording" not in " ".join(lines)
    assert "next try in" in lines[0]


@pytest.mark.parametrize("name", ["street.mkv", "street.ts"])
def test_a_recording_that_is_refused_for_a_moment_is_asked_for_again(
    tmp_path: Path, name: str
) -> None:
    """The first connection looks at it, the second is refused, the third plays it."""
    recording = Recording(street_clip(tmp_path / name, frames=10), refuses=[2])
    lines: list[str] = []

    with live_frames(recording.url, recording.host, lines) as frames:
        found = [sampled for sampled in frames if sampled is not None]

    recording.close()
    assert "is a recording" in lines[0]
    assert "cannot be opened" in lines[1]
    assert len(found) == pytest.approx(10, abs=2)


def test_a_recording_that_is_cut_short_says_so(tmp_path: Path) -> None:
    """The server has half of the file, and names that as its length."""
    clip = noisy_clip(tmp_path / "street.mkv")
    clip.write_bytes(clip.read_bytes()[:50_000])
    recording = Recording(clip)
    lines: list[str] = []

    with live_frames(recording.url, recording.host, lines) as frames:
        assert list(frames)

    recording.close()
    assert lines[-1].endswith("s of 2 s")
    assert "ended after 0." in lines[-1]


def test_a_recording_whose_pictures_are_too_large_ends_the_watch(tmp_path: Path) -> None:
    """It will not get better."""
    recording = Recording(street_clip(tmp_path / "street.mkv", frames=3))

    with (
        live_frames(recording.url, recording.host, [], max_pixels=1000) as frames,
        pytest.raises(VideoTooLarge, match="320x240"),
    ):
        list(frames)

    recording.close()


def test_pictures_of_a_turned_recording_are_shown_upright(tmp_path: Path) -> None:
    """As those of a clip are."""
    clip = with_display_matrix(street_clip(tmp_path / "street.mp4", frames=3), 0, 1, -1, 0)
    recording = Recording(clip, seekable=True)

    with live_frames(recording.url, recording.host, []) as frames:
        shapes = [sampled.frame.shape for sampled in frames if sampled is not None]

    recording.close()
    assert set(shapes) == {(320, 240, 3)}


def test_a_recording_without_a_picture_that_can_be_read_ends_the_watch(tmp_path: Path) -> None:
    """Its index stands at its end, and the server sends no parts: it will not get better."""
    recording = Recording(noisy_clip(tmp_path / "street.mp4"))

    with (
        live_frames(recording.url, recording.host, []) as frames,
        pytest.raises(VideoNotDecodable, match=r"street\.mp4: none of its pictures"),
    ):
        list(frames)

    recording.close()
