"""The endpoints in Cal.com's shape; each asks as /v1 does, by the same functions."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from booking_client.request.model import BookingRequest
from db.api_keys.keys import Scope
from db.appointments.views import BookingView
from db.lifecycle import ChangeStatus
from resilience.error_types import ErrorType
from resilience.exceptions import AppointmentDatabaseException
from tasks.callers import views
from tasks.callers.sentences import say
from tasks.changes.ask import by_caller
from tasks.changes.ask.by_caller import ChangeOfCaller
from tasks.changes.ask.spoken import say_change
from worker.api import bookings, changes, parameters
from worker.api.answers import json_response
from worker.api.calcom_shape import bodies, shape
from worker.api.calcom_shape.errors import error_answer
from worker.api.gate import services_of
from worker.api.problems import ApiError
from worker.api.slots.resource import free_times

T = TypeVar("T")
WAIT = 5.0  # seconds: Cal.com's clients name no time to wait, and expect what it has made
_TAKEN = "User either already has booking at this time or is not available"  # Cal.com's words (docs/calcom.md, row 9)
_LATER = 2  # seconds until free times are worth another question


async def book(request: Request) -> Response:
    """Ask for one booking: 201 as it stands after a while, or 400 as Cal.com answers to what it does not book."""
    stored = await bookings.store(request, bodies.booking, wait=WAIT)
    view = stored.view
    if stored.known:
        [view] = await _read(request, partial(views.with_their_ends, [view]), [view])
    if view.status in shape.NOT_BOOKED:
        return _refused(request, view, say(view), view.error_type)
    return await _shown(request, view, 201, asked=stored.asked)


async def by_uid(request: Request) -> Response:
    """Return how a booking stands, at once."""
    bodies.require_version(request, bodies.BOOKINGS)
    services = services_of(request)
    async with await services.gate.admit(request, Scope.READ) as admission:
        seconds, named = parameters.wait(request), parameters.booking(request)
        view, newest = bookings.found(await bookings.seen(request, admission, named))
    if seconds and view.is_worth_waiting:
        view = await services.waiters.wait(view, seconds)
        newest = await services.threads.run(partial(by_caller.latest, view))
    return await _shown(request, view if newest is None else newest.view, 200, change=newest)


async def cancel(request: Request) -> Response:
    """Cancel a booking of the key's own; 200 with it as it stands after a while."""
    return await _changed(request, await changes.store(request, bodies.cancel, wait=WAIT), 200)


async def reschedule(request: Request) -> Response:
    """Move a booking of the key's own; 201 with it as it stands after a while, under the uid that it had."""
    return await _changed(request, await changes.store(request, bodies.move, wait=WAIT), 201)


async def slots(request: Request) -> Response:
    """Return the free times; 503 where they are not known, for an empty list would say that nothing is free."""
    asked, found = await free_times(request, bodies.slots)
    if not found.known:
        details = {"known": False, "held": found.held}
        return error_answer(request, 503, "The free times are not known now.", details, {"Retry-After": str(_LATER)})
    return _success(shape.slots([start.astimezone(asked.zone) for start in found.starts]))


async def _changed(request: Request, found: ChangeOfCaller, status: int) -> Response:
    """Answer with a changed booking, or 400 where its change is over and not done."""
    if found.final and found.status is not ChangeStatus.DONE:
        return _refused(request, found.view, say_change(found, found.view.language), found.error_type)
    return await _shown(request, found.view, status, change=found)


async def _shown(
    request: Request,
    view: BookingView,
    status: int,
    *,
    asked: BookingRequest | None = None,
    change: ChangeOfCaller | None = None,
) -> Response:
    minutes = await _read(request, partial(views.minutes, view), None)
    return _success(shape.booking(view, minutes, asked), status, shape.headers(view, change))


async def _read(request: Request, work: Callable[[], T], instead: T) -> T:
    """Return what `work` reads of a booking that is stored; `instead` while Postgres, or no thread, does not answer."""
    try:
        return await services_of(request).threads.run(work)
    except (AppointmentDatabaseException, ApiError):  # what is stored is never answered as not stored
        return instead


def _refused(request: Request, view: BookingView, said: str, error_type: str | None) -> Response:
    details = {"uid": view.reference, "status": view.status, "error_type": error_type, "say": said}
    message = _TAKEN if error_type == ErrorType.TAKEN else said
    return error_answer(request, 400, message, details, shape.headers(view))


def _success(data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return json_response({"status": "success", "data": data}, status, headers)
