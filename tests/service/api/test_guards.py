"""Limits: bytes counted on their way in, computations at once."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from service.api.guards import Slots
from service.errors import Overloaded
from service.serving import bind
from tests.service.api.conftest import MakeApp

LIMIT = 100_000
HEAD = (
    b"POST /frames/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n"
)
PART = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
FIRST = b"%x\r\n%s\r\n" % (len(PART), PART)
CHUNK = b"4000\r\n" + b"\x00" * 0x4000 + b"\r\n"


@pytest.fixture(scope="module")
def address(make_app: MakeApp) -> Iterator[tuple[str, int]]:
    """A real server, because only one shows what becomes of the connection."""
    server = uvicorn.Server(uvicorn.Config(make_app(max_request_bytes=LIMIT), log_config=None))
    listener = bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()
    server.should_exit = True
    thread.join()


def answer_to(address: tuple[str, int], *parts: bytes) -> bytes:
    """Send what a client would, and read until the server closes the connection."""
    with socket.create_connection(address, timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


@pytest.mark.timeout(60)
def test_a_body_that_announces_too_much_is_refused_unread(address: tuple[str, int]) -> None:
    """Ten gigabytes are never waited for."""
    started = time.monotonic()

    answer = answer_to(address, HEAD + b"Content-Length: 10000000000\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"type":"/problems/upload-too-large"' in answer
    assert b"the body has 10000000000 bytes" in answer
    assert time.monotonic() - started < 5


@pytest.mark.timeout(60)
def test_a_chunked_body_is_stopped_at_the_limit(address: tuple[str, int]) -> None:
    """It announces nothing, so its bytes are counted; the client can still read the refusal."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

    answer = answer_to(address, head, FIRST, *([CHUNK] * 40), b"0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"the body has more than" in answer


@pytest.mark.timeout(60)
def test_a_client_that_sends_all_before_it_reads_gets_the_refusal(address: tuple[str, int]) -> None:
    """Most clients do; an early close would look like a broken network to them."""
    body = PART + b"\x00" * 5_000_000
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(body)

    answer = answer_to(address, head, body)

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.timeout(60)
def test_a_client_that_goes_away_harms_nobody(address: tuple[str, int]) -> None:
    """The next request is answered."""
    with socket.create_connection(address) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\n" + PART)

    answer = answer_to(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_slot_comes_free_when_its_work_is_done() -> None:
    """One at a time, nobody may wait."""
    slots = Slots(running=1, waiting=0)

    with slots.take():
        pass
    with slots.take():
        pass


def test_one_more_than_may_wait_is_refused_at_once() -> None:
    """One runs, one waits, the third is told so."""
    slots = Slots(running=1, waiting=1)
    entered = threading.Event()

    def wait_for_a_slot() -> None:
        with slots.take():
            entered.set()

    with slots.take():
        second = threading.Thread(target=wait_for_a_slot)
        second.start()
        while slots._places._value:  # the second has taken the place to wait
            time.sleep(0.001)
        with pytest.raises(Overloaded, match="1 requests are being computed and 1 more wait"):
            slots.take().__enter__()
        assert not entered.is_set()
    second.join()

    assert entered.is_set()


def test_nobody_waits_for_ever() -> None:
    """A stuck computation must not hang those behind it."""
    slots = Slots(running=1, waiting=1, patience_s=0.01)

    with slots.take(), pytest.raises(Overloaded, match="no slot came free"):
        slots.take().__enter__()


def test_work_that_fails_gives_its_slot_back() -> None:
    """Errors must not eat slots."""
    slots = Slots(running=1, waiting=0)

    with pytest.raises(ZeroDivisionError), slots.take():
        raise ZeroDivisionError

    with slots.take():
        pass


def test_what_runs_and_waits_is_known() -> None:
    """For the metric of pending requests."""
    slots = Slots(running=1, waiting=2, patience_s=0.01)

    with slots.take():
        assert slots.taken == (1, 0)
        with pytest.raises(Overloaded), slots.take():
            pass
    assert slots.taken == (0, 0)
