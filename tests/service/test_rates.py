"""Requests a minute, counted in memory and in a real Redis."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from service.rates import MemoryRates, RedisRates, burst_of, make_rates


def passed(rates: MemoryRates | RedisRates, name: str, per_minute: int, count: int) -> list[float]:
    """The waits of so many requests in a row."""

    async def ask() -> list[float]:
        return [await rates.wait_s(name, per_minute) for _ in range(count)]

    return asyncio.run(ask())


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    """60 a minute: ten at once, then one a second."""
    now = [100.0]
    rates = MemoryRates(lambda: now[0])

    assert burst_of(60) == 10
    assert passed(rates, "a", 60, 11) == [0.0] * 10 + [pytest.approx(1.0)]
    now[0] += 1.0
    assert passed(rates, "a", 60, 2) == [0.0, pytest.approx(1.0)]


def test_keys_do_not_share_their_limit() -> None:
    """One that floods costs the others nothing."""
    rates = MemoryRates(lambda: 100.0)
    passed(rates, "a", 6, 20)

    assert passed(rates, "b", 6, 5) == [0.0] * 5


def test_a_long_rest_saves_no_more_than_a_burst() -> None:
    """An hour of silence is no right to an hour's requests at once."""
    now = [0.0]
    rates = MemoryRates(lambda: now[0])
    passed(rates, "a", 60, 1)
    now[0] += 3600

    assert passed(rates, "a", 60, 12).count(0.0) == 10


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A Redis of our own."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no redis-server: deploy/system-packages.sh tests")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([server, *arguments], stdout=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.01)
    yield port
    process.terminate()
    process.wait()


def test_redis_counts_for_all_processes_together(redis_port: int) -> None:
    """Two clients share one limit, and its entry goes away by itself."""

    async def ask() -> tuple[list[float], int]:
        first = Redis(port=redis_port)
        second = Redis(port=redis_port)
        sides = [RedisRates(first), RedisRates(second)]
        waits = [await sides[i % 2].wait_s("a", 60) for i in range(12)]
        remaining = await first.pttl("saclip:rate:a")
        await first.aclose()
        await second.aclose()
        return waits, remaining

    waits, remaining = asyncio.run(ask())

    assert waits[:10] == [0.0] * 10
    assert all(0 < wait <= 1.0 for wait in waits[10:])
    assert 0 < remaining <= 12_000


def test_without_redis_each_process_counts_for_itself(unused_port: int) -> None:
    """A lost Redis neither stops the service nor lifts the limits."""

    async def ask() -> list[float]:
        gone = Redis(port=unused_port)
        rates = RedisRates(gone)
        waits = [await rates.wait_s("a", 60) for _ in range(12)]
        await gone.aclose()
        return waits

    started = time.monotonic()

    assert asyncio.run(ask()).count(0.0) == 10
    assert time.monotonic() - started < 5


@pytest.fixture
def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_no_redis_means_memory(tmp_path: Path) -> None:
    """What a single process needs."""
    assert isinstance(make_rates(None), MemoryRates)
