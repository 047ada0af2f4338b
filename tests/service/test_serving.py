"""The start of the server: what it says is true when it says it."""

import socket
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from service import serving
from service.settings import Settings


def test_who_is_told_that_it_listens_can_connect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the loop runs, which takes its time on a busy machine."""
    said: list[tuple[str, int]] = []
    connected: list[bool] = []

    def info(event: str, **told: Any) -> None:
        if event == "listening":
            host, _, port = told["url"].removeprefix("http://").rpartition(":")
            said.append((host, int(port)))

    def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        with socket.create_connection(said[0], timeout=2):
            connected.append(True)
        server.started = True
        sockets[0].close()

    monkeypatch.setattr(serving, "set_up_logs", lambda form: None)
    monkeypatch.setattr("service.serving.signal.signal", lambda *_: None)  # that of the tests stays
    monkeypatch.setattr(serving, "create_app", lambda settings: FastAPI())
    monkeypatch.setattr(serving.log, "info", info, raising=False)
    monkeypatch.setattr(uvicorn.Server, "run", run)

    serving.run_server(Settings(port=0))

    assert connected == [True]
