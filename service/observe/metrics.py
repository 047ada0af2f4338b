"""Prometheus metrics, in a registry of their own so that two apps in one process do not mix."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SCORES = tuple(i / 10 for i in range(1, 10))


class Metrics:
    """Everything the service counts. Labels are bounded: route templates, stages, states."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        common = {"registry": self.registry}
        self.http_requests = Counter(
            "http_requests", "Requests by route and status.", ("handler", "method", "status"), **common
        )
        self.http_duration = Histogram(
            "http_request_duration_seconds", "Time to the last byte.", ("handler", "method"),
            buckets=SECONDS, **common,
        )  # fmt: skip
        self.http_in_progress = Gauge("http_requests_in_progress", "Requests being served.", **common)
        self.stage_duration = Histogram(
            "saclip_stage_duration_seconds", "Time of one stage of an analysis.", ("stage",),
            buckets=SECONDS, **common,
        )  # fmt: skip
        self.images = Counter("saclip_inference_images", "Frames scored.", ("source",), **common)
        self.rejected = Counter("saclip_requests_rejected", "Refused requests.", ("reason",), **common)
        self.jobs = Gauge("saclip_jobs", "Jobs that are waiting or running.", ("state",), **common)
        self.jobs_ended = Counter("saclip_jobs_ended", "Jobs by how they ended.", ("state",), **common)
        self.job_duration = Histogram(
            "saclip_job_duration_seconds", "Time from start to end of a job.",
            buckets=(1, 5, 15, 60, 300, 1800, 7200), **common,
        )  # fmt: skip
        self.score = Histogram(
            "saclip_anomaly_probability", "Probability of scored frames.", buckets=SCORES, **common
        )
        self.build = Info("saclip_build", "What is being served.", **common)

    def time_stages(self, timings_ms: dict[str, float]) -> None:
        """Record the stages of one analysis."""
        for stage, milliseconds in timings_ms.items():
            self.stage_duration.labels(stage).observe(milliseconds / 1000)


class HttpMetrics:
    """Count and time requests by their route template, never by their path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self.metrics.http_in_progress.track_inprogress():
            try:
                await self.app(scope, receive, watch)
            finally:
                route = scope.get("route")
                handler = getattr(route, "path", "none") if route else "none"
                method = scope["method"] if route else "none"
                self.metrics.http_requests.labels(handler, method, f"{status // 100}xx").inc()
                self.metrics.http_duration.labels(handler, method).observe(time.perf_counter() - started)
