"""What stands before the routes: byte limits, admission, security headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Overloaded

MULTIPART_OVERHEAD = 64 * 1024  # boundaries, headers and the small form fields
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}


class ByteLimits:
    """Refuse a body by its announced length, and count the bytes of one that lies or says nothing.

    Args:
        app: The next ASGI app.
        limits: Largest body by path; other paths get ``default``.
        default: Largest body elsewhere, in bytes.
    """

    def __init__(self, app: ASGIApp, limits: dict[str, int], default: int) -> None:
        self.app = app
        self.limits = limits
        self.default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limits.get(scope["path"], self.default)
        announced = dict(scope["headers"]).get(b"content-length", b"")
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            # The routes' own parser passes HTTP exceptions on, so that the answer is a problem.
            if announced.isdigit() and int(announced) > limit:
                raise HTTPException(413, f"{int(announced)} bytes, at most {limit} are accepted")
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, f"more than {limit} bytes, the most that is accepted")
            return message

        await self.app(scope, counted, send)


class SecurityHeaders:
    """Tell browsers to load nothing from elsewhere and to guess nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class Admission:
    """Lets so many requests in at once and refuses the next one at the door."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._lock = Lock()

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            Overloaded: When all places are taken.
        """
        with self._lock:
            if self._inside >= self._limit:
                raise Overloaded(f"{self._inside} requests are being scored, at most {self._limit}")
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
