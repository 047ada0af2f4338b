"""Frames of a source as they come: the newest wins, and a source that is lost is opened again.

A thread reads, so that the source never waits for the model: what nobody took when the next frame
came is dropped and counted. A file that is not played at its own pace waits instead.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from service.errors import ServiceError, VideoNotSupported, VideoTooLarge
from service.vision.clips import SampledFrame
from service.vision.images import Frame
from service.vision.isolated import OpenClip
from service.vision.sources import Source

PATIENCE_S = 10.0  # for opening, and for the next picture
FIRST_DELAY_S, MAX_DELAY_S = 0.5, 30.0  # before a lost source is tried again; doubled each time
TICK_SLACK = 0.1  # of a tick: pictures come a little early or late

Told = Callable[[str], None]


@dataclass(slots=True)
class Counts:
    """What became of the frames so far.

    Attributes:
        sampled: Frames that were due.
        dropped: ... of those, overtaken by a newer one before anybody took them.
        lost: How often the source was lost, or could not be opened.
    """

    sampled: int = 0
    dropped: int = 0
    lost: int = 0


class LiveFrames:
    """Frames with times that always rise; iterate once.

    Args:
        source: What to open.
        sample_fps: Frames of a second that are wanted.
        max_pixels: Largest picture accepted.
        open_clip: Opens files.
        told: Told in a line what happens to the source; called from a thread.
        realtime: Whether a file is played at its own pace, as a camera would.

    The time of a frame is seconds after the first; in a file its own, else when it came.
    ``started_at`` is the time of the clock that belongs to 0.
    """

    def __init__(
        self,
        source: Source,
        sample_fps: float,
        max_pixels: int,
        open_clip: OpenClip,
        told: Told = lambda line: None,
        realtime: bool = False,
    ) -> None:
        self._source, self._sample_fps, self._max_pixels = source, sample_fps, max_pixels
        self._open_clip, self._told, self._realtime = open_clip, told, realtime
        self.counts = Counts()
        self.started_at = time.time()
        self._changed = threading.Condition()
        self._newest: tuple[int, float, VideoFrame | Frame] | None = None
        self._ended = threading.Event()
        self._error: Exception | None = None
        reads = self._follow if source.is_live else self._play
        self._thread = threading.Thread(target=self._run, args=[reads], name="live", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_S + 1)

    def stop(self) -> None:
        """End the iteration soon; also from a signal handler's thread."""
        self._ended.set()

    def __iter__(self) -> Iterator[SampledFrame]:
        """Yield frames until the file ends or ``stop`` is called.

        Raises:
            ServiceError: A file cannot be read.
        """
        if not self._source.is_live and not self._realtime:
            yield from self._all()
            return
        self._thread.start()
        while (newest := self._take()) is not None:
            index, time_s, picture = newest
            yield SampledFrame(index, time_s, _rgb(picture))
        if self._error is not None:
            raise self._error

    def _all(self) -> Iterator[SampledFrame]:
        with self._open_clip(Path(self._source.address), self._sample_fps, -1) as clip:
            for sampled in clip:
                if self._ended.is_set():
                    return
                self.counts.sampled += 1
                yield SampledFrame(self.counts.sampled - 1, sampled.time_s, sampled.frame)

    def _take(self) -> tuple[int, float, VideoFrame | Frame] | None:
        with self._changed:
            while self._newest is None and not self._ended.is_set():
                self._changed.wait(0.1)  # a signal handler cannot notify
            newest, self._newest = self._newest, None
            self._changed.notify_all()
            return newest

    def _put(self, time_s: float, picture: VideoFrame | Frame) -> None:
        with self._changed:
            if self.counts.sampled == 0:
                self.started_at = time.time() - time_s
            if self._newest is not None:
                self.counts.dropped += 1
            self._newest = (self.counts.sampled, time_s, picture)
            self.counts.sampled += 1
            self._changed.notify_all()

    def _run(self, reads: Callable[[], None]) -> None:
        try:
            reads()
        except Exception as error:
            self._error = error
        finally:
            self._ended.set()

    def _play(self) -> None:
        """A file at its own pace."""
        with self._open_clip(Path(self._source.address), self._sample_fps, -1) as clip:
            began_at = time.monotonic()
            for sampled in clip:
                if self._ended.wait(max(0.0, began_at + sampled.time_s - time.monotonic())):
                    return
                self._put(sampled.time_s, sampled.frame)
        with self._changed:  # the last frame is taken before the end is seen
            self._changed.wait_for(lambda: self._newest is None, PATIENCE_S)

    def _follow(self) -> None:
        """A live source, opened again whenever it is lost."""
        delay_s, is_lost, verb = FIRST_DELAY_S, False, "cannot be opened"
        clock = _Clock(self._sample_fps)
        while not self._ended.is_set():
            try:
                with _opened(self._source) as container:
                    for picture in _pictures(container, self._max_pixels):
                        if self._ended.is_set():
                            return
                        if is_lost:
                            self._told(f"{self._source.shown} is there")
                        delay_s, is_lost, verb = FIRST_DELAY_S, False, "is lost"
                        time_s = clock.due()
                        if time_s is not None:
                            self._put(time_s, picture)
                reason = "it ended"
            except (av.FFmpegError, OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or type(error).__name__
            except ServiceError as error:
                reason = str(error)
            is_lost = True
            self.counts.lost += 1
            self._told(f"{self._source.shown} {verb} ({reason}); next try in {delay_s:g} s")
            self._ended.wait(delay_s)
            delay_s = min(2 * delay_s, MAX_DELAY_S)


class _Clock:
    """Says of each picture, when it comes, whether it is due, and its time."""

    def __init__(self, sample_fps: float) -> None:
        self._step_s = 1.0 / sample_fps
        self._first: float | None = None
        self._next_s = 0.0

    def due(self) -> float | None:
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        time_s = now - self._first
        if time_s < self._next_s - TICK_SLACK * self._step_s:
            return None
        self._next_s += self._step_s
        if self._next_s <= time_s:  # it was lost, or is slower: what was missed is not made up
            self._next_s = time_s + self._step_s
        return time_s


def _opened(source: Source) -> InputContainer:
    return av.open(
        source.address,
        format=source.format,
        options=source.options,
        timeout=(PATIENCE_S, PATIENCE_S),
    )


def _pictures(container: InputContainer, max_pixels: int) -> Iterator[VideoFrame]:
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


def _rgb(picture: VideoFrame | Frame) -> Frame:
    if isinstance(picture, VideoFrame):
        return np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
    return picture
