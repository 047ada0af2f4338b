"""Who may use which route. The table below is the whole policy.

A route that is missing from it stops the start of the service, so a new one cannot be forgotten.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from service import errors
from service.api.problems import problem_of, problem_response
from service.keys import ANYONE, Caller, KeyRing
from service.keys import Scope as KeyScope
from service.observe.metrics import Metrics
from service.rates import RateLimiter
from service.tokens import TokenSigner

# `open` needs nothing, `any` needs some valid key; the rest are scopes of a key.
Needs = Literal["open", "any"] | KeyScope

POLICY: dict[tuple[str, str], Needs] = {
    ("GET", "/"): "open",
    ("GET", "/docs"): "open",
    ("GET", "/openapi.json"): "open",
    ("GET", "/static"): "open",
    ("GET", "/healthz"): "open",
    ("GET", "/readyz"): "open",
    ("GET", "/metrics"): "metrics",
    ("POST", "/tokens"): "any",
    ("POST", "/frames/score"): "score",
    ("POST", "/videos/analyze"): "score",
    ("WEBSOCKET", "/streams/score"): "score",
    ("GET", "/jobs"): "read",
    ("GET", "/jobs/{job_id}"): "read",
    ("GET", "/jobs/{job_id}/events"): "read",
    ("GET", "/jobs/{job_id}/report"): "read",
    ("GET", "/jobs/{job_id}/frames/{index}.jpg"): "read",
    ("GET", "/jobs/{job_id}/frames/{index}"): "read",
    ("GET", "/jobs/{job_id}/video.mp4"): "read",
    ("DELETE", "/jobs/{job_id}"): "score",
    ("GET", "/knowledge"): "read",
    ("PUT", "/knowledge"): "admin",
}
# What EventSource, <img>, <video>, a download link and WebSocket open, which send no header.
BY_TOKEN = frozenset(
    {
        ("WEBSOCKET", "/streams/score"),
        ("GET", "/jobs/{job_id}/events"),
        ("GET", "/jobs/{job_id}/report"),
        ("GET", "/jobs/{job_id}/frames/{index}.jpg"),
        ("GET", "/jobs/{job_id}/video.mp4"),
    }
)
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "WEBSOCKET"})


@dataclass(frozen=True, slots=True)
class _Rule:
    method: str
    pattern: Pattern[str]
    needs: Needs
    by_token: bool


class Guard:
    """Decides who a caller is and whether the route is theirs.

    Args:
        keys: The keys; None when they are switched off.
        tokens: Checks what stands after ``?token=``.
        rates: Counts each key's requests.
    """

    def __init__(self, keys: KeyRing | None, tokens: TokenSigner, rates: RateLimiter) -> None:
        self._keys, self._tokens, self._rates = keys, tokens, rates
        self._rules = [
            _Rule(method, _pattern(path), needs, (method, path) in BY_TOKEN)
            for (method, path), needs in POLICY.items()
        ]

    async def admit(self, scope: Scope) -> Caller:
        """The caller of a request that may pass.

        Raises:
            KeyRefused: No key, a wrong one, or a token where none is taken.
            ScopeMissing: The key may not do this.
            RateExceeded: Too many requests in this minute.
            ForeignOrigin: Another site's page sends it.
        """
        method = scope.get("method", "WEBSOCKET")
        headers = Headers(scope=scope)
        _check_origin(method, headers)
        rule = self._rule(method, scope["path"])
        if self._keys is None or (rule is not None and rule.needs == "open"):
            return ANYONE if self._keys is None else Caller("", frozenset())
        caller = self._caller(self._keys, headers, scope, rule)
        # A path that no route has is nobody's: any key may learn that it is not there.
        if rule is not None and rule.needs != "any" and not caller.may(rule.needs):  # type: ignore[arg-type]
            raise errors.ScopeMissing(f"the key {caller.name} lacks the scope {rule.needs}")
        if caller.rate is not None:
            wait = await self._rates.wait_s(caller.name, caller.rate)
            if wait > 0:
                raise errors.RateExceeded(
                    f"the key {caller.name} may send {caller.rate} requests a minute", wait
                )
        return caller

    def _rule(self, method: str, path: str) -> _Rule | None:
        method = "GET" if method == "HEAD" else method
        fits = (r for r in self._rules if r.method == method and r.pattern.match(path))
        return next(fits, None)

    def _caller(self, keys: KeyRing, headers: Headers, scope: Scope, rule: _Rule | None) -> Caller:
        offered = _offered(headers)
        if offered is not None:
            caller = keys.find(offered)
            if caller is None:
                raise errors.KeyRefused("the key is not one of this service")
            return caller
        tokens = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
        if not tokens:
            raise errors.KeyRefused("send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        if rule is None or not rule.by_token:
            raise errors.KeyRefused("this route takes a key, not a token")
        name = self._tokens.name_of(tokens[0])
        caller = keys.named(name) if name is not None else None
        if caller is None:
            raise errors.KeyRefused("the token is not valid, or no longer; POST /tokens gives one")
        return caller


class Access:
    """Lets a request pass when the guard admits it; refuses before its body is read.

    Args:
        app: The application below.
        guard: Decides.
        metrics: Where refusals are counted.
    """

    def __init__(self, app: ASGIApp, guard: Guard, metrics: Metrics) -> None:
        self.app, self.guard, self.metrics = app, guard, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        try:
            state["caller"] = await self.guard.admit(scope)
        except errors.ServiceError as error:
            self.metrics.requests_rejected.labels(errors.kind_of(type(error))).inc()
            headers = _headers(error)
            response = problem_response(problem_of(error), state.get("request_id"), headers)
            if scope["type"] == "http":
                await response(scope, receive, send)
            elif "websocket.http.response" in scope.get("extensions", {}):
                await WebSocket(scope, receive, send).send_denial_response(response)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": str(error)})
        else:
            await self.app(scope, receive, send)


def check_policy(routes: Iterable[tuple[str, str]]) -> None:
    """Compare the table with the routes there are.

    Args:
        routes: Method (``WEBSOCKET`` for one) and path template of each.

    Raises:
        LookupError: A route has no entry, or an entry no route.
    """
    found = set(routes)
    without = sorted(found - POLICY.keys()) + sorted(POLICY.keys() - found)
    if without:
        raise LookupError(f"the policy of access and the routes differ in: {without}")


def _pattern(path: str) -> Pattern[str]:
    regex, _, _ = compile_path(path if path != "/static" else "/static/{path:path}")
    return regex


def _offered(headers: Headers) -> str | None:
    """The key of either header; the bearer's goes first."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return headers.get("x-api-key") or None


def _check_origin(method: str, headers: Headers) -> None:
    """A browser lets any page send a form; it always says from which site it came."""
    origin = headers.get("origin")
    if method in SAFE or origin is None:
        return
    if urlsplit(origin).netloc != headers.get("host"):
        raise errors.ForeignOrigin("another site's page sent this; use the API from a program")


def _headers(error: errors.ServiceError) -> dict[str, str]:
    if isinstance(error, errors.KeyRefused):
        return {"WWW-Authenticate": 'Bearer realm="saclip"'}
    if isinstance(error, errors.RateExceeded):
        return {"Retry-After": str(max(1, math.ceil(error.wait_s)))}
    return {}


def described_security() -> tuple[dict[str, object], Sequence[dict[str, list[str]]]]:
    """OpenAPI's ``securitySchemes`` and the ways that are enough."""
    schemes: dict[str, object] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    return schemes, [{"bearer": []}, {"api_key": []}]
