"""Telling a caller that a job has ended: signed, retried, and only to hosts that were allowed."""

from collections.abc import Callable
from dataclasses import dataclass

from service.jobs.store import Job
from service.outbox import DELAYS_S, Outbox, Outcome
from service.webhooks import Message, Webhooks


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Checks and sends callbacks.

    Attributes:
        webhooks: The hosts that may be called, and the key of the signature.
        body_of: What is sent for a job, as JSON.
        delays_s: Seconds before each further try.
    """

    webhooks: Webhooks
    body_of: Callable[[Job], bytes]
    delays_s: tuple[float, ...] = DELAYS_S

    def check(self, url: str) -> None:
        """Refuse an address that may not be called.

        Raises:
            CallbackRefused: Says what is wrong with it.
        """
        self.webhooks.check(url)

    def message(self, job: Job) -> Message:
        """What is sent for a job that asked for it."""
        assert job.options.callback_url is not None
        return Message(job.options.callback_url, f"job_{job.id}", self.body_of(job))

    def send(self, job: Job) -> None:
        """Send once.

        Raises:
            WebhookFailed: Nobody answered, or not with a status of success.
            CallbackRefused: The address may not, or no longer, be called.
        """
        self.webhooks.post(self.message(job))


class CallbackThread:
    """Sends callbacks of the in-process engine; what is pending is on the disk with its job."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._outbox = Outbox(callbacks.webhooks, callbacks.delays_s)
        self._note: Callable[[str, Outcome], None] = lambda job_id, outcome: None

    def start(self, note: Callable[[str, Outcome], None]) -> None:
        """Begin; ``note`` is told the id of a job and how its callback went."""
        self._note = note
        self._outbox.start()

    def stop(self) -> None:
        """Stop; what is pending is sent after the next start."""
        self._outbox.stop()

    def send(self, job: Job) -> None:
        """Send soon."""
        self._outbox.send(self._callbacks.message(job), lambda outcome: self._note(job.id, outcome))
