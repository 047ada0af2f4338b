"""A clip read by a child process with limits of memory and time; same interface as ``ClipReader``.

Two frames at most wait between the processes, so memory does not grow with the clip. When the
child crashes or hangs in mid-clip, the frames before stay good and the rest is a decode error.
"""

import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self, cast

import numpy as np

from service import errors
from service.vision.clips import ClipInfo, ClipReader, SampledFrame
from service.vision.damage import DecodeError
from service.vision.images import Frame

ROOT = Path(__file__).parents[2]
MAX_WAITING = 2  # frames between the processes
LOOK_EVERY_S = 0.25
MAX_MESSAGE_BYTES = 1024**2
DEFAULT_MEMORY_BYTES = 4 * 1024**3
DEFAULT_STALL_S = 60.0
_REFUSALS = {
    kind.__name__: kind
    for kind in (errors.VideoTooLarge, errors.VideoNotSupported, errors.VideoNotDecodable)
}


class Clip(Protocol):
    """A clip that is open: ``ClipReader`` or ``IsolatedClip``."""

    @property
    def info(self) -> ClipInfo: ...
    @property
    def decode_errors(self) -> tuple[DecodeError, ...]: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def __iter__(self) -> Iterator[SampledFrame]: ...


OpenClip = Callable[[Path, float, int], Clip]
"""Opens a file at so many frames a second, giving only frames after a number."""


def in_this_process(max_pixels: int, max_seconds: float) -> OpenClip:
    """For files one trusts: evaluation reads thousands, a process for each would cost too much."""

    def open_clip(path: Path, sample_fps: float, after_index: int) -> Clip:
        return ClipReader(path, sample_fps, max_pixels, max_seconds, after_index)

    return open_clip


def in_a_child(
    max_pixels: int,
    max_seconds: float,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    stall_s: float = DEFAULT_STALL_S,
    cancelled: Callable[[], bool] = lambda: False,
    cpu_s: int | None = None,
) -> OpenClip:
    """For files that strangers send; ``cancelled`` ends even a long search for a frame."""

    def open_clip(path: Path, sample_fps: float, after_index: int) -> Clip:
        limits = (max_pixels, max_seconds, memory_bytes, stall_s)
        return IsolatedClip(path, sample_fps, *limits, after_index, cancelled, cpu_s)

    return open_clip


class IsolatedClip:
    """Decodes a clip in a child process.

    Args:
        path: A local file.
        sample_fps: Frames wanted for each second.
        max_pixels: Largest picture accepted.
        max_seconds: Longest clip accepted.
        memory_bytes: Address space of the child.
        stall_s: Seconds without a sign of life after which the child is ended.
        after_index: Frames up to this number of the file are decoded but not given.
        cancelled: Asked while it waits for the child; True ends the reading.
        cpu_s: CPU seconds after which the child is ended; None for no such limit.

    Raises:
        AnalysisCancelled: ``cancelled`` said so.
        VideoNotSupported: Not a video, or without a video stream.
        VideoNotDecodable: No frame can be read, or the decoder crashed or hung on the first.
        VideoTooLarge: Larger or longer than the limits.
    """

    def __init__(
        self,
        path: Path,
        sample_fps: float,
        max_pixels: int,
        max_seconds: float,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        stall_s: float = DEFAULT_STALL_S,
        after_index: int = -1,
        cancelled: Callable[[], bool] = lambda: False,
        cpu_s: int | None = None,
    ) -> None:
        self._name, self._stall_s, self._cancelled = path.name, stall_s, cancelled
        self._last_time_s: float | None = None
        self._errors: tuple[DecodeError, ...] = ()
        self._has_ended = False
        self._heard_at = time.monotonic()
        self._messages: queue.Queue[tuple[str, Any]] = queue.Queue(MAX_WAITING)
        self._closing = threading.Event()
        self._child = _start(
            path=str(path.resolve()), sample_fps=sample_fps, max_pixels=max_pixels,
            max_seconds=max_seconds, memory_bytes=memory_bytes, after_index=after_index,
            cpu_s=cpu_s,
        )  # fmt: skip
        self._pump = threading.Thread(target=self._read, name="decoding", daemon=True)
        self._pump.start()
        try:
            self.info = self._first()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def decode_errors(self) -> tuple[DecodeError, ...]:
        """What was lost so far; complete once the iteration has ended."""
        return self._errors

    def close(self) -> None:
        """End the child, wherever it is."""
        self._closing.set()
        self._child.kill()
        self._child.wait()
        self._pump.join()
        assert self._child.stdout is not None
        self._child.stdout.close()

    def __iter__(self) -> Iterator[SampledFrame]:
        """Yield the sampled frames; once per clip."""
        while not self._has_ended:
            kind, content = self._next()
            if kind == "frame":
                self._last_time_s = content.time_s
                yield content
            elif kind == "end":
                self._has_ended = True
            else:
                self._note_death(kind, content)

    def _first(self) -> ClipInfo:
        kind, content = self._next()
        if kind == "info":
            return ClipInfo(**content)
        raise errors.VideoNotDecodable(f"{self._name}: {_cause(kind, content)} on its first frame")

    def _next(self) -> tuple[str, Any]:
        while True:
            try:
                kind, content = self._messages.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                if self._cancelled():
                    raise errors.AnalysisCancelled("cancelled while it was decoded") from None
                if time.monotonic() - self._heard_at > self._stall_s:
                    return "stalled", self._stall_s
                continue
            if kind == "refused":
                name, detail = content
                raise _REFUSALS.get(name, errors.VideoNotDecodable)(detail)
            return kind, content

    def _note_death(self, kind: str, content: Any) -> None:
        self._has_ended = True
        detail = f"{_cause(kind, content)}; nothing after this was read"
        self._errors = (*self._errors, DecodeError(self._last_time_s, detail, 1))

    def _read(self) -> None:
        """In a thread of its own: messages from the pipe to the bounded queue."""
        pipe = self._child.stdout
        assert pipe is not None
        try:
            while line := pipe.readline(MAX_MESSAGE_BYTES):
                self._heard_at = time.monotonic()
                ((kind, content),) = json.loads(line).items()
                if kind in ("alive", "end"):
                    self._errors = tuple(DecodeError(**entry) for entry in content)
                if kind == "frame":
                    frame = np.empty(content["shape"], np.uint8)
                    if not _fill(pipe, frame):
                        break
                    content = SampledFrame(content["index"], content["time_s"], frame)
                if kind != "alive":
                    self._put(kind, content)
                if kind in ("end", "refused"):
                    return
        except ValueError:  # half a message: it died while it wrote
            pass
        self._put("died", self._child.wait())

    def _put(self, kind: str, content: Any) -> None:
        while not self._closing.is_set():
            try:
                return self._messages.put((kind, content), timeout=LOOK_EVERY_S)
            except queue.Full:
                continue


def _start(**request: Any) -> subprocess.Popen[bytes]:
    # The child runs the code of its parent and learns no secret of the service.
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(("SACLIP_", "AWS_"))}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "service.vision.decode_child", json.dumps(request)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**kept, "PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"},
    )


def _fill(pipe: IO[bytes], frame: Frame) -> bool:
    """Read the pixels of a frame; False when the pipe ended before."""
    return cast(io.BufferedReader, pipe).readinto(frame.data) == frame.nbytes


def _cause(kind: str, content: Any) -> str:
    if kind == "stalled":
        return f"the decoder gave no sign of life for {content:g} s"
    if content == -signal.SIGXCPU:
        return "the decoder took more CPU time than it may"
    if content < 0:
        return f"the decoder was ended by {signal.Signals(-content).name}"
    return f"the decoder stopped with code {content}"
