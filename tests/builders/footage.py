"""Pictures and clips for tests of the service: a grey street with a red car and a blue person."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

RED, BLUE = (255, 0, 0), (0, 0, 255)


def street(step: int = 0, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """(H, W, 3) RGB; the car moves one pixel to the right with each step."""
    frame = np.full((height, width, 3), 90, np.uint8)
    frame[height // 2 : height // 2 + 48, 32 + step : 96 + step] = RED
    frame[height // 2 : height // 2 + 56, width - 80 : width - 48] = BLUE
    return frame


def encoded(frame: NDArray[np.uint8], extension: str = ".jpg") -> bytes:
    """The bytes of a picture file."""
    return cv2.imencode(extension, cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes()


def street_clip(path: Path, frames: int = 20, fps: int = 10) -> Path:
    """An H.264 clip of the street."""
    return write_clip(path, (street(i) for i in range(frames)), fps)


def eventful_frame(number: int, frames: int = 90) -> NDArray[np.uint8]:
    """An empty street; in the middle third of so many frames car and person are there."""
    is_empty = number // (frames // 3) != 1
    return np.full((240, 320, 3), 90, np.uint8) if is_empty else street(number % 100)


def eventful_clip(path: Path, frames: int = 90, fps: int = 10) -> Path:
    """A clip in which something happens."""
    return write_clip(path, (eventful_frame(i, frames) for i in range(frames)), fps)


def write_clip(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    fps: int,
    bit_rate: int | None = None,
    **options: str,
) -> Path:
    """An H.264 clip of frames of one size; options are FFmpeg's for the container."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = "yuv420p"
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for i, frame in enumerate(frames):
            if i == 0:
                stream.height, stream.width = frame.shape[:2]
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def with_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Write the matrix into the track header: 36 bytes behind its times, id and layer fields."""
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 4 + 20 + 16
    values = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(data)
    return path
