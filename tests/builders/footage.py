"""Pictures and clips for tests of the service: a grey street with a red car and a blue person."""

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
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for i in range(frames):
            picture = av.VideoFrame.from_ndarray(street(i), format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path
