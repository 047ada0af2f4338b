"""Clips written here, frame by frame, then read back: every frame shows its own number."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from service.vision.clips import ClipReader
from service.vision.damage import MAX_ENTRIES, DamageLog
from tests.builders.footage import with_display_matrix
from tests.builders.numbered_clips import (
    HEIGHT,
    LIMIT,
    WIDTH,
    numbered,
    numbers,
    read,
    textured,
    two_seconds,
    write_clip,
)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.mov", "clip.flv"])
def test_every_third_frame_of_a_30_fps_clip_is_sampled_at_10_fps(tmp_path: Path, name: str) -> None:
    """Index, time and picture agree, in each container, and nothing is reported lost."""
    frames, errors = read(two_seconds(tmp_path / name))

    assert [sampled.index for sampled in frames] == list(range(0, 60, 3))
    assert numbers(frames) == list(range(0, 60, 3))
    assert [sampled.time_s for sampled in frames] == pytest.approx(
        [n / 30 for n in range(0, 60, 3)], abs=0.001
    )
    assert errors == ()


def test_the_pictures_of_an_avi_are_in_order_and_none_is_called_damaged(tmp_path: Path) -> None:
    """H.264 with pictures that are decoded before they are shown: AVI stamps them as they come."""
    frames, errors = read(write_clip(tmp_path / "clip.avi", [numbered(n) for n in range(60)]))

    assert numbers(frames) == list(range(0, 60, 3))
    assert [s.time_s for s in frames] == pytest.approx([n / 30 for n in range(0, 60, 3)])
    assert errors == ()


def test_a_slow_clip_is_not_sampled_faster_than_it_was_filmed(tmp_path: Path) -> None:
    """5 frames a second stay 5, however many are asked for."""
    path = write_clip(tmp_path / "slow.mp4", [numbered(n) for n in range(10)], fps=5)

    assert numbers(read(path, sample_fps=30)[0]) == list(range(10))


def test_a_variable_frame_rate_is_sampled_by_time_not_by_number(tmp_path: Path) -> None:
    """Ten frames in the first 0.1 s, then one each 0.25 s: worked out by hand at 10 a second."""
    times = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 250, 500, 750, 1000]
    path = write_clip(tmp_path / "vfr.mkv", [numbered(n) for n in range(14)], times_ms=times)

    frames, errors = read(path)

    assert numbers(frames) == [0, 10, 11, 12, 13]
    assert [sampled.time_s for sampled in frames] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert errors == ()


def test_time_starts_at_the_first_frame(tmp_path: Path) -> None:
    """A file whose stamps begin at five seconds is not five seconds late."""
    times = [5000 + 100 * n for n in range(5)]
    path = write_clip(tmp_path / "late.mkv", [numbered(n) for n in range(5)], times_ms=times)

    assert [s.time_s for s in read(path)[0]] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(
    ("matrix", "shape", "red_corner"),
    [
        pytest.param((1, 0, 0, 1), (96, 160), ("top", "left"), id="upright"),
        pytest.param((0, 1, -1, 0), (160, 96), ("top", "right"), id="quarter turn clockwise"),
        pytest.param((-1, 0, 0, -1), (96, 160), ("bottom", "right"), id="upside down"),
        pytest.param((0, -1, 1, 0), (160, 96), ("bottom", "left"), id="quarter turn back"),
        pytest.param((-1, 0, 0, 1), (96, 160), ("top", "right"), id="mirrored"),
    ],
)
def test_a_rotated_clip_is_shown_upright(
    tmp_path: Path, matrix: tuple[int, int, int, int], shape: tuple[int, int], red_corner: object
) -> None:
    """The stored red corner is top left; phones and mounted cameras store turned pictures."""
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    frame[:32, :48] = (255, 0, 0)
    path = with_display_matrix(write_clip(tmp_path / "turned.mp4", [frame] * 3), *matrix)

    with ClipReader(path, 10, LIMIT, 100) as reader:
        shown = next(iter(reader)).frame
        info = reader.info

    rows, columns = np.nonzero(shown[..., 0] > 128)
    found = (
        "top" if rows.mean() < shown.shape[0] / 2 else "bottom",
        "left" if columns.mean() < shown.shape[1] / 2 else "right",
    )
    assert shown.shape == (*shape, 3)
    assert (info.height, info.width) == shape
    assert found == red_corner


def test_one_frame_is_a_clip(tmp_path: Path) -> None:
    """It is at time 0 and nothing is lost."""
    frames, errors = read(write_clip(tmp_path / "one.mp4", [numbered(7)]))

    assert (numbers(frames), frames[0].time_s, errors) == ([7], 0.0, ())


def test_info_says_what_the_file_says(tmp_path: Path) -> None:
    """Width and height as shown, frames a second, seconds, codec."""
    with ClipReader(two_seconds(tmp_path / "clip.mp4"), 10, LIMIT, 100) as reader:
        info = reader.info

    assert (info.width, info.height, info.fps, info.codec) == (WIDTH, HEIGHT, 30.0, "h264")
    assert info.duration_s == pytest.approx(2.0)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.flv"])
def test_garbage_in_the_middle_is_read_past_and_reported(tmp_path: Path, name: str) -> None:
    """Frames before it are intact, and at least one entry says what was lost."""
    path = write_clip(tmp_path / name, textured())
    data = bytearray(path.read_bytes())
    middle, length = len(data) // 2, len(data) // 20
    data[middle : middle + length] = np.random.default_rng(2).bytes(length)
    path.write_bytes(data)

    frames, errors = read(path)

    assert len(frames) > 5
    assert sum(error.count for error in errors) >= 1
    times = [sampled.time_s for sampled in frames]
    assert all(a < b for a, b in pairwise(times))


@pytest.mark.parametrize("name", ["clip.mkv", "clip.flv", "index-in-front.mp4"])
def test_a_cut_off_file_gives_what_is_there_and_says_what_is_missing(
    tmp_path: Path, name: str
) -> None:
    """A declared length that the pictures do not reach is an entry of its own."""
    options = {"movflags": "faststart"} if name.endswith(".mp4") else {}
    path = write_clip(tmp_path / name, textured(), options=options)
    os.truncate(path, path.stat().st_size * 6 // 10)

    frames, errors = read(path)

    assert 1 <= len(frames) < 20
    assert any("the file declares 2." in error.detail for error in errors)


def test_equal_time_stamps_still_move_on(tmp_path: Path) -> None:
    """Damaged stamps are replaced by one frame duration each and counted."""
    path = tmp_path / "stamps.ts"
    write_clip(path, [numbered(n) for n in range(4)], codec="mpeg2video", fps=25)
    data = bytearray(path.read_bytes())
    starts = [
        at for at in range(len(data) - 14) if data[at : at + 4] == b"\x00\x00\x01\xe0"
    ]  # a PES header of the video; its PTS stands 9 bytes behind
    for at in starts[1:]:
        data[at + 9 : at + 14] = data[starts[0] + 9 : starts[0] + 14]
    path.write_bytes(data)

    frames, errors = read(path, sample_fps=25)

    times = [sampled.time_s for sampled in frames]
    assert len(times) == 4
    assert all(b > a for a, b in pairwise(times))
    assert any("time stamp" in error.detail for error in errors)


def test_a_hole_in_a_steady_clip_is_noted_once(tmp_path: Path) -> None:
    """15 frames at 30 a second, then nothing for a second, then 15 more: about 29 are missing."""
    times = [round(1000 * n / 30) for n in (*range(15), *range(44, 59))]
    path = write_clip(tmp_path / "hole.mkv", [numbered(n) for n in range(30)], times_ms=times)

    errors = read(path)[1]

    assert [(error.detail, error.count) for error in errors] == [("no picture for 1.00 s", 29)]
    assert errors[0].time_s == pytest.approx(14 / 30, abs=0.001)


def test_the_damage_log_cannot_grow_without_end() -> None:
    """A hostile file may be damaged in ten thousand ways; the counts still add up."""
    log = DamageLog()
    for second in range(10_000):
        log.add(float(second), "damaged packet")

    entries = log.entries()

    assert len(entries) == MAX_ENTRIES + 1
    assert sum(entry.count for entry in entries) == 10_000


def test_a_real_clip_is_read_to_its_end(real_data: Path) -> None:
    """480 frames of a dashcam at 30 a second: 16 s, 160 samples, nothing lost."""
    frames, errors = read(real_data / "ego_clips" / "nexar_rear_end.mp4")

    assert [sampled.index for sampled in frames] == list(range(0, 480, 3))
    assert frames[0].frame.shape == (360, 640, 3)
    assert errors == ()
