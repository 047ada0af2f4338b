"""Traces for OpenTelemetry, when an endpoint is named: requests, and the analyses of clips.

FastAPI makes the spans of requests by itself; this says who receives them. Queries of addresses
stay out of them, since they may carry a token. Without an endpoint nothing here does anything.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from opentelemetry import trace

from service.errors import FatalError
from service.version import VERSION

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.sdk.trace import Span, TracerProvider

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class TracedJob(Protocol):
    """What a span tells of a job, seen from here."""

    @property
    def id(self) -> str: ...
    @property
    def attempts(self) -> int: ...


class TracedRun(Protocol):
    """One attempt at a job."""

    @property
    def job(self) -> TracedJob: ...


class TracedReport(Protocol):
    """What came of it."""

    @property
    def timings(self) -> Mapping[str, float]: ...


Run = TypeVar("Run", bound=TracedRun)
Answer = TypeVar("Answer", bound=TracedReport)


def make_traces(endpoint: str | None, part: str) -> "TracerProvider | None":
    """Who receives the spans of this process.

    Args:
        endpoint: Address of a collector that takes OTLP over HTTP; None for no traces.
        part: ``api`` or ``worker``.

    Returns:
        The provider; None when there is none.

    Raises:
        FatalError: The extra is not installed.
    """
    if endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise FatalError(
            f"SACLIP_OTEL_ENDPOINT {endpoint}: {error.name} is missing; "
            "install the extra saclip[otel]"
        ) from error
    names = {"service.name": "saclip", "service.version": VERSION, "saclip.part": part}
    provider = TracerProvider(resource=Resource.create(names))
    provider.add_span_processor(_without_query())
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def fastapi_options(provider: "TracerProvider | None") -> "TelemetryConfig":
    """What `FastAPI(telemetry=)` takes: our spans and nothing that the environment asks for."""
    return {
        "tracer_provider": provider,
        "tracing": provider is not None,
        "metrics": False,
        "logs": False,
        "operation_spans": False,  # parsing and serialising are not where time goes
        "auto_configure": False,
        "exclude": lambda scope: scope.get("path") in PROBES,
    }


def traced(
    analyze: Callable[[Run], Answer], provider: "TracerProvider | None"
) -> Callable[[Run], Answer]:
    """The analysis with a span around each attempt, or as it is."""
    if provider is None:
        return analyze
    tracer = provider.get_tracer("saclip", VERSION)

    def analyze_in_a_span(run: Run) -> Answer:
        with tracer.start_as_current_span("analyze clip") as span:
            span.set_attribute("saclip.job", run.job.id)
            span.set_attribute("saclip.attempt", run.job.attempts)
            report = analyze(run)
            note_stages({stage: 1000 * s for stage, s in report.timings.items()})
            return report

    return analyze_in_a_span


def note_stages(timings_ms: Mapping[str, float]) -> None:
    """Tell the current span, where there is one, what each stage took."""
    span = trace.get_current_span()
    for stage, ms in timings_ms.items():
        span.set_attribute(f"saclip.{stage}_ms", round(ms, 2))


def _without_query() -> Any:
    from opentelemetry.sdk.trace import SpanProcessor

    class WithoutQuery(SpanProcessor):
        """Runs first, so that no exporter sees one."""

        def on_start(self, span: "Span", parent_context: Any = None) -> None:
            if span.attributes and "url.query" in span.attributes:
                span.set_attribute("url.query", "REDACTED")

    return WithoutQuery()
