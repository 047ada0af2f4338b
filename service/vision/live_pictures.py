"""A stream over the network or from a camera: opened, its pictures, and which of them are due."""

import time
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from service.errors import VideoNotSupported, VideoTooLarge
from service.vision.sources import Source

PATIENCE_S = 10.0  # for opening, and for the next picture
TICK_SLACK = 0.1  # of a tick: pictures come a little early or late


class Clock:
    """Says of each picture, when it comes, whether it is due, and its time."""

    def __init__(self, sample_fps: float) -> None:
        self.seen = 0  # pictures so far
        self.last_at = time.monotonic()  # when the last one came; before the first, the beginning
        self._step_s = 1.0 / sample_fps
        self._first: float | None = None
        self._next_s = 0.0

    def due(self) -> float | None:
        self.seen += 1
        self.last_at = now = time.monotonic()
        self._first = now if self._first is None else self._first
        time_s = now - self._first
        if time_s < self._next_s - TICK_SLACK * self._step_s:
            return None
        self._next_s += self._step_s
        if self._next_s <= time_s:  # it was lost, or is slower: what was missed is not made up
            self._next_s = time_s + self._step_s
        return time_s


def open_stream(source: Source, options: dict[str, str]) -> InputContainer:
    return av.open(
        source.address,
        format=source.format,
        options=options,
        timeout=(PATIENCE_S, PATIENCE_S),
    )


def pictures_of(container: InputContainer, max_pixels: int) -> Iterator[VideoFrame]:
    if not container.streams.video:
        raise VideoNotSupported("it has no video stream")
    stream = container.streams.video[0]
    stream.thread_type = "SLICE"  # threads by frame would hold several frames back
    for packet in container.demux(stream):
        try:
            pictures = packet.decode()
        except av.InvalidDataError:
            continue  # the first pictures of a stream that one joins, mostly
        for picture in pictures:
            if picture.width * picture.height > max_pixels:
                raise VideoTooLarge(
                    f"its pictures have {picture.width}x{picture.height} pixels, "
                    f"the limit is {max_pixels} in all"
                )
            yield picture
