"""Annotated pictures to an H.264 film that browsers play, and single pictures out of it."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from service.errors import VideoNotDecodable
from service.vision.images import Frame

MAX_SIDE = 1280  # of the film; a 4K clip would make the film larger than the clip
CLEAR_SIDE = 480  # the short side in pixels; words drawn into a smaller picture cannot be read
TIME_BASE = Fraction(1, 1000)
KEYFRAME_EVERY_S = 1.0  # a page jumps to any second without decoding from the start
CRF = "23"  # constant quality of x264; its own default


class FilmWriter:
    """Encodes frames at their own times.

    Args:
        path: The MP4 file to write; it is complete after ``close``.
        size_wh: Size of the frames that come.
        fps: Frames a second to expect; only for rate control and key frames.
    """

    def __init__(self, path: Path, size_wh: tuple[int, int], fps: float) -> None:
        self._size_wh = film_size(size_wh)
        # faststart: the index goes to the front, so that playing starts before all has arrived.
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = self._file.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        self._stream.width, self._stream.height = self._size_wh
        self._stream.pix_fmt = "yuv420p"  # the one layout that every browser decodes
        self._stream.time_base = self._stream.codec_context.time_base = TIME_BASE
        self._stream.codec_context.gop_size = max(1, round(fps * KEYFRAME_EVERY_S))
        self._stream.options = {"crf": CRF, "preset": "veryfast"}
        self._last_ms = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, frame: Frame, time_s: float) -> None:
        """Add a frame.

        Args:
            frame: (H, W, 3) uint8 RGB.
            time_s: When it is shown; later than the frame before.
        """
        if (frame.shape[1], frame.shape[0]) != self._size_wh:
            frame = cv2.resize(frame, self._size_wh, interpolation=cv2.INTER_AREA).astype(
                np.uint8, copy=False
            )
        picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        # Two frames within a millisecond would be one to the player, and an error to the file.
        self._last_ms = max(self._last_ms + 1, round(time_s * 1000))
        picture.pts, picture.time_base = self._last_ms, TIME_BASE
        self._file.mux(self._stream.encode(picture))

    def close(self) -> None:
        """Finish the file."""
        if self._last_ms >= 0:
            self._file.mux(self._stream.encode(None))
        self._file.close()


def enlargement(width: int, height: int) -> int:
    """How many times larger the film of a small clip is, so that its words can be read."""
    return max(1, round(CLEAR_SIDE / min(width, height)))


def enlarged(frame: Frame, times: int) -> Frame:
    """A (H, W, 3) uint8 frame that many times larger."""
    if times == 1:
        return frame
    size_wh = (times * frame.shape[1], times * frame.shape[0])
    return cv2.resize(frame, size_wh, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


def film_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Even sides, as H.264 with 4:2:0 colour needs, at most ``MAX_SIDE`` long."""
    scale = min(1.0, MAX_SIDE / max(size_wh))
    width, height = (max(2, int(side * scale / 2) * 2) for side in size_wh)
    return width, height


def read_picture(path: Path, time_s: float) -> Frame:
    """The picture that a film shows at a time.

    Args:
        path: A film of ``FilmWriter``.
        time_s: Seconds after its start.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        VideoNotDecodable: The film has no picture.
    """
    wanted_ms = round(time_s * 1000)
    found: VideoFrame | None = None
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        base = stream.time_base or TIME_BASE
        film.seek(int(wanted_ms / 1000 / base), stream=stream, backward=True)
        for picture in film.decode(stream):
            shown_ms = round(float((picture.pts or 0) * base) * 1000)
            if found is not None and shown_ms > wanted_ms:
                break
            found = picture
    if found is None:
        raise VideoNotDecodable("the film has no picture")
    return found.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
