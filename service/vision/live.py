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
from av.video.frame import VideoFrame

from service.errors import ServiceError, VideoNotDecodable
from service.vision.clips import SampledFrame
from service.vision.images import Frame
from service.vision.isolated import OpenClip
from service.vision.live_pictures import PATIENCE_S, Clock, open_stream, pictures_of
from service.vision.orientation import matrix_of, turn_upright
from service.vision.sources import Source

FIRST_DELAY_S, MAX_DELAY_S = 0.5, 30.0  # before a lost source is tried again; doubled each time
LOST_S = 3.0  # after its last picture a lost source is told, and an alarm that lasts is over
RECORDED = ("http://", "https://")  # an RTSP server sends a recording at its own pace by itself
CUT_SHORT_S = 1.0  # a recording that ends so long before its named end has been cut short

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
    ``started_at`` is the time of the clock that belongs to 0. A recording behind an HTTP address
    is played at its own pace, and ends.
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
        self._is_lost = False
        self._lost_at: float | None = None  # until it is told, or a picture comes
        self._played_s = -1.0  # how far a recording has come
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

    def __iter__(self) -> Iterator[SampledFrame | None]:
        """Yield frames until the file ends or ``stop`` is called.

        None stands for a source that has been lost for `LOST_S`: what comes later is another story.

        Raises:
            ServiceError: A file cannot be read.
        """
        if not self._source.is_live and not self._realtime:
            yield from self._all()
            return
        self._thread.start()
        while (newest := self._take()) is not None or not self._ended.is_set():
            if newest is None:
                yield None
                continue
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
                if self._lost_at is not None and time.monotonic() - self._lost_at > LOST_S:
                    self._lost_at = None
                    return None
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
        self._wait_for_taker()

    def _wait_for_taker(self) -> None:
        with self._changed:  # the last frame is taken before the end is seen
            self._changed.wait_for(lambda: self._newest is None, PATIENCE_S)

    def _follow(self) -> None:
        """A live source, opened again whenever it is lost."""
        delay_s = FIRST_DELAY_S
        clock = Clock(self._sample_fps)
        while not self._ended.is_set():
            before = clock.seen
            try:
                if self._read(clock) or self._ended.is_set():
                    return
                reason = "it ended"
            except (av.FFmpegError, OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or type(error).__name__
            except ServiceError as error:
                reason = str(error)
            verb = "cannot be opened"
            if clock.seen > before:
                delay_s, verb = FIRST_DELAY_S, "is lost"
            if not self._is_lost:
                self._is_lost, self._lost_at = True, clock.last_at
            self.counts.lost += 1
            self._told(f"{self._source.shown} {verb} ({reason}); next try in {delay_s:g} s")
            self._ended.wait(delay_s)
            delay_s = min(2 * delay_s, MAX_DELAY_S)

    def _read(self, clock: Clock) -> bool:
        """Put its pictures until it breaks off; true at the end of a recording."""
        with open_stream(self._source, self._source.options) as container:
            # Only who knows how many bytes it has comes to an end: a live stream may have a length
            # in seconds, that of what it has sent so far.
            if not (self._source.address.startswith(RECORDED) and container.size > 0):
                self._put_due(pictures_of(container, self._max_pixels), clock)
                return False
            length_s = (container.duration or 0) / av.time_base
        shown = self._source.shown
        if self._played_s < 0:
            self._told(f"{shown} is a recording" + (f" of {length_s:.0f} s" if length_s else ""))
        # Without delay FFmpeg forgets what it has read to know the format: the first key frame.
        options = {k: v for k, v in self._source.options.items() if k != "fflags"}
        with open_stream(self._source, options) as container:
            try:
                self._put_due(self._paced(pictures_of(container, self._max_pixels)), clock)
            except av.FFmpegError:
                if self._played_s >= 0:
                    raise  # it broke off, and goes on there
            except ServiceError as error:
                self._error = error  # it will not get better
                return True
        if self._ended.is_set():
            return True
        if self._played_s < 0:
            self._error = VideoNotDecodable(f"{shown}: none of its pictures can be read")
        elif length_s - self._played_s > CUT_SHORT_S:
            self._told(f"{shown} ended after {self._played_s:.1f} s of {length_s:.0f} s")
        self._wait_for_taker()
        return True

    def _put_due(self, pictures: Iterator[VideoFrame], clock: Clock) -> None:
        for picture in pictures:
            if self._ended.is_set():
                return
            if self._is_lost:
                self._told(f"{self._source.shown} is there")
                self._is_lost, self._lost_at = False, None
            time_s = clock.due()
            if time_s is not None:
                self._put(time_s, picture)

    def _paced(self, pictures: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Pictures of a recording when they are due, from where it broke off before."""
        began_at: float | None = None
        for picture in pictures:
            own_s = float(picture.time or 0.0)
            if own_s <= self._played_s:
                continue
            began_at = time.monotonic() - own_s if began_at is None else began_at
            self._ended.wait(max(0.0, began_at + own_s - time.monotonic()))
            self._played_s = own_s
            yield picture


def _rgb(picture: VideoFrame | Frame) -> Frame:
    if isinstance(picture, VideoFrame):
        rgb = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
        return turn_upright(rgb, matrix_of(picture))
    return picture
