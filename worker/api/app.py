"""The application of one process: its errors, and what begins and ends with it."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from resilience.call_limit import CallLimit
from resilience.exceptions import AppointmentDatabaseException
from resilience.shared_state.client import make_redis
from tasks import dependencies
from tasks.callers.views import views_of_all
from tasks.changes.ask.by_caller import changes_of_all
from tasks.host.log import Logger
from worker.api.addresses import Proxies
from worker.api.calcom_shape.errors import in_calcoms_shape
from worker.api.callbacks.samples import Samples
from worker.api.calls import Calls
from worker.api.concurrency.threads import THREADS, Threads
from worker.api.concurrency.waiters import Waiters
from worker.api.gate import ApiServices, Gate
from worker.api.keeping import Keeping
from worker.api.metrics import counting
from worker.api.metrics.serving import serve_for_all
from worker.api.problems import ApiError, of_status
from worker.api.reading import Reading
from worker.api.routes import ROUTES
from worker.api.voice.payloads import Payloads
from worker.settings.model import Settings

CONNECTIONS = THREADS + 1
LOCK_TIMEOUT_MS = 1_000  # below a caller's patience: Postgres itself says then that nothing was stored
PARENT_EVERY = 1.0  # seconds from one look at the parent process to the next

log = Logger("http")


def make(settings: Settings, metrics: Path | None = None) -> Calls:
    """Return the application; what it shares is made when the process begins.

    `metrics` is the folder in which all processes count; None: Prometheus reads nothing.
    """
    counting.begin((route.path, (route.methods or set()) - {"HEAD"}) for route in ROUTES)
    lifespan = _lifespan(settings, metrics, lambda: outer)
    app = Starlette(routes=ROUTES, exception_handlers=_HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    outer = Calls(app)
    return outer


def _lifespan(settings: Settings, metrics: Path | None, calls: Callable[[], Calls]) -> Callable[[Starlette], Any]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        threads = Threads()
        redis = make_redis(settings.redis_url) if settings.redis_url else None
        limit = CallLimit("http", redis, emit=_log_state)
        gate = Gate(threads, limit, Proxies(settings.trusted_proxies))
        keeping, reading = Keeping(threads, limit), Reading(threads, limit)
        waiters = Waiters(lambda ids: threads.run(partial(views_of_all, ids)))
        change_waiters = Waiters(lambda ids: threads.run(partial(changes_of_all, ids)))
        app.state.services = ApiServices(threads, gate, keeping, reading, waiters, change_waiters, settings)
        app.state.payloads = Payloads(threads)
        app.state.samples = samples = Samples(limit)

        def stop() -> None:
            calls().closing = True
            waiters.close()
            change_waiters.close()

        _at_sigterm(asyncio.get_running_loop(), stop)
        log.info("http_begins", process=os.getpid())
        beside = [asyncio.create_task(_end_with_parent(os.getppid()))]
        if metrics is not None and settings.http_metrics_address:
            beside.append(asyncio.create_task(serve_for_all(metrics, settings.http_metrics_address)))
        yield
        for task in beside:
            task.cancel()
        stop()
        await calls().ended()
        threads.close()
        samples.close()
        dependencies.end()

    return lifespan


def _at_sigterm(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Answer all requests that wait at SIGTERM: Granian tells the application only after all requests have ended.

    Granian uses asyncio's own handler, which gets signals by a file descriptor; that handler still works.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


async def _end_with_parent(parent: int) -> None:
    """End this process when the one that began it is gone: else it would go on beside its successor, at one port."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells us of a parent that was killed
        await asyncio.sleep(PARENT_EVERY)
    log.warning("http_parent_is_gone", parent=parent)
    os.kill(os.getpid(), signal.SIGTERM)


def _log_state(event: object) -> None:
    log.warning("call_limit", said=type(event).__name__)


async def _on_api_error(_: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, ApiError) else of_status(500)


async def _on_http_error(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, HTTPException) else HTTPException(500)
    if known.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return of_status(known.status_code, known.headers)
    # Starlette names the methods of the first route that has this path, not of all.
    methods = {method for route in request.app.routes if _has_path(route, request) for method in route.methods or ()}
    return of_status(known.status_code, {"Allow": ", ".join(sorted(methods))})


def _has_path(route: Any, request: Request) -> bool:
    return isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE


async def _on_database_error(request: Request, error: Exception) -> Response:
    """Answer 503 after an error of Postgres: `perhaps-kept` if the request may have been stored, else `not-kept`."""
    unsure = not isinstance(error, AppointmentDatabaseException) and request.method == "POST"
    return ApiError("perhaps-kept" if unsure or getattr(error, "perhaps_kept", False) else "not-kept").response()


async def _on_any_error(_: Request, __: Exception) -> Response:
    return of_status(500)  # Starlette raises the error again after it, so `Calls` logs it


_HANDLERS: dict[Any, Any] = {
    ApiError: in_calcoms_shape(_on_api_error),
    HTTPException: in_calcoms_shape(_on_http_error),
    AppointmentDatabaseException: in_calcoms_shape(_on_database_error),
    SQLAlchemyError: in_calcoms_shape(_on_database_error),
    Exception: in_calcoms_shape(_on_any_error),
}
