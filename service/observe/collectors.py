"""Metrics that are asked for at each scrape, so that they cannot drift from the truth."""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector


class JobCounts(Collector):
    """`saclip_jobs{state}`."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "saclip_jobs",
            "Jobs by state; an ended one counts until it is cleaned up.",
            labels=["state"],
        )
        for state, count in self._counts().items():
            family.add_metric([state], count)
        yield family


class Heartbeat(Collector):
    """`saclip_worker_heartbeat_timestamp_seconds`: the last time the job worker was seen alive."""

    def __init__(self, is_alive: Callable[[], bool]) -> None:
        self._is_alive = is_alive
        self._seen = 0.0

    def collect(self) -> Iterable[Metric]:
        if self._is_alive():
            self._seen = time.time()
        yield GaugeMetricFamily(
            "saclip_worker_heartbeat_timestamp_seconds",
            "When a worker of video jobs was last seen alive, in seconds since 1970.",
            value=self._seen,
        )


class Pulse:
    """Whether something beat lately.

    Args:
        life_s: How long one beat counts.
    """

    def __init__(self, life_s: float) -> None:
        self._life_s, self._at = life_s, float("-inf")

    def beat(self) -> None:
        """Say that it lives."""
        self._at = time.monotonic()

    def is_felt(self) -> bool:
        """Whether it did within its life."""
        return time.monotonic() - self._at < self._life_s


class TextCache(Collector):
    """`saclip_text_embedding_cache_{hits,misses}_total`."""

    def __init__(self, counts: Callable[[], tuple[int, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        names = ("hits", "misses")
        for name, count in zip(names, self._counts(), strict=True):
            yield CounterMetricFamily(
                f"saclip_text_embedding_cache_{name}",
                f"Descriptions to embed: {name} among those embedded before.",
                value=count,
            )


class PendingRequests(Collector):
    """`saclip_inference_pending_requests{state}`: frame requests that run, and that wait."""

    def __init__(self, counts: Callable[[], tuple[int, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "saclip_inference_pending_requests",
            "Frame requests being computed, and waiting for their turn.",
            labels=["state"],
        )
        for state, count in zip(("running", "waiting"), self._counts(), strict=True):
            family.add_metric([state], count)
        yield family


class FreeDisk(Collector):
    """`saclip_disk_free_bytes` of the data folder, and the least that must stay free."""

    def __init__(self, free: Callable[[], int], needed: int) -> None:
        self._free, self._needed = free, needed

    def collect(self) -> Iterable[Metric]:
        with contextlib.suppress(OSError):  # a folder that is gone must not hide all the rest
            yield GaugeMetricFamily(
                "saclip_disk_free_bytes", "Free bytes of the data folder.", value=self._free()
            )
        yield GaugeMetricFamily(
            "saclip_disk_needed_bytes",
            "Free bytes below which uploads are refused.",
            value=self._needed,
        )
