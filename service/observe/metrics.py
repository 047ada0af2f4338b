"""Prometheus metrics of one process, in a registry of their own.

HTTP metrics keep their common names, ours carry `saclip_`. Every label has few values: `handler`
is a route template, never a path that a client chose.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from service.observe.collectors import (
    FreeDisk,
    Heartbeat,
    JobCounts,
    PendingRequests,
    TextCache,
)
from service.observe.results import ResultMetrics

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
JOB_BUCKETS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
WAIT_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)

# A second series with the time of creation beside every counter and bucket helps nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated upstream


class EndedJob(Protocol):
    """What is counted of a job, seen from here."""

    @property
    def status(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def ended_at(self) -> datetime | None: ...


class Metrics:
    """Every metric of the service as an attribute."""

    def __init__(self, leaves: frozenset[str] = frozenset()) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._add_http()
        self._add_inference()
        self._add_jobs()
        self.results = ResultMetrics(self.registry, leaves, self.stage_duration)
        self._begin_at_zero()

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def watch_jobs(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Report the numbers of `counts` from now on."""
        self.registry.register(JobCounts(counts))

    def watch_worker(self, is_alive: Callable[[], bool]) -> None:
        """Report when the worker was last seen alive."""
        self.registry.register(Heartbeat(is_alive))

    def watch_text_cache(self, counts: Callable[[], tuple[int, int]]) -> None:
        """Report hits and misses of embedded descriptions."""
        self.registry.register(TextCache(counts))

    def watch_requests(self, counts: Callable[[], tuple[int, int]]) -> None:
        """Report how many frame requests run and wait."""
        self.registry.register(PendingRequests(counts))

    def watch_disk(self, free: Callable[[], int], needed: int) -> None:
        """Report the room of the data folder."""
        self.registry.register(FreeDisk(free, needed))

    def count_report(
        self, num_scored: int, num_errors: int, timings_s: Mapping[str, float]
    ) -> None:
        """Record the frames of one analysed video, and what its stages took."""
        self.inference_images.inc(num_scored)
        self.video_frames.labels("scored").inc(num_scored)
        self.video_frames.labels("error").inc(num_errors)
        for stage, seconds in timings_s.items():
            self.clip_stage_seconds.labels(stage).inc(seconds)

    def _begin_at_zero(self) -> None:
        """Series that alerts ask for are there before their first event, so rates see it."""
        for reason in ("overloaded", "storage-full"):
            self.requests_rejected.labels(reason)
        for outcome in ("scored", "error", "dropped"):
            self.video_frames.labels(outcome)
        for state in ("completed", "failed", "cancelled"):
            self.jobs_ended.labels(state)

    def count_job(self, job: "EndedJob") -> None:
        """Record a job that ended."""
        self.jobs_ended.labels(job.status).inc()
        if job.started_at and job.ended_at:
            self.job_queue_wait.observe((job.started_at - job.created_at).total_seconds())
            self.job_duration.observe((job.ended_at - job.started_at).total_seconds())

    def _add_http(self) -> None:
        self.http_requests = Counter(
            "http_requests",
            "Requests answered.",
            ["handler", "method", "status"],
            registry=self.registry,
        )
        self.http_request_duration = Histogram(
            "http_request_duration_seconds",
            "From the request's head to the end of the answer.",
            ["handler", "method"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.http_requests_in_progress = Gauge(
            "http_requests_in_progress", "Requests being answered.", registry=self.registry
        )
        self.requests_rejected = Counter(
            "saclip_requests_rejected",
            "Requests refused, by the kind of their problem.",
            ["reason"],
            registry=self.registry,
        )

    def _add_inference(self) -> None:
        self.build_info = Gauge(
            "saclip_build_info",
            "1; the labels say what is running.",
            ["version", "model", "model_sha", "runtime"],
            registry=self.registry,
        )
        self.stage_duration = Histogram(
            "saclip_stage_duration_seconds",
            "Time of one stage for one frame.",
            ["stage"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.inference_images = Counter(
            "saclip_inference_images",
            "Frames scored, of pictures and videos.",
            registry=self.registry,
        )
        self.clip_stage_seconds = Counter(
            "saclip_clip_stage_seconds",
            "Time that the stages of clips took, all frames together.",
            ["stage"],
            registry=self.registry,
        )
        self.video_frames = Counter(
            "saclip_video_frames", "Frames of videos.", ["outcome"], registry=self.registry
        )

    def _add_jobs(self) -> None:
        self.jobs_ended = Counter(
            "saclip_jobs", "Jobs by the state they ended in.", ["state"], registry=self.registry
        )
        self.job_duration = Histogram(
            "saclip_job_duration_seconds",
            "From the start of a job to its end.",
            buckets=JOB_BUCKETS,
            registry=self.registry,
        )
        self.job_queue_wait = Histogram(
            "saclip_job_queue_wait_seconds",
            "From the upload of a job to its start.",
            buckets=WAIT_BUCKETS,
            registry=self.registry,
        )
