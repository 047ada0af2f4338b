"""Signed POSTs to addresses that were allowed: callbacks of jobs, alarms of a watched camera.

A callback is a request that a stranger makes this service send. So its host must stand on a
list, no redirect is followed, the address is looked up once and connected to as it was checked,
and addresses that only this machine's surroundings answer for (link-local: cloud metadata) are
refused whatever their name. Signed as https://www.standardwebhooks.com says.
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from service.errors import CallbackRefused, FatalError
from service.secret_file import read_secret

TIMEOUT_S = 10.0
PORTS = {"https": 443, "http": 80}
MIN_SECRET_BYTES = 24


class WebhookFailed(Exception):
    """The receiver did not take it; another try may help."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, and where to.

    Attributes:
        url: ``http`` or ``https``.
        id: The same for every try, so that a receiver can tell a repeated one.
        body: JSON.
    """

    url: str
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Checks addresses and sends messages.

    Attributes:
        hosts: ``host`` for the usual ports or ``host:port``, lower case.
        secret: Key of the signature.
    """

    hosts: frozenset[str]
    secret: bytes

    def check(self, url: str) -> None:
        """Refuse an address that may not be called.

        Raises:
            CallbackRefused: Says what is wrong with it.
        """
        self._parsed(url)

    def post(self, message: Message) -> None:
        """Send once.

        Raises:
            WebhookFailed: Nobody answered, or not with a status of success.
            CallbackRefused: The address may not, or no longer, be called.
        """
        parts = self._parsed(message.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection = _connect(parts)
            try:
                connection.request("POST", target, message.body, self._headers(message))
                status = connection.getresponse().status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise WebhookFailed(f"{parts.netloc}: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise WebhookFailed(f"{parts.netloc} answered {status}")

    def _parsed(self, url: str) -> SplitResult:
        if any(ord(c) <= 32 or ord(c) == 127 for c in url):
            raise CallbackRefused("the address holds a blank or a control character")
        parts, named = named_host(url)
        if named not in self.hosts:
            raise CallbackRefused(f"{named} is not among the hosts that may be called")
        return parts

    def _headers(self, message: Message) -> dict[str, str]:
        now = str(int(time.time()))
        return {
            "Content-Type": "application/json",
            "User-Agent": "saclip",
            "webhook-id": message.id,
            "webhook-timestamp": now,
            "webhook-signature": sign(self.secret, message.id, now, message.body),
        }


def named_host(url: str) -> tuple[SplitResult, str]:
    """The parts of an address, and its host as a list of hosts names it.

    Raises:
        CallbackRefused: It is no address that may be called.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise CallbackRefused(f"no address to call: {error}") from None
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise CallbackRefused("an address to call is http(s)://host/... without a user name")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return parts, host if port in (None, PORTS[parts.scheme]) else f"{host}:{port}"


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a message: ``v1,`` and the HMAC-SHA256 of id, time and body in base64."""
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def load_signing_secret(path: Path | None, needed_by: str) -> bytes:
    """The secret that signs messages.

    Raises:
        FatalError: There is none, or it is too short; names what needs it.
    """
    if path is None:
        raise FatalError(f"{needed_by} needs SACLIP_CALLBACK_SECRET_FILE to sign with")
    return read_secret(path, MIN_SECRET_BYTES)


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
