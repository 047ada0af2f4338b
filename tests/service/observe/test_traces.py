"""Traces as a collector receives them, and nothing where none is named."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.testclient import TestClient

from service.app import create_app
from service.errors import FatalError
from service.observe.traces import make_traces, traced
from service.settings import Settings
from tests.builders.footage import encoded, street, street_clip
from tests.builders.servers import Receiver, wait_until


@pytest.fixture
def collector() -> Iterator[Receiver]:
    """Takes whatever is sent to it."""
    receiver = Receiver()
    yield receiver
    receiver.close()


def spans(collector: Receiver) -> dict[str, Span]:
    """The last span of each name that has arrived."""
    return {
        span.name: span
        for _, body in list(collector.seen)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def attributes(span: Span) -> dict[str, str]:
    return {item.key: str(item.value) for item in span.attributes}


def test_requests_and_analyses_are_traced(
    tiny_bundle_dir: Path, tmp_path: Path, collector: Receiver
) -> None:
    """With the times of their stages, in the caller's trace; probes and queries are left out."""
    settings = Settings(
        bundle=tiny_bundle_dir,
        data_dir=tmp_path / "data",
        min_free_bytes=0,
        otel_endpoint=f"http://127.0.0.1:{collector.port}",
    )
    video = street_clip(tmp_path / "a.mp4").read_bytes()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with TestClient(create_app(settings)) as client:
        client.get("/healthz")
        client.post(
            "/frames/score",
            params={"token": "secret-word"},
            files={"image": encoded(street())},
            headers={"traceparent": parent},
        )
        client.post("/videos/analyze", params={"wait": 60}, files={"video": video})
        wait_until(lambda: {"POST /frames/score", "analyze clip"} <= spans(collector).keys(), 20)

    seen = spans(collector)
    picture, clip = attributes(seen["POST /frames/score"]), attributes(seen["analyze clip"])
    assert seen["POST /frames/score"].trace_id.hex() == parent.split("-")[1]
    assert "200" in picture["http.response.status_code"]
    assert {"saclip.detect_ms", "saclip.encode_ms"} <= picture.keys()
    assert {"saclip.job", "saclip.attempt", "saclip.decode_ms"} <= clip.keys()
    assert not [name for name in seen if "healthz" in name]
    assert not [body for _, body in collector.seen if b"secret-word" in body]


def test_without_an_endpoint_there_are_no_traces() -> None:
    """The analysis is the one that was given."""

    def analyze(run: object) -> object:
        return run

    assert make_traces(None, "api") is None
    assert traced(analyze, None) is analyze  # type: ignore[type-var]


def test_an_endpoint_without_the_extra_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line that says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(FatalError, match=r"saclip\[otel\]"):
        make_traces("http://127.0.0.1:1", "api")
