"""Start the web server around the app."""

import errno
import socket

import uvicorn

from service.app import create_app
from service.errors import FatalError
from service.observe.logs import configure_logs
from service.settings import Settings

GRACE_S = 15


def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in flight are finished first.

    Raises:
        FatalError: In one line, when the address is taken or the app cannot be built.
    """
    configure_logs(settings.log_format)
    _check_address(settings)
    config = uvicorn.Config(
        create_app(settings), host=settings.host, port=settings.port, log_config=None,
        access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S,
    )  # fmt: skip
    uvicorn.Server(config).run()


def _check_address(settings: Settings) -> None:
    """Say before the models load that the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
            raise FatalError(f"{settings.host}:{settings.port} {reason}") from error
