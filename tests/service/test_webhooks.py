"""Signed messages: which addresses are refused, what a receiver sees, when they are tried again."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.errors import CallbackRefused, FatalError
from service.outbox import Outbox
from service.webhooks import Message, WebhookFailed, Webhooks, load_signing_secret, sign
from tests.builders.servers import Receiver

SECRET = b"a secret of twenty-four bytes"
HOSTS = frozenset(
    {"example.com", "example.com:8443", "[::1]", "169.254.169.254", "[::ffff:a9fe:1]"}
)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def to(receiver: Receiver, path: str = "/told?by=saclip") -> tuple[Webhooks, Message]:
    """A sender that may call the receiver, and a message for it."""
    hosts = frozenset({f"127.0.0.1:{receiver.port}"})
    url = f"http://127.0.0.1:{receiver.port}{path}"
    return Webhooks(hosts, SECRET), Message(url, "msg_1", b'{"type": "job.completed"}')


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://example.com/x", None),
        ("https://EXAMPLE.com:443/x", None),
        ("https://example.com:8443/x", None),
        ("http://[::1]/x", None),
        ("https://example.com:9000/x", "example.com:9000 is not among"),
        ("https://example.com.evil.net/x", "example.com.evil.net is not among"),
        ("https://evil.net/?example.com", "evil.net is not among"),
        ("https://me@example.com/", "without a user name"),
        ("ftp://example.com/", "is http"),
        ("//example.com/", "is http"),
        ("https://example.com:port/", "no address to call"),
        ("https://example.com/\r\nX: y", "control character"),
    ],
)
def test_only_listed_hosts_may_be_called(url: str, why: str | None) -> None:
    """Without regard to capitals; the usual port of the scheme needs no naming."""
    webhooks = Webhooks(HOSTS, SECRET)
    if why is None:
        webhooks.check(url)
        return

    with pytest.raises(CallbackRefused, match=why):
        webhooks.check(url)


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "http://[::ffff:a9fe:1]/"])
def test_link_local_addresses_are_never_called(url: str) -> None:
    """Cloud metadata answers there; not even a list may name it."""
    with pytest.raises(CallbackRefused, match=r"leads to 169\.254"):
        Webhooks(HOSTS, SECRET).post(Message(url, "msg_1", b"{}"))


def test_the_receiver_can_check_who_sent_it_and_when(receiver: Receiver) -> None:
    """The signature, made again here from the words of the standard."""
    webhooks, message = to(receiver)

    webhooks.post(message)

    ((headers, body),) = receiver.seen
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(SECRET, signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 10
    assert (headers["webhook-id"], body) == ("msg_1", message.body)
    assert receiver.paths == ["/told?by=saclip"]


def test_another_body_has_another_signature() -> None:
    """Every part is signed: id, time and body."""
    made = {
        sign(SECRET, "a", "1", b"x"), sign(SECRET, "b", "1", b"x"), sign(SECRET, "a", "2", b"x"),
        sign(SECRET, "a", "1", b"y"), sign(b"k", "a", "1", b"x"),
    }  # fmt: skip

    assert len(made) == 5


@pytest.mark.parametrize("status", [302, 404, 500])
def test_whatever_is_no_success_has_failed(status: int) -> None:
    """A redirect is not followed: it could lead anywhere."""
    receiver = Receiver([status])
    try:
        webhooks, message = to(receiver)
        with pytest.raises(WebhookFailed, match=str(status)):
            webhooks.post(message)
    finally:
        receiver.close()

    assert len(receiver.seen) == 1


def test_a_message_is_tried_again_under_the_same_id(receiver: Receiver) -> None:
    """Twice refused, then taken; another message does not wait for it."""
    failing = Receiver([500, 503, 204])
    outcomes: dict[str, str] = {}
    done = threading.Event()
    hosts = frozenset({f"127.0.0.1:{failing.port}", f"127.0.0.1:{receiver.port}"})
    outbox = Outbox(Webhooks(hosts, SECRET), delays_s=(0.3, 0.3))
    outbox.start()

    def note(outcome: str) -> None:
        outcomes["slow"] = outcome
        done.set()

    outbox.send(Message(f"http://127.0.0.1:{failing.port}/", "slow", b"{}"), note)
    outbox.send(to(receiver)[1], lambda outcome: outcomes.update(quick=outcome))
    assert done.wait(10)
    assert outbox.stop() == 0
    failing.close()

    assert list(outcomes.items()) == [("quick", "delivered"), ("slow", "delivered")]
    assert [headers["webhook-id"] for headers, _ in failing.seen] == ["slow"] * 3


def test_a_message_that_nobody_takes_has_failed_in_the_end() -> None:
    """As many tries as there are delays, and one."""
    receiver = Receiver([500])
    outcomes: list[str] = []
    webhooks, message = to(receiver)
    outbox = Outbox(webhooks, delays_s=(0.05, 0.05))
    outbox.start()

    outbox.send(message, outcomes.append)

    assert outbox.stop(patience_s=10) == 0
    receiver.close()
    assert (outcomes, len(receiver.seen)) == (["failed"], 3)


def test_stopping_says_how_many_were_not_sent() -> None:
    """They wait for their next try; patience is not endless."""
    receiver = Receiver([500])
    webhooks, message = to(receiver)
    outbox = Outbox(webhooks, delays_s=(60.0,))
    outbox.start()

    outbox.send(message)
    left = outbox.stop(patience_s=0.5)
    receiver.close()

    assert left == 1


def test_a_secret_that_is_missing_or_short_stops_the_start(tmp_path: Path) -> None:
    """One line each, with the file and the limit."""
    (tmp_path / "short").write_text("0123456789\n")
    (tmp_path / "good").write_bytes(SECRET + b"\n")

    assert load_signing_secret(tmp_path / "good", "X") == SECRET
    with pytest.raises(FatalError, match="X needs SACLIP_CALLBACK_SECRET_FILE"):
        load_signing_secret(None, "X")
    with pytest.raises(FatalError, match="short: holds 10 bytes, a secret has at least 24"):
        load_signing_secret(tmp_path / "short", "X")
    with pytest.raises(FatalError, match="missing: cannot be read"):
        load_signing_secret(tmp_path / "missing", "X")
