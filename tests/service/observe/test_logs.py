"""Logs: one JSON object a line, whoever wrote it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from service.observe.logs import set_up_logs


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_events_and_library_records_are_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """With the request id that is bound, and nothing on stdout."""
    set_up_logs("json")

    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("request", status=200)
        logging.getLogger("uvicorn.error").warning("odd %s", "thing")
    out, err = capsys.readouterr()

    first, second = (json.loads(line) for line in err.splitlines())
    assert (first["event"], first["status"], first["request_id"]) == ("request", 200, "r1")
    assert (second["event"], second["level"], second["request_id"]) == (
        "odd thing",
        "warning",
        "r1",
    )
    assert out == ""


def test_a_traceback_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A line is an event, or log readers lose the rest; values of variables are not shown."""
    set_up_logs("json")
    secret = "hunter2"  # noqa: S105 - must not be in the log

    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        structlog.get_logger().exception("request_failed")

    assert secret
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["exception"].endswith("ZeroDivisionError")
    assert secret not in line


def test_a_terminal_gets_readable_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """No JSON there."""
    set_up_logs("console")

    structlog.get_logger().info("request", status=200)

    assert "status=200" in capsys.readouterr().err
