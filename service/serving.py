"""Start the web server around the app, and stop it cleanly."""

import contextlib
import errno
import signal
import socket
import sys

import structlog
import uvicorn

from service.app import create_app
from service.errors import FatalError
from service.observe.logs import set_up_logs
from service.settings import MIB, Settings

log = structlog.get_logger()

GRACE_S = 15  # for requests in flight; the running job has its own patience in the queue
KEEP_ALIVE_S = 20


def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in flight are finished first.

    Raises:
        FatalError: In one line, when the address is taken or the app cannot be built.
    """
    set_up_logs(settings.log_format)
    # Bound before the models load, so that a taken port is said at once.
    listener = bind(settings.host, settings.port)
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        ws="wsproto",  # the one that is installed with the client
        ws_max_size=settings.max_image_bytes + MIB,  # the stream itself says what is too large
        timeout_graceful_shutdown=GRACE_S,
    )
    host, port = listener.getsockname()[:2]
    # Before it is said: who connects at once waits until the loop runs, and is not refused.
    listener.listen(config.backlog)
    log.info("listening", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    # uvicorn raises the signal once more when it has stopped; SIGTERM is not a failure.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address, not yet listening.

    Raises:
        FatalError: The address is taken or cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        in_use = error.errno == errno.EADDRINUSE
        reason = "is in use; choose another with --port" if in_use else f"cannot be used ({error})"
        raise FatalError(f"{host}:{port} {reason}") from error
    return listener
