"""Stages that overlap, each in a thread of its own with little waiting between, and their time."""

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


_END = object()


def ahead(items: Iterable[T], depth: int) -> Generator[T]:
    """Yield the items of another stage, which runs in a thread and is at most ``depth`` ahead.

    An error of that stage is raised here, after the items before it. Closing the generator ends
    the thread at its next item and waits for it; so close it before what the items read from.
    """
    waiting: queue.Queue[object] = queue.Queue(depth)
    closing = threading.Event()

    def put(item: object) -> bool:
        while not closing.is_set():
            try:
                waiting.put(item, timeout=LOOK_EVERY_S)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as error:
            put(_Failed(error))

    thread = threading.Thread(target=work, name="stage", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        closing.set()
        thread.join()


def ms_since(started: float) -> float:
    """Milliseconds since a reading of ``perf_counter``."""
    return (perf_counter() - started) * 1000.0
