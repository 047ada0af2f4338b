"""Metrics of a process without an HTTP API: a worker of video jobs.

Each process is a scrape target of its own, and Prometheus adds them up. Files shared between
processes would outlive those that wrote them and count dead workers as living.
"""

from prometheus_client import start_http_server

from service.errors import FatalError
from service.observe.metrics import Metrics


def serve_metrics(metrics: Metrics, host: str, port: int) -> int:
    """Answer ``GET /metrics`` from a thread of its own, for as long as the process lives.

    Args:
        metrics: What to answer.
        host: Address to listen on.
        port: Port; 0 takes any free one.

    Returns:
        The port.

    Raises:
        FatalError: The address cannot be used.
    """
    try:
        server, _ = start_http_server(port, host, metrics.registry)
    except OSError as error:
        raise FatalError(f"metrics: {host}:{port} cannot be used ({error.strerror})") from error
    return int(server.server_port)
