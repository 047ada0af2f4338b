"""What surrounds every request: its id, one log line, the HTTP metrics, headers, the last resort.

Plain ASGI classes: they see bodies as they pass and do not buffer them.
"""

import re
import time
import uuid
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_of, problem_response
from service.observe.metrics import Metrics

log = structlog.get_logger()

SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # The page's own files and what it shows (blob: the chosen file); nothing from elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}
# Probes and scrapes come every few seconds and would drown the log.
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestMiddleware:
    """Give a request its id, measure it, log it, and answer 500 when nothing else did.

    Args:
        app: The application below.
        metrics: Where the request is counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = chosen_id(Headers(scope=scope).get("x-request-id"))
        scope.setdefault("state", {}).update(request_id=request_id, metrics=self.metrics)
        status: int | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        started = time.perf_counter()
        self.metrics.http_requests_in_progress.inc()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            except ClientDisconnect:
                log.info("client_gone", path=scope["path"])
            except Exception as error:
                log.exception("request_failed", path=scope["path"])
                if status is not None:
                    raise
                response = problem_response(problem_of(error), request_id)
                await response(scope, receive, send_with_headers)
            finally:
                self.metrics.http_requests_in_progress.dec()
                self._count(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int | None, seconds: float) -> None:
        handler = route_template(scope)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        # 499: nginx's code for a client that left before the answer.
        code = str(status or 499)
        self.metrics.http_requests.labels(handler, method, code).inc()
        self.metrics.http_request_duration.labels(handler, method).observe(seconds)
        if handler not in QUIET:
            log.info(
                "request",
                method=method,
                path=scope["path"],
                status=int(code),
                ms=round(seconds * 1000, 1),
            )


def chosen_id(offered: str | None) -> str:
    """The client's id when it is short and plain, else a new one."""
    if offered is not None and SANE_ID.fullmatch(offered):
        return offered
    return uuid.uuid4().hex[:16]


def route_template(scope: Mapping[str, object]) -> str:
    """The template of the route that answered; a path that no route has is ``none``."""
    route = scope.get("route")
    return str(getattr(route, "path_format", None) or getattr(route, "path", None) or "none")
