"""Requests a minute of one key: in this process, or in Redis for all processes together.

Both use the generic cell rate algorithm: one number a key, the time at which its bucket is full
again. A burst of ten seconds' worth passes at once, never fewer than five requests.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog

from service.errors import FatalError

if TYPE_CHECKING:
    from redis.asyncio import Redis

MIN_BURST = 5
BURSTS_A_MINUTE = 6
MAX_KEYS = 10_000  # names come from the key file, so this is never reached in practice
log = structlog.get_logger()

# In one step on the server, with the server's clock: hosts need not agree on the time.
GCRA = """
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = tat - (burst - 1) * interval - now
if wait > 0 then return tostring(wait) end
local next_tat = tat + interval
redis.call('SET', KEYS[1], string.format('%.6f', next_tat), 'PX',
  math.ceil((next_tat - now) * 1000) + 1000)
return '0'
"""


class RateLimiter(Protocol):
    """Counts requests."""

    async def wait_s(self, name: str, per_minute: int) -> float:
        """Count one request: 0 when it may pass, else the seconds to wait before the next."""
        ...


def burst_of(per_minute: int) -> int:
    """Requests that may come at once."""
    return max(MIN_BURST, per_minute // BURSTS_A_MINUTE)


class MemoryRates:
    """Counts in this process.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    async def wait_s(self, name: str, per_minute: int) -> float:
        interval, now = 60 / per_minute, self._clock()
        full_at = max(self._full_at.get(name, 0.0), now)
        wait = full_at - (burst_of(per_minute) - 1) * interval - now
        if wait > 1e-9:
            return wait
        if len(self._full_at) >= MAX_KEYS:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        self._full_at[name] = full_at + interval
        return 0.0


class RedisRates:
    """Counts in Redis; while Redis is away each process counts for itself.

    Args:
        redis: A client.
        timeout_s: Longest wait for Redis; a request must not hang on its limit.
    """

    def __init__(self, redis: "Redis", timeout_s: float = 0.5) -> None:
        self._redis, self._timeout_s = redis, timeout_s
        self._alone = MemoryRates()
        self._away_until = 0.0

    async def wait_s(self, name: str, per_minute: int) -> float:
        if time.monotonic() < self._away_until:
            return await self._alone.wait_s(name, per_minute)
        arguments = (f"saclip:rate:{name}", 60 / per_minute, burst_of(per_minute))
        try:
            async with asyncio.timeout(self._timeout_s):
                wait = await self._redis.eval(GCRA, 1, *arguments)
        except (OSError, TimeoutError, _redis_error()) as error:
            self._away_until = time.monotonic() + 5.0
            log.warning("rates_without_redis", error=type(error).__name__)
            return await self._alone.wait_s(name, per_minute)
        return math.ceil(float(wait) * 1000) / 1000


def make_rates(redis_url: str | None) -> RateLimiter:
    """Counts in Redis when there is one.

    Raises:
        FatalError: The library for Redis is not installed.
    """
    if redis_url is None:
        return MemoryRates()
    try:
        from redis.asyncio import Redis
    except ImportError as error:
        raise FatalError("SACLIP_REDIS_URL: the package redis is not installed") from error
    return RedisRates(Redis.from_url(redis_url))


def _redis_error() -> type[Exception]:
    from redis.exceptions import RedisError

    return RedisError
