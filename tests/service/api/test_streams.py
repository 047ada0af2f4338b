"""`WS /streams/score`: a score for each frame; what is remembered, refused and lost."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from service.pipeline.frame import FrameAnalyzer
from service.vision.clips import ClipReader
from tests.builders.footage import encoded, street, street_clip
from tests.service.api.conftest import MakeClient

PATH = "/streams/score"


def send(socket: WebSocketTestSession, step: int, time_s: float | None = None) -> None:
    if time_s is not None:
        socket.send_json({"time_s": time_s})
    socket.send_bytes(encoded(street(step), ".png"))


def test_each_frame_gets_a_score_with_its_time_and_number(client: TestClient) -> None:
    """And the end sums up."""
    with client.websocket_connect(f"{PATH}?top_k=2&mode=contrast") as socket:
        answers = []
        for step in range(3):
            send(socket, step, 0.1 * step)
            answers.append(socket.receive_json())
        socket.send_json({"type": "end"})
        end = socket.receive_json()

    assert [a["type"] for a in answers] == ["score"] * 3
    assert [(a["sequence"], a["time_s"]) for a in answers] == [(0, 0), (1, 0.1), (2, 0.2)]
    assert (answers[0]["width"], answers[0]["height"]) == (320, 240)
    assert all(len(a["explanations"]) == 2 and a["dropped"] == 0 for a in answers)
    assert end == {"type": "end", "received": 3, "scored": 3, "refused": 0, "dropped": 0}


def test_a_stream_scores_as_a_report_does(client: TestClient, tmp_path: Path) -> None:
    """The same frames with the same times: score, Eq. 11 and probability to 1e-4."""
    clip = street_clip(tmp_path / "clip.mp4")
    files = {"video": ("clip.mp4", clip.read_bytes())}
    report = client.post("/videos/analyze?wait=30", files=files).json()
    with ClipReader(clip, 10, 10**8, 60) as reader:
        frames = [(sampled.time_s, sampled.frame) for sampled in reader]
    with client.websocket_connect(PATH) as socket:
        for row, (time_s, frame) in zip(report["frames"], frames, strict=True):
            socket.send_json({"time_s": time_s})
            socket.send_bytes(encoded(frame, ".png"))
            answer = socket.receive_json()
            for name in ("score", "eq11", "probability"):
                assert answer[name] == pytest.approx(row[name], abs=1e-4)


def test_without_times_the_clock_counts(client: TestClient) -> None:
    """From the first frame on, and forward."""
    with client.websocket_connect(PATH) as socket:
        send(socket, 0)
        first = socket.receive_json()
        send(socket, 1)
        second = socket.receive_json()

    assert first["time_s"] == 0
    assert 0 < second["time_s"] < 5


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("hello", "Invalid JSON"),
        ('{"time_s": "1"}', "time_s"),
        ('{"time_s": 1, "x": 2}', "x: Extra"),
        ('{"type": "stop"}', "'frame' or 'end'"),
        ('{"time_s": 1e999}', "finite"),
        ("[1]", "object"),
    ],
)
def test_a_wrong_message_is_a_problem_and_the_stream_goes_on(
    client: TestClient, message: str, says: str
) -> None:
    """It names what is wrong."""
    with client.websocket_connect(PATH) as socket:
        socket.send_text(message)
        refused = socket.receive_json()
        send(socket, 0, 0.0)
        answer = socket.receive_json()

    assert (refused["type"], refused["problem"]["status"]) == ("problem", 422)
    assert says in refused["problem"]["detail"]
    assert answer["type"] == "score"


def test_a_broken_picture_and_a_time_that_runs_back_are_refused(client: TestClient) -> None:
    """Each costs one frame, counted as refused."""
    with client.websocket_connect(PATH) as socket:
        socket.send_bytes(b"no picture")
        broken = socket.receive_json()
        send(socket, 0, 5.0)
        socket.receive_json()
        send(socket, 1, 5.0)
        late = socket.receive_json()
        socket.send_json({"type": "end"})
        end = socket.receive_json()

    assert broken["problem"]["type"] == "/problems/frame-not-supported"
    assert late["problem"]["type"] == "/problems/frame-out-of-order"
    assert "5 s" in late["problem"]["detail"]
    assert (end["received"], end["scored"], end["refused"]) == (3, 1, 2)


def test_the_newest_frame_wins_when_they_come_too_fast(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first is computed five more come: four are dropped, and it is said how many."""
    go_on, began = threading.Event(), threading.Event()
    analyze = FrameAnalyzer.analyze_detected

    def slow(self: FrameAnalyzer, *args: Any, **kwargs: Any) -> Any:
        began.set()
        assert go_on.wait(10)
        return analyze(self, *args, **kwargs)

    monkeypatch.setattr(FrameAnalyzer, "analyze_detected", slow)
    with client.websocket_connect(PATH) as socket:
        send(socket, 0, 0.0)
        assert began.wait(10)
        for step in range(1, 6):
            send(socket, step, 0.1 * step)
        socket.send_text("{}x")  # its refusal shows that all before it has been received
        assert socket.receive_json()["type"] == "problem"
        go_on.set()
        first, second = socket.receive_json(), socket.receive_json()

    assert (first["sequence"], second["sequence"]) == (0, 5)
    assert second["dropped"] == 4


def test_too_large_a_frame_closes_the_stream(make_client: MakeClient) -> None:
    """1009, the code that the protocol has for it."""
    small = make_client(max_image_bytes=100)

    with small.websocket_connect(PATH) as socket:
        send(socket, 0, 0.0)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()

    assert closed.value.code == 1009


def test_another_site_s_page_is_refused(client: TestClient) -> None:
    """Browsers let any page open a WebSocket; CORS does not cover it."""
    with (
        pytest.raises(WebSocketDisconnect) as closed,
        client.websocket_connect(PATH, headers={"origin": "https://evil.example"}),
    ):
        pass
    assert closed.value.code == 1008
    with client.websocket_connect(PATH, headers={"origin": "http://testserver"}) as socket:
        send(socket, 0, 0.0)
        assert json.loads(socket.receive_text())["type"] == "score"


def test_an_impossible_mode_is_refused(client: TestClient) -> None:
    """Before the stream is opened."""
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"{PATH}?mode=best"):
        pass
