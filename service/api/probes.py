"""A look at an uploaded clip before it becomes a job, at few clips at once and for a short time.

Each look takes a process, and a hostile clip takes all the time that it is given. Without bounds,
some dozen of these would hold every thread of the server.
"""

import time
from pathlib import Path

import anyio
import anyio.to_thread

from service.errors import AnalysisCancelled, Overloaded
from service.settings import Settings
from service.vision.isolated import in_a_child

AT_ONCE = 4
PATIENCE_S = 30.0
CPU_S = 6  # one of 8K takes half a second
LIMIT_S = 18.0


class Probe:
    """Opens clips and decodes their first frame.

    Args:
        settings: Limits of what is decoded.
        at_once: Clips looked at at the same time.
        patience_s: Longest wait of a clip for its turn.
        cpu_s: CPU time of one look, beyond which the clip is to blame.
        limit_s: Longest look, beyond which this host is busy.
    """

    def __init__(
        self,
        settings: Settings,
        at_once: int = AT_ONCE,
        patience_s: float = PATIENCE_S,
        cpu_s: int = CPU_S,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._settings, self._at_once = settings, at_once
        self._patience_s, self._cpu_s, self._limit_s = patience_s, cpu_s, limit_s
        self._free = anyio.Semaphore(at_once)

    async def check(self, path: Path) -> None:
        """Return when the clip has a first frame.

        Raises:
            Overloaded: Other clips are looked at, and none of them was done in time; or this one
                was not.
            VideoNotSupported: Another kind of file, or one without a video stream.
            VideoNotDecodable: No frame can be read, or none within the CPU time.
            VideoTooLarge: Larger or longer than the limits.
        """
        try:
            with anyio.fail_after(self._patience_s):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(
                f"other uploads are being opened ({self._at_once} at once is the limit); "
                f"this one waited {self._patience_s:g} s"
            ) from None
        try:
            await anyio.to_thread.run_sync(self._open, path)
        finally:
            self._free.release()

    def _open(self, path: Path) -> None:
        deadline = time.monotonic() + self._limit_s
        open_clip = in_a_child(
            *self._settings.decode_limits,
            cancelled=lambda: time.monotonic() > deadline,
            cpu_s=self._cpu_s,
        )
        try:
            with open_clip(path, self._settings.sample_fps, -1):
                pass
        except AnalysisCancelled:
            raise Overloaded(
                f"the first frame was not there within {self._limit_s:g} s: this host is busy"
            ) from None
