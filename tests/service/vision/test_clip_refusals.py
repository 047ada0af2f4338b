"""Files that are no clips, clips that are too large, and names that reach for other files."""

import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from service.errors import VideoNotDecodable, VideoNotSupported, VideoTooLarge
from service.vision.clips import ClipReader
from tests.builders.numbered_clips import (
    HEIGHT,
    LIMIT,
    WIDTH,
    numbered,
    read,
    two_seconds,
    write_clip,
)


def test_an_mp4_without_its_index_cannot_be_opened(tmp_path: Path) -> None:
    """The index stands at the end, so a cut loses it."""
    path = two_seconds(tmp_path / "cut.mp4")
    os.truncate(path, path.stat().st_size // 2)

    with pytest.raises(VideoNotDecodable, match=r"cut\.mp4 cannot be opened: it is cut off"):
        ClipReader(path, 10, LIMIT, 100)


def test_a_video_stream_without_one_good_frame_is_refused(tmp_path: Path) -> None:
    """Not an empty report: the container is fine, the pictures are zeros."""
    path = two_seconds(tmp_path / "black.mp4")
    data = bytearray(path.read_bytes())
    start = data.find(b"mdat") + 4
    data[start : data.find(b"moov") - 4] = bytes(data.find(b"moov") - 4 - start)
    path.write_bytes(data)

    with pytest.raises(VideoNotDecodable, match="no frame of its h264 stream can be decoded"):
        ClipReader(path, 10, LIMIT, 100)


def test_audio_alone_is_refused(tmp_path: Path) -> None:
    """The refusal names what the file does hold."""
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate, sound.pts = 8000, 0
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))

    with pytest.raises(VideoNotSupported, match=r"song\.mp4 has no video stream .*audio"):
        ClipReader(path, 10, LIMIT, 100)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("photo.mp4", b"\xff\xd8\xff\xe0" + bytes(99), "still picture", id="jpeg"),
        pytest.param("photo.avi", b"\x89PNG\r\n\x1a\n", "still picture", id="png"),
        pytest.param("note.mp4", b"hello world", "begins with 68 65 6c 6c", id="text"),
        pytest.param("Gnote.mp4", b"Good morning", "in no supported format", id="text with a G"),
    ],
)
def test_what_is_no_video_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Whatever its name says."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(VideoNotSupported, match=words):
        ClipReader(path, 10, LIMIT, 100)


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.txt"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {clip}\n",
    ],
)
def test_a_playlist_never_reaches_the_file_it_names(tmp_path: Path, name: str, text: str) -> None:
    """The named file is good and would be readable: only the lists in `open_video` stop this."""
    clip = two_seconds(tmp_path / "clip.ts")
    path = tmp_path / name
    path.write_text(text.format(clip=clip.name))

    with pytest.raises(VideoNotSupported, match="playlist"):
        ClipReader(path, 10, LIMIT, 100)


def test_a_protocol_in_a_file_name_stays_a_file_name(tmp_path: Path) -> None:
    """`concat:a|b` would otherwise open two other files."""
    path = two_seconds(tmp_path / "clip.ts").rename(tmp_path / "concat:x|y.ts")

    assert len(read(path)[0]) == 20


@pytest.mark.parametrize("name", ["clip.avi", "clip"])
def test_the_name_does_not_decide_what_a_file_is(tmp_path: Path, name: str) -> None:
    """An MP4 called .avi is an MP4."""
    path = two_seconds(tmp_path / "clip.mp4").rename(tmp_path / name)

    assert len(read(path)[0]) == 20


def test_an_empty_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    """One clear line each."""
    (tmp_path / "empty.mp4").touch()

    with pytest.raises(VideoNotDecodable, match="0 bytes"):
        ClipReader(tmp_path / "empty.mp4", 10, LIMIT, 100)
    with pytest.raises(VideoNotDecodable, match="not a file"):
        ClipReader(tmp_path, 10, LIMIT, 100)


def test_limits_name_the_value_and_the_limit(tmp_path: Path) -> None:
    """Both are known before the second frame is decoded."""
    path = two_seconds(tmp_path / "clip.mp4")

    with pytest.raises(VideoTooLarge, match=r"160x96 = 15360 pixels, the limit is 15359"):
        ClipReader(path, 10, WIDTH * HEIGHT - 1, 100)
    with pytest.raises(VideoTooLarge, match=r"2\.0 s long, the limit is 1\.5 s"):
        ClipReader(path, 10, WIDTH * HEIGHT, 1.5)


def test_a_clip_that_declares_no_length_is_measured_before_it_is_analysed(tmp_path: Path) -> None:
    """As a browser records: refused at once when too long, and its length shows the progress."""
    live = {"live": "1"}
    path = write_clip(tmp_path / "live.mkv", [numbered(n) for n in range(60)], options=live)
    with av.open(str(path)) as container:
        assert container.duration is None

    with pytest.raises(VideoTooLarge, match=r"pictures at 1\.5\d* s, the limit is 1\.5 s"):
        ClipReader(path, 10, LIMIT, 1.5)
    with ClipReader(path, 10, LIMIT, 2.0) as reader:
        assert reader.info.duration_s == pytest.approx(2.0, abs=0.002)


def test_a_clip_that_holds_more_than_it_declares_is_refused_for_what_it_holds(
    tmp_path: Path,
) -> None:
    """Two seconds whose header says 0.1: as a file that is to get past the limit would."""
    path = two_seconds(tmp_path / "lies.mkv")
    data = path.read_bytes()
    duration = bytes.fromhex("448988") + struct.pack(">d", 2000.0)
    assert data.count(duration) == 1
    path.write_bytes(data.replace(duration, duration[:3] + struct.pack(">d", 100.0)))

    with pytest.raises(VideoTooLarge, match=r"pictures at 1\.5\d* s, the limit is 1\.5 s"):
        ClipReader(path, 10, LIMIT, 1.5)
