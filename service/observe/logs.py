"""Structured logs: JSON for machines, coloured lines for a terminal, uvicorn's records included."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor


def set_up_logs(log_format: Literal["json", "console"]) -> None:
    """Send structlog events and standard-library records to stderr in one format."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # tests and commands set logs up more than once
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # uvicorn says in four lines what `service_started` and `service_stopped` say.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _renderers(log_format: Literal["json", "console"]) -> list[Processor]:
    if log_format == "console":
        plain = structlog.dev.plain_traceback  # the pretty one takes seconds and prints variables
        return [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
