"""Clips whose every frame shows its own number as a grey, and what was read back of them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from service.vision.clips import ClipReader, SampledFrame
from service.vision.damage import DecodeError

LIMIT = 1_000_000
WIDTH, HEIGHT, STEP = 160, 96, 4  # frame n is a grey of STEP * n


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    return np.full((height, width, 3), STEP * number, np.uint8)


def write_clip(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    times_ms: Sequence[int] | None = None,
    fps: int = 30,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Encode RGB frames at ``fps``, or at the given times."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 12
        time_base = Fraction(1, 1000) if times_ms else Fraction(1, fps)
        stream.codec_context.time_base = time_base
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = (times_ms[i] if times_ms else i), time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def textured() -> list[NDArray[np.uint8]]:
    """60 frames of noise: most of such a file is pictures, so a cut or garbage hits pictures."""
    noise = np.random.default_rng(1)
    return [noise.integers(0, 128, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(60)]


def two_seconds(path: Path) -> Path:
    return write_clip(path, [numbered(n) for n in range(60)])


def read(path: Path, sample_fps: float = 10) -> tuple[list[SampledFrame], Sequence[DecodeError]]:
    with ClipReader(path, sample_fps, LIMIT, max_seconds=100) as reader:
        return list(reader), reader.decode_errors


def numbers(frames: Sequence[SampledFrame]) -> list[int]:
    """What the pictures themselves say, apart from what the reader says."""
    return [round(float(sampled.frame.mean()) / STEP) for sampled in frames]
