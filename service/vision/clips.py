"""A video file as frames with times: read once, in order, and only the sampled frames converted.

Times come from the file's own time stamps, counted from the first shown picture, so a variable
frame rate is right. Damage is counted and read past: FFmpeg conceals much of it silently, so the
flags of packets and pictures and the declared length are looked at as well as the errors raised.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from service.errors import VideoNotDecodable, VideoTooLarge
from service.vision.containers import measured_seconds, open_video
from service.vision.damage import DamageLog, DecodeError
from service.vision.images import Frame
from service.vision.orientation import matrix_of, turn_upright

FALLBACK_FPS = 25.0
TICK_SLACK_S = 0.001  # Matroska rounds time stamps to a millisecond
MAX_READ_FAILURES = 20
GAP_S, GAP_STEPS, GAP_GROWTH = 0.4, 5, 3  # all three must be exceeded before a hole is noted
EARLY_END_S, EARLY_END_SHARE = 0.5, 0.02  # a shorter tail is a rounding of the declared length


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What the file says about itself; width and height as shown, after rotation.

    The duration is measured where the file declares none, or less than it holds.
    """

    width: int
    height: int
    fps: float
    duration_s: float
    codec: str


@dataclass(frozen=True, slots=True, eq=False)
class SampledFrame:
    """One frame of a clip.

    Attributes:
        index: Number among the decoded frames of the file, from 0.
        time_s: Seconds after the first frame.
        frame: (H, W, 3) uint8 RGB, upright.
    """

    index: int
    time_s: float
    frame: Frame


class ClipReader:
    """Decodes a clip once, front to back.

    The first frame is decoded on opening, so that a clip without any is refused at once and
    ``info`` knows how the pictures are turned.

    Args:
        path: A local file.
        sample_fps: Frames wanted for each second; never more than the clip has.
        max_pixels: Largest picture accepted.
        max_seconds: Longest clip accepted.
        after_index: Frames up to this number are decoded but not given: where an interrupted
            analysis goes on. Numbers, times and damage are those of a full reading.
        on_picture: Called for every decoded picture.
    """

    def __init__(
        self,
        path: Path,
        sample_fps: float,
        max_pixels: int,
        max_seconds: float,
        after_index: int = -1,
        on_picture: Callable[[], None] | None = None,
    ) -> None:
        if sample_fps <= 0:
            raise ValueError(f"sample_fps must be above 0, got {sample_fps}")
        self._name = path.name
        self._sample_fps = sample_fps
        self._max_seconds = max_seconds
        self._after_index = after_index
        self._on_picture = on_picture
        self._damage = DamageLog()
        self._last_time_s: float | None = None
        self._longest_step_s = 0.0
        self._container, self._stream = open_video(path, max_pixels)
        self._is_avi = self._container.format.name == "avi"
        try:
            self._fps = float(self._stream.average_rate or self._stream.guessed_rate or 0)
            self._step_s = 1.0 / (self._fps or FALLBACK_FPS)
            self._declared_s = self._declared_seconds()
            if self._declared_s is not None and self._declared_s > max_seconds:
                raise self._too_long(f"is {self._declared_s:.1f} s long")
            self._measured_s = measured_seconds(path, max_pixels, self._step_s, max_seconds)
            self._check_time(self._measured_s - self._step_s)
            self._pictures = self._decode()
            self._first = self._first_picture()
        except Exception:
            self.close()
            raise
        self._size = (self._first.width, self._first.height)
        self._matrix = matrix_of(self._first)
        self.info = self._clip_info()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    @property
    def decode_errors(self) -> tuple[DecodeError, ...]:
        """What was lost so far; complete once the iteration has ended."""
        return self._damage.entries()

    def __iter__(self) -> Iterator[SampledFrame]:
        """Yield the first frame at or after each tick of ``sample_fps``; once per reader."""
        next_tick = 0
        first_pts_s: float | None = None
        for index, picture in enumerate(self._all_pictures()):
            pts_s = self._seconds(picture)
            if first_pts_s is None:
                first_pts_s = pts_s
            time_s = self._place(None if pts_s is None else pts_s - (first_pts_s or 0.0))
            self._check_time(time_s)
            if (time_s + TICK_SLACK_S) * self._sample_fps < next_tick:
                continue
            next_tick = int((time_s + TICK_SLACK_S) * self._sample_fps) + 1
            self._note_size(picture)
            if index > self._after_index:
                yield SampledFrame(index, time_s, self._to_rgb(picture))
        self._note_early_end()

    def _all_pictures(self) -> Iterator[VideoFrame]:
        for picture in itertools.chain((self._first,), self._pictures):
            if self._on_picture is not None:
                self._on_picture()
            yield picture

    def _seconds(self, picture: VideoFrame) -> float | None:
        """When a picture is shown. AVI has no such times, only the order of decoding."""
        stamp = picture.dts if self._is_avi else picture.pts
        if stamp is None or picture.time_base is None:
            return None
        return float(stamp * picture.time_base)

    def _place(self, time_s: float | None) -> float:
        """A time that always moves on, whatever the stamp says."""
        previous, self._last_time_s = self._last_time_s, time_s or 0.0
        if previous is None:
            return 0.0
        if time_s is not None and time_s > previous:
            self._note_gap(previous, time_s - previous)
            return time_s
        if time_s is not None or not self._is_avi:  # the last pictures of an AVI have no stamp
            detail = "no time stamp" if time_s is None else "time stamp not after the frame before"
            self._damage.add(previous, f"{detail}; one frame duration assumed")
        self._last_time_s = previous + self._step_s
        return self._last_time_s

    def _note_gap(self, previous_s: float, gap_s: float) -> None:
        """Matroska skips a damaged part in silence; a hole in the times is all that shows it.

        A variable frame rate has holes too, hence the comparison with those before.
        """
        if gap_s > max(GAP_S, GAP_STEPS * self._step_s, GAP_GROWTH * self._longest_step_s):
            missing = max(1, round(gap_s / self._step_s) - 1)
            self._damage.add(previous_s, f"no picture for {gap_s:.2f} s", missing)
        self._longest_step_s = max(self._longest_step_s, gap_s)

    def _note_size(self, picture: VideoFrame) -> None:
        if (picture.width, picture.height) != self._size:
            self._damage.add(
                self._last_time_s,
                f"picture size changed to {picture.width}x{picture.height}; scaled back",
            )

    def _to_rgb(self, picture: VideoFrame) -> Frame:
        width, height = self._size
        rgb = picture.to_ndarray(format="rgb24", width=width, height=height)
        return turn_upright(np.asarray(rgb, np.uint8), self._matrix)

    def _decode(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            if packet.is_corrupt:
                self._damage.add(self._last_time_s, "damaged packet")
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                self._damage.add(self._last_time_s, f"not decodable: {error.strerror}")
                continue
            for picture in pictures:
                if picture.is_corrupt:
                    self._damage.add(self._last_time_s, "damaged picture, shown as concealed")
                yield picture

    def _packets(self) -> "Iterator[av.Packet[VideoStream]]":
        for _ in range(MAX_READ_FAILURES):
            try:
                yield from self._container.demux(self._stream)
            except av.FFmpegError as error:  # reading can go on behind the damage
                self._damage.add(self._last_time_s, f"not readable: {error.strerror}")
            except IndexError:  # PyAV 18 at the end of a file in which a stream appeared half-way
                self._damage.add(self._last_time_s, "a further stream appeared; not read")
                return
            else:
                return

    def _first_picture(self) -> VideoFrame:
        for picture in self._pictures:
            return picture
        causes = "; ".join(error.detail for error in self.decode_errors)
        raise VideoNotDecodable(
            f"{self._name}: no frame of its {self._stream.codec_context.name} stream can be "
            f"decoded{f' ({causes})' if causes else ''}"
        )

    def _declared_seconds(self) -> float | None:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        duration = self._container.duration
        return float(Fraction(duration, av.time_base)) if duration else None

    def _check_time(self, time_s: float) -> None:
        if time_s > self._max_seconds:
            raise self._too_long(f"still has pictures at {time_s:.1f} s")

    def _too_long(self, what: str) -> VideoTooLarge:
        return VideoTooLarge(f"{self._name} {what}, the limit is {self._max_seconds:g} s")

    def _note_early_end(self) -> None:
        if self._declared_s is None or self._last_time_s is None:
            return
        missing_s = self._declared_s - (self._last_time_s + self._step_s)
        if missing_s > max(EARLY_END_S, EARLY_END_SHARE * self._declared_s):
            self._damage.add(
                self._last_time_s,
                f"pictures end at {self._last_time_s + self._step_s:.2f} s, "
                f"the file declares {self._declared_s:.2f} s",
                count=round(missing_s / self._step_s),
            )

    def _clip_info(self) -> ClipInfo:
        width, height = self._size if self._matrix[0, 0] else self._size[::-1]
        duration_s = max(self._declared_s or 0.0, self._measured_s)
        codec = self._stream.codec_context.name
        return ClipInfo(width, height, self._fps, duration_s, codec)
