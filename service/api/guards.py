"""Limits on what a request may cost: bytes before they are stored, computations at once."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Overloaded, StorageFull, UploadTooLarge

# A client that only sends cannot read the refusal: what little is left is swallowed first.
MAX_DRAIN_BYTES = 64 * 1024**2
MAX_DRAIN_S = 10.0


class BodyLimit:
    """Count the bytes of a body as they arrive and stop at the limit.

    Frameworks store an upload before a route sees it; a limit inside the route comes too late.

    Args:
        app: The application below.
        limit_of: The limit in bytes for a path.
    """

    def __init__(self, app: ASGIApp, limit_of: Callable[[str], int]) -> None:
        self.app = app
        self.limit_of = limit_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limit_of(scope["path"])
        declared = declared_length(Headers(scope=scope))
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            if declared > limit:
                await _drain(receive, declared)
                raise UploadTooLarge(f"the body has {declared} bytes, the limit is {limit} bytes")
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                if message.get("more_body", False):
                    await _drain(receive, 0)
                raise UploadTooLarge(f"the body has more than {limit} bytes, which is the limit")
            return message

        await self.app(scope, counting_receive, send)


def declared_length(headers: Headers) -> int:
    """Bytes that a client announces; 0 when it announces none."""
    value = headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else 0


async def _drain(receive: Receive, expected: int) -> None:
    """Swallow the rest of a body within bounds; the server cuts off a far larger one."""
    if expected > MAX_DRAIN_BYTES:
        return
    swallowed = 0
    deadline = time.monotonic() + MAX_DRAIN_S
    while swallowed <= MAX_DRAIN_BYTES and time.monotonic() < deadline:
        message = await receive()
        swallowed += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


class Slots:
    """Let a few computations run, a few more wait, and refuse the rest at once.

    Args:
        running: Computations at the same time.
        waiting: Computations that may wait for one of these.
        patience_s: Longest wait.
    """

    def __init__(self, running: int, waiting: int, patience_s: float = 30.0) -> None:
        self._free = threading.Semaphore(running)
        self._places = threading.Semaphore(running + waiting)
        self._capacity = (running, waiting)
        self._patience_s = patience_s
        self._counting = threading.Lock()
        self._taken = 0

    @property
    def taken(self) -> tuple[int, int]:
        """Computations that run, and that wait."""
        running = min(self._taken, self._capacity[0])
        return running, self._taken - running

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold one slot.

        Raises:
            Overloaded: Nobody more may wait, or the wait took too long.
        """
        if not self._places.acquire(blocking=False):
            running, waiting = self._capacity
            raise Overloaded(f"{running} requests are being computed and {waiting} more wait")
        self._count(1)
        try:
            if not self._free.acquire(timeout=self._patience_s):
                raise Overloaded(f"no slot came free within {self._patience_s:g} s")
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._count(-1)
            self._places.release()

    def _count(self, change: int) -> None:
        with self._counting:
            self._taken += change


def free_bytes(folder: Path) -> int:
    """Room on the disk of a folder."""
    return shutil.disk_usage(folder).free


def check_disk(folder: Path, min_free_bytes: int, num_bytes: int) -> None:
    """Refuse an upload that would fill the disk.

    Raises:
        StorageFull: Less than ``min_free_bytes`` would be left.
    """
    free = free_bytes(folder)
    if free - num_bytes < min_free_bytes:
        raise StorageFull(
            f"{free} bytes are free, {min_free_bytes} must stay free after the upload"
        )
