"""One request from its first byte to its line in the log; outermost, so whatever fails inside it is answered."""

import asyncio
import re
import time
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booking_client import correlation
from tasks.host.log import Logger
from worker.api.metrics import counting
from worker.api.problems import of_status
from worker.logs import SafeLine
from worker.metrics.labels import OTHER

ENDS_WITHIN = 10.0  # seconds that a call which has begun has at a shutdown
_CALL = "booking.call"
_METHODS = {name: name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_CORRELATION = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")

log = Logger("http")


@dataclass(slots=True)
class HttpCall:
    """Hold what the log says of one request: no body, no address, no query. `why`: why it was refused.

    `rate` is how many calls a minute its key has, and how many of them are left at once; None: it was not counted.
    """

    correlation_id: str
    caller: str | None = None
    status: int | None = None
    why: str | None = None
    rate: tuple[int, int] | None = None


def call_of(scope: MutableMapping[str, Any]) -> HttpCall:
    """Return the call of a request's scope."""
    call: HttpCall = scope[_CALL]
    return call


class Calls:
    """Wrap the application: each request has a correlation id, an answer and a line in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open = 0
        self._none_open = asyncio.Event()
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at = time.perf_counter()
        call = scope[_CALL] = HttpCall(_given_correlation(scope) or correlation.new())
        self._open += 1
        self._none_open.clear()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-correlation-id", call.correlation_id.encode()),
                    *_rate_headers(call),
                    *([(b"connection", b"close")] if self.closing else []),
                ]
            await send(message)

        try:
            with correlation.bound(call.correlation_id):
                await self._answered(scope, receive, answer)
        finally:
            self._open -= 1
            if not self._open:
                self._none_open.set()
            _record(scope, call, time.perf_counter() - began_at)

    async def _answered(self, scope: Scope, receive: Receive, answer: Send) -> None:
        try:
            if self.closing:
                await of_status(503, {"Retry-After": "2"})(scope, receive, answer)
            else:
                await self._app(scope, receive, answer)
        except Exception:
            log.exception("request_failed", route=_route(scope) or "-")
            if call_of(scope).status is None:
                await of_status(500)(scope, receive, answer)

    async def ended(self) -> None:
        """Wait until no call is open, ENDS_WITHIN seconds at most."""
        if self._open:
            try:
                await asyncio.wait_for(self._none_open.wait(), ENDS_WITHIN)
            except TimeoutError:
                log.warning("calls_cut_off", open=self._open)


def _rate_headers(call: HttpCall) -> Iterator[tuple[bytes, bytes]]:
    """Yield what draft-ietf-httpapi-ratelimit-headers-10 has for a key's calls a minute."""
    if call.rate is not None:
        rate, left = call.rate
        yield b"ratelimit-policy", b'"key";q=%d;w=60' % rate
        yield b"ratelimit", b'"key";r=%d' % left


def _record(scope: Scope, call: HttpCall, seconds: float) -> None:
    route, method = _route(scope), _METHODS.get(scope["method"], OTHER)
    counting.ended(route, method, call.status, seconds)
    line = {
        "method": method,
        "route": route or "-",
        "status": call.status,
        "ms": round(seconds * 1000, 1),
        "caller": call.caller,
        "correlation_id": call.correlation_id,
        **({"why": call.why} if call.why else {}),
    }
    log.logger.info(SafeLine("request", line))


def _route(scope: Scope) -> str | None:
    """Return the route's template, for the address itself may be anything; None: no route has it."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path


def _given_correlation(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-correlation-id":
            return value.decode("ascii") if _CORRELATION.fullmatch(value) else None
    return None
