"""The resource of found bookings: a key's own, page by page, and those of a person."""

from starlette.requests import Request
from starlette.responses import Response

from db.api_keys.keys import Scope
from tasks.callers import views
from worker.api import parameters
from worker.api.answers import document, json_response
from worker.api.bodies import json_object
from worker.api.bookings import found, with_change
from worker.api.finding.find import FindRequest
from worker.api.finding.listed import filters_of
from worker.api.gate import services_of


async def list_own(request: Request) -> Response:
    """Return the bookings that the key has asked for, page by page; with `key` the one of an idempotency key."""
    if "key" in request.query_params:
        return await _by_key(request)
    async with await services_of(request).gate.admit(request, Scope.READ) as admission:
        key, filters = admission.key, filters_of(request.query_params)
        page = await admission.run(views.own, key, filters)
    shown = [document(view, key) for view in page.views]
    return json_response({"bookings": shown, "next": None if page.below is None else str(page.below)})


async def _by_key(request: Request) -> Response:
    """Return the newest booking that was asked for with an idempotency key."""
    async with await services_of(request).gate.admit(request, Scope.READ) as admission:
        view = found(await admission.run(views.view_by_key, admission.key, parameters.key(request)))
    return await with_change(request, view, admission.key)


async def find(request: Request) -> Response:
    """Find the bookings of a person, 20 at most, the earliest first. In a body, for a person stands in no address."""
    async with await services_of(request).gate.admit(request, Scope.FIND) as admission:
        asked = FindRequest.parse(await json_object(request))
        period = asked.begin, asked.end
        theirs = await admission.run(views.find, admission.key, email=asked.email, phone=asked.phone, starts=period)
    return json_response({"bookings": [document(view, admission.key) for view in theirs]})
