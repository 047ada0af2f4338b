"""Telling a caller that a job has ended: signed, retried, and only to hosts that were allowed.

A callback is a request that a stranger makes this service send. So its host must stand on a
list, no redirect is followed, the address is looked up once and connected to as it was checked,
and addresses that only this machine's surroundings answer for (link-local: cloud metadata) are
refused whatever their name. Signed as https://www.standardwebhooks.com says.
"""

import base64
import hashlib
import heapq
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import structlog

from service.errors import CallbackRefused
from service.jobs.store import Job

log = structlog.get_logger()

TIMEOUT_S = 10.0
DELAYS_S = (2.0, 8.0, 30.0, 120.0, 600.0)  # before each further try
PORTS = {"https": 443, "http": 80}


class CallbackFailed(Exception):
    """The receiver did not take it; another try may help."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Checks and sends callbacks.

    Attributes:
        hosts: ``host`` for the usual ports or ``host:port``, lower case.
        secret: Key of the signature.
        body_of: What is sent for a job, as JSON.
        delays_s: Seconds before each further try.
    """

    hosts: frozenset[str]
    secret: bytes
    body_of: Callable[[Job], bytes]
    delays_s: tuple[float, ...] = DELAYS_S

    def check(self, url: str) -> None:
        """Refuse an address that may not be called.

        Raises:
            CallbackRefused: Says what is wrong with it.
        """
        self._parsed(url)

    def send(self, job: Job) -> None:
        """Send once.

        Raises:
            CallbackFailed: Nobody answered, or not with a status of success.
            CallbackRefused: The address may not, or no longer, be called.
        """
        assert job.options.callback_url is not None
        parts = self._parsed(job.options.callback_url)
        body = self.body_of(job)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection = _connect(parts)
            try:
                connection.request("POST", target, body, self._headers(job, body))
                status = connection.getresponse().status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise CallbackFailed(f"{parts.netloc}: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise CallbackFailed(f"{parts.netloc} answered {status}")

    def _parsed(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise CallbackRefused(f"callback_url is not an address: {error}") from None
        if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
            raise CallbackRefused("callback_url must be http(s)://host/... without a user name")
        if any(ord(c) <= 32 or ord(c) == 127 for c in url):
            raise CallbackRefused("callback_url holds a blank or a control character")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        named = host if port in (None, PORTS[parts.scheme]) else f"{host}:{port}"
        if named not in self.hosts:
            raise CallbackRefused(f"{named} is not among the hosts that may be called")
        return parts

    def _headers(self, job: Job, body: bytes) -> dict[str, str]:
        # The same id for every try, so that a receiver can tell a repeated one.
        message_id, now = f"job_{job.id}", str(int(time.time()))
        return {
            "Content-Type": "application/json",
            "User-Agent": "saclip",
            "webhook-id": message_id,
            "webhook-timestamp": now,
            "webhook-signature": sign(self.secret, message_id, now, body),
        }


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a message: ``v1,`` and the HMAC-SHA256 of id, time and body in base64."""
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _connect(parts: SplitResult) -> http.client.HTTPConnection:
    """A connection to an address that was looked up once and found harmless."""
    host = parts.hostname
    assert host is not None
    port = parts.port or PORTS[parts.scheme]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    address = str(found[0][4][0])
    ip = ipaddress.ip_address(address.split("%")[0])
    plain = getattr(ip, "ipv4_mapped", None) or ip
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        raise CallbackRefused(f"{host} leads to {plain}, which is never called")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    connection.sock = socket.create_connection((address, port), TIMEOUT_S)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    return connection


class CallbackThread:
    """Sends callbacks of the in-process engine; what is pending is on the disk with its job."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._due: list[tuple[float, int, str, Job]] = []  # time, tries so far, id, job
        self._changed = threading.Condition()
        self._stopping = False
        self._note: Callable[[str, str], None] = lambda job_id, outcome: None
        self._thread = threading.Thread(target=self._work, name="callbacks", daemon=True)

    def start(self, note: Callable[[str, str], None]) -> None:
        """Begin; ``note`` is told the id and ``delivered`` or ``failed``."""
        self._note = note
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is pending is sent after the next start."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(TIMEOUT_S + 1)

    def send(self, job: Job, tries: int = 0, delay_s: float = 0.0) -> None:
        """Send soon."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay_s, tries, job.id, job))
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
                _, tries, _, job = heapq.heappop(self._due)
            try:
                self._callbacks.send(job)
            except Exception as error:
                self._failed(job, tries, error)
            else:
                log.info("callback_delivered", job=job.id)
                self._note(job.id, "delivered")

    def _failed(self, job: Job, tries: int, error: Exception) -> None:
        log.warning("callback_failed", job=job.id, tries=tries + 1, error=str(error))
        if isinstance(error, CallbackFailed) and tries < len(self._callbacks.delays_s):
            self.send(job, tries + 1, self._callbacks.delays_s[tries])
        else:
            self._note(job.id, "failed")
