"""Films that browsers play: their codec, times and size, and pictures out of them."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from service.vision.film import FilmWriter, enlarged, enlargement, film_size, read_picture


def grey(level: int, width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Levels 0, 60, 120, 180, 240 at 0, 0.1, 0.2, 1.0 and 1.1 s: the camera paused."""
    path = tmp_path / "film.mp4"
    with FilmWriter(path, (64, 48), fps=10) as writer:
        for level, time_s in zip((0, 60, 120, 180, 240), (0, 0.1, 0.2, 1.0, 1.1), strict=True):
            writer.write(grey(level), time_s)
    return path


def test_a_film_is_h264_that_browsers_play_and_keeps_the_times(film: Path) -> None:
    """4:2:0, the index in front of the pictures, times to the millisecond."""
    with av.open(str(film)) as file:
        stream = file.streams.video[0]
        times = [round(frame.time or 0, 3) for frame in file.decode(stream)]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert times == [0, 0.1, 0.2, 1.0, 1.1]
    data = film.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("time_s", "level"), [(0, 0), (0.1, 60), (0.15, 60), (0.9, 120), (1.0, 180), (99, 240)]
)
def test_the_picture_shown_at_a_time(film: Path, time_s: float, level: int) -> None:
    """The last one at or before it; after the end the last of all."""
    picture = read_picture(film, time_s)

    assert picture.shape == (48, 64, 3)
    assert abs(float(picture.mean()) - level) < 4


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 360), (640, 360)),
        ((641, 361), (640, 360)),
        ((3840, 2160), (1280, 720)),
        ((1, 1), (2, 2)),
    ],
)
def test_sides_are_even_and_bounded(size: tuple[int, int], expected: tuple[int, int]) -> None:
    """H.264 with 4:2:0 colour knows no odd sides; 4K would make a film larger than the clip."""
    assert film_size(size) == expected


def test_an_odd_frame_is_scaled(tmp_path: Path) -> None:
    """63 x 47 has no film of its own size."""
    path = tmp_path / "odd.mp4"
    with FilmWriter(path, (63, 47), fps=5) as writer:
        writer.write(grey(100, 63, 47), 0.0)

    assert read_picture(path, 0.0).shape == (46, 62, 3)


@pytest.mark.parametrize(
    ("width", "height", "times"), [(320, 192, 2), (64, 48, 10), (640, 360, 1), (1920, 1080, 1)]
)
def test_a_small_clip_is_enlarged_until_words_can_be_read(
    width: int, height: int, times: int
) -> None:
    """By a whole number; what is large enough stays as it is."""
    assert enlargement(width, height) == times
    assert enlarged(grey(7, width, height), times).shape == (times * height, times * width, 3)
