"""Decoding in a child process: the same frames, and no harm when the child dies or hangs."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from service.errors import AnalysisCancelled, VideoNotDecodable, VideoNotSupported, VideoTooLarge
from service.vision.isolated import IsolatedClip, in_a_child, in_this_process
from tests.builders.footage import street_clip

LIMIT = 10**7
MIB = 1024**2


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return street_clip(tmp_path_factory.mktemp("clips") / "street.mp4", frames=100)


@pytest.mark.parametrize("after_index", [-1, 0, 40])
def test_a_child_gives_the_same_frames(clip_file: Path, after_index: int) -> None:
    """Numbers, times, pixels, and what the file says of itself; also from the middle on."""
    with in_this_process(LIMIT, 100)(clip_file, 5, after_index) as direct:
        expected = list(direct)
    with in_a_child(LIMIT, 100)(clip_file, 5, after_index) as clip:
        found = list(clip)

    assert clip.info == direct.info
    assert [(f.index, f.time_s) for f in found] == [(f.index, f.time_s) for f in expected]
    assert all(np.array_equal(a.frame, b.frame) for a, b in zip(found, expected, strict=True))
    assert all(f.index > after_index for f in found)
    assert clip.decode_errors == ()


def test_damage_is_told_by_the_child(clip_file: Path, tmp_path: Path) -> None:
    """The same entries as when it is read in this process."""
    damaged = tmp_path / "damaged.mp4"
    content = bytearray(clip_file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 600] = b"\x55" * 600
    damaged.write_bytes(content)
    with in_this_process(LIMIT, 100)(damaged, 5, -1) as direct:
        list(direct)
    with in_a_child(LIMIT, 100)(damaged, 5, -1) as clip:
        list(clip)

    assert direct.decode_errors
    assert clip.decode_errors == direct.decode_errors


def test_refusals_keep_their_kind(clip_file: Path, tmp_path: Path) -> None:
    """What is no video, and what is too long, is said as ever."""
    (tmp_path / "note.mp4").write_text("hello world")

    with pytest.raises(VideoNotSupported, match=r"note\.mp4"):
        in_a_child(LIMIT, 100)(tmp_path / "note.mp4", 5, -1)
    with pytest.raises(VideoTooLarge, match="the limit is 1 s"):
        in_a_child(LIMIT, 1)(clip_file, 5, -1)


def test_a_decoder_that_dies_costs_only_what_it_had_not_read(clip_file: Path) -> None:
    """SIGSEGV in mid-clip: the frames before are good, the rest is a decode error."""
    with IsolatedClip(clip_file, 10, LIMIT, 100) as clip:
        frames = iter(clip)
        first = next(frames)
        os.kill(clip._child.pid, signal.SIGSEGV)
        rest = list(frames)

    assert first.index == 0
    assert len(rest) < 99
    assert clip.decode_errors[-1].detail == (
        "the decoder was ended by SIGSEGV; nothing after this was read"
    )


def test_a_decoder_that_hangs_is_ended(clip_file: Path) -> None:
    """SIGSTOP looks like an endless loop from here."""
    with IsolatedClip(clip_file, 10, LIMIT, 100, stall_s=3) as clip:
        frames = iter(clip)
        next(frames)
        os.kill(clip._child.pid, signal.SIGSTOP)
        list(frames)

    assert clip.decode_errors[-1].detail.startswith("the decoder gave no sign of life for 3 s")
    assert clip._child.returncode == -signal.SIGKILL


def test_a_decoder_without_memory_is_a_clip_that_cannot_be_decoded(clip_file: Path) -> None:
    """The limit holds in the child alone."""
    with pytest.raises((VideoNotDecodable, VideoTooLarge)):
        in_a_child(LIMIT, 100, memory_bytes=40 * MIB)(clip_file, 5, -1)


def test_closing_early_leaves_no_process(clip_file: Path) -> None:
    """A cancelled job closes its clip at once."""
    with IsolatedClip(clip_file, 10, LIMIT, 100) as clip:
        next(iter(clip))
        pid = clip._child.pid

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_child_learns_no_secret(clip_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the service and keys of its store stay with the parent."""
    monkeypatch.setenv("SACLIP_CALLBACK_SECRET_FILE", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with IsolatedClip(clip_file, 10, LIMIT, 100) as clip:
        environment = Path(f"/proc/{clip._child.pid}/environ").read_bytes()

    assert b"SACLIP_" not in environment
    assert b"AWS_" not in environment


def test_a_reading_is_cancelled_while_it_waits(clip_file: Path) -> None:
    """A search for the place where a job stopped may take a minute; nobody waits for that."""
    is_cancelled = False
    with in_a_child(LIMIT, 100, cancelled=lambda: is_cancelled)(clip_file, 5, -1) as clip:
        assert isinstance(clip, IsolatedClip)
        os.kill(clip._child.pid, signal.SIGSTOP)
        is_cancelled = True
        started = time.monotonic()

        with pytest.raises(AnalysisCancelled):
            list(clip)

    assert time.monotonic() - started < 1
