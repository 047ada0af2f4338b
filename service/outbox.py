"""Messages on their way out: sent from a thread, tried again when nobody took them."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Literal

import structlog

from service.webhooks import TIMEOUT_S, Message, WebhookFailed, Webhooks

log = structlog.get_logger()

DELAYS_S = (2.0, 8.0, 30.0, 120.0, 600.0)  # before each further try
Outcome = Literal["delivered", "failed"]
Note = Callable[[Outcome], None]


class Outbox:
    """Sends messages in the order in which they are due.

    Args:
        webhooks: Checks and sends.
        delays_s: Seconds before each further try; after the last one a message has failed.
    """

    def __init__(self, webhooks: Webhooks, delays_s: tuple[float, ...] = DELAYS_S) -> None:
        self._webhooks, self._delays_s = webhooks, delays_s
        self._due: list[tuple[float, int, int, Message, Note]] = []  # time, number, tries, ...
        self._numbers = itertools.count()
        self._in_hand = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, patience_s: float = 0.0) -> int:
        """Stop, after so many seconds at most for what still waits; how many were not sent."""
        deadline = time.monotonic() + patience_s
        with self._changed:
            while self._due or self._in_hand:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(TIMEOUT_S + 1)
        return len(self._due)

    def send(self, message: Message, note: Note = lambda outcome: None) -> None:
        """Send soon; ``note`` is told how it went in the end."""
        self._put(0.0, 0, message, note)

    def _put(self, delay_s: float, tries: int, message: Message, note: Note) -> None:
        due_at = time.monotonic() + delay_s
        with self._changed:
            heapq.heappush(self._due, (due_at, next(self._numbers), tries, message, note))
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is None or wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                _, _, tries, message, note = heapq.heappop(self._due)
                self._in_hand = 1
            self._try(message, tries, note)
            with self._changed:
                self._in_hand = 0
                self._changed.notify_all()

    def _try(self, message: Message, tries: int, note: Note) -> None:
        try:
            self._webhooks.post(message)
        except Exception as error:
            log.warning("webhook_failed", id=message.id, tries=tries + 1, error=str(error))
            if isinstance(error, WebhookFailed) and tries < len(self._delays_s):
                self._put(self._delays_s[tries], tries + 1, message, note)
            else:
                note("failed")
        else:
            log.info("webhook_delivered", id=message.id)
            note("delivered")
