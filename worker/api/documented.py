"""The OpenAPI document, which FastAPI writes from the routes and the models.

FastAPI serves no request: its own work for one (it solves dependencies, though there are none) is a tenth of what a
booking costs. Starlette, on which it stands, serves the same functions.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from db.lifecycle import Status
from tasks.callers.requests import CallerRequest
from worker.api import bookings, changes, pages
from worker.api.answers import (
    BatchResults,
    BookingDocument,
    BookingList,
    ChangeDocument,
    OwnBookings,
    json_response,
)
from worker.api.calcom_shape import resource as calcom_shape
from worker.api.callbacks import resource as callbacks
from worker.api.callbacks.events import DEFAULT, MOST, EventList, events
from worker.api.callbacks.resource import SampleDocument
from worker.api.changes import CancelRequest, RescheduleRequest
from worker.api.finding import resource as finding
from worker.api.finding.find import FindRequest
from worker.api.finding.listed import LISTED, MOST_LISTED
from worker.api.mcp import endpoint as mcp
from worker.api.openapi.agents import MCP, RETELL, RETELL_TOOL, VAPI
from worker.api.openapi.agents import plain as described_tool
from worker.api.openapi.calcom import CALCOM_BOOK, CALCOM_BY_UID, CALCOM_CANCEL, CALCOM_RESCHEDULE, CALCOM_SLOTS
from worker.api.openapi.parts import ETAG, LOCATION, NAMED, READ, REFUSED, answer, body, name_of, parameter, problems
from worker.api.slots.resource import SlotsDocument, slots
from worker.api.voice import plain, retell, vapi
from worker.api.voice.tools import TOOLS
from worker.version import version

_WAIT = parameter(
    "wait",
    "query",
    {"type": "number", "minimum": 0, "maximum": 20, "default": 0},
    "Seconds to wait until it is settled, or held for more than a moment.",
)
_KEY_TEXT = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~][ -~]*$"}
_KEY_HEADER = parameter(
    "Idempotency-Key",
    "header",
    _KEY_TEXT,
    "The same key again is the same request: it gets the same booking. Without one, the same attendee, event type and "
    "start are the same request.",
)
_KEY_QUERY = parameter("key", "query", _KEY_TEXT, "Instead of a list: the booking of this idempotency key.")
_ID = parameter("id", "path", NAMED, "The booking's id, or its reference.", required=True)
_MOMENT = {"type": "string", "format": "date-time"}
BOOK: dict[str, Any] = {
    "status_code": 202,
    "response_model": None,
    "responses": {
        **problems(*READ, "bad-key", "not-first", "key-reused", "perhaps-kept"),
        202: answer(BookingDocument, "It is stored.", LOCATION),
        200: answer(BookingDocument, "It is known already.", LOCATION),
    },
    "openapi_extra": {**body(CallerRequest), "parameters": [_KEY_HEADER, _WAIT]},
}
_BATCH_SCHEMA = {
    "type": "object",
    "required": ["bookings"],
    "additionalProperties": False,
    "properties": {
        "bookings": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1000,
            "items": {"$ref": "#/components/schemas/BookingRequest"},
        }
    },
}
BATCH: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **problems(*READ, "perhaps-kept"),
        200: answer(BatchResults, "The result of each, in their order."),
    },
    "openapi_extra": {
        "requestBody": {"required": True, "content": {"application/json": {"schema": _BATCH_SCHEMA}}},
    },
}
_KNOWN = parameter("If-None-Match", "header", {"type": "string"}, "The ETag of the answer that is known.")
_IF_CHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "It is as it is known.", "headers": ETAG}}
BY_ID: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **problems("no-such-booking", "invalid"),
        **_IF_CHANGED,
        200: answer(BookingDocument, "The booking.", ETAG),
    },
    "openapi_extra": {"parameters": [_ID, _WAIT, _KNOWN]},
}
_FILTERS = [
    parameter("status", "query", {"type": "string"}, f"Some of {', '.join(Status)}, with commas between."),
    parameter("event_type_id", "query", {"type": "integer", "minimum": 1}, "The id of the event type."),
    parameter("from", "query", _MOMENT, "They start then or later, with its offset."),
    parameter("to", "query", _MOMENT, "They start earlier, with its offset."),
    parameter(
        "limit", "query", {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": LISTED}, "How many."
    ),
    parameter("cursor", "query", {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"}, "The `next` of the page before."),
]
LISTED_BOOKINGS: dict[str, Any] = BY_ID | {
    "responses": {
        **problems("no-such-booking", "invalid"),
        **_IF_CHANGED,
        200: answer(OwnBookings | BookingDocument, "A page of the key's bookings; with `key` one booking.", ETAG),
    },
    "openapi_extra": {"parameters": [_KEY_QUERY, *_FILTERS, _KNOWN]},
}
FIND: dict[str, Any] = {
    "response_model": None,
    "responses": {**problems(*READ), 200: answer(BookingList, "The bookings that were found.")},
    "openapi_extra": body(FindRequest),
}


_CHANGE_KEY = parameter("Idempotency-Key", "header", _KEY_TEXT, "The same key again is the same change of the booking.")
_CHANGE = {
    202: answer(ChangeDocument, "It is stored.", LOCATION),
    200: answer(ChangeDocument, "It is done, or is known already.", LOCATION),
}
CANCEL: dict[str, Any] = {
    "status_code": 202,
    "response_model": None,
    "responses": {
        **problems(*READ, "bad-key", "key-reused", "perhaps-kept", "no-such-booking", *REFUSED),
        **_CHANGE,
    },
    "openapi_extra": {**body(CancelRequest), "parameters": [_ID, _CHANGE_KEY, _WAIT]},
}
RESCHEDULE: dict[str, Any] = CANCEL | {
    "openapi_extra": {**body(RescheduleRequest), "parameters": [_ID, _CHANGE_KEY, _WAIT]},
}
_NUMBER = parameter("change", "path", {"type": "integer", "minimum": 1}, "The change's id.", required=True)
CHANGE: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **problems("no-such-booking", "no-such-change", "invalid"),
        200: answer(ChangeDocument, "The change."),
    },
    "openapi_extra": {"parameters": [_ID, _NUMBER, _WAIT]},
}
SLOTS: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **problems("invalid"),
        200: answer(SlotsDocument, "The free times, or that they are not known."),
    },
    "openapi_extra": {
        "parameters": [
            parameter(
                "event_type_id", "query", {"type": "integer", "minimum": 1}, "The id of the event type.", required=True
            ),
            parameter("from", "query", _MOMENT, "The beginning, with its offset.", required=True),
            parameter("to", "query", _MOMENT, "The end, at most 31 days later.", required=True),
            parameter("time_zone", "query", {"type": "string", "default": "UTC"}, "The zone of the answer (IANA)."),
        ]
    },
}
EVENTS: dict[str, Any] = {
    "response_model": None,
    "responses": {**problems("invalid"), 200: answer(EventList, "What callbacks of the key said.")},
    "openapi_extra": {
        "parameters": [
            parameter("cursor", "query", {"type": "string"}, "The `next` of the page before; none: all that is kept."),
            parameter(
                "limit", "query", {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT}, "How many."
            ),
        ]
    },
}
CALLBACK_TEST: dict[str, Any] = {
    "response_model": None,
    "responses": {**problems("no-callback"), 200: answer(SampleDocument, "What came of it.")},
}
_DESCRIPTION = "Ask for bookings at Cal.com: what is answered with 2xx is stored, is not lost and is not booked twice."
_OPEN = {"response_model": None, "tags": ["process"]}
_READY: dict[str, Any] = _OPEN | {"responses": {503: problems()[503]}}
# Of an endpoint the name of its operation, by which a generated client calls it, and the rest.
_DESCRIBED: Mapping[Callable[..., Any], tuple[str, dict[str, Any]]] = MappingProxyType(
    {
        bookings.book: ("book", BOOK),
        finding.list_own: ("list_bookings", LISTED_BOOKINGS),
        bookings.book_batch: ("book_batch", BATCH),
        finding.find: ("find_bookings", FIND),
        bookings.by_id: ("booking", BY_ID),
        changes.cancel: ("cancel", CANCEL),
        changes.reschedule: ("reschedule", RESCHEDULE),
        changes.by_id: ("change", CHANGE),
        slots: ("slots", SLOTS),
        events: ("list_events", EVENTS),
        callbacks.test: ("test_callback", CALLBACK_TEST),
        calcom_shape.book: ("calcom_book", CALCOM_BOOK),
        calcom_shape.by_uid: ("calcom_booking", CALCOM_BY_UID),
        calcom_shape.cancel: ("calcom_cancel", CALCOM_CANCEL),
        calcom_shape.reschedule: ("calcom_reschedule", CALCOM_RESCHEDULE),
        calcom_shape.slots: ("calcom_slots", CALCOM_SLOTS),
        mcp.message: ("mcp", MCP),
        retell.call: ("retell", RETELL),
        retell.function: ("retell_tool", RETELL_TOOL),
        vapi.call: ("vapi", VAPI),
        pages.health: ("health", _OPEN),
        pages.ready: ("ready", _READY),
    }
)


async def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return json_response(document(request.app.routes))


def document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of the routes that it describes."""
    from fastapi import FastAPI  # noqa: PLC0415 - it loads what nothing else here needs
    from fastapi.openapi.utils import get_openapi  # noqa: PLC0415 - the same

    app = FastAPI(title="booking-worker", version=version(), description=_DESCRIPTION)
    for route in routes:
        if isinstance(route, Route) and route.endpoint is plain.use:
            for tool in TOOLS:  # each by itself, with its arguments
                path, name = route.path.format(tool=tool), f"use_{tool}"
                app.add_api_route(path, route.endpoint, methods=["POST"], operation_id=name, **described_tool(tool))
        if isinstance(route, Route) and route.endpoint in _DESCRIBED:
            methods = sorted((route.methods or set()) - {"HEAD"})
            name, described = _DESCRIBED[route.endpoint]
            app.add_api_route(route.path, route.endpoint, methods=methods, operation_id=name, **described)
    written = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = written["components"]
    components["schemas"] |= _schemas()
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer"},
        "retell": {"type": "apiKey", "in": "header", "name": "X-Retell-Signature"},
        "vapi": {"type": "apiKey", "in": "header", "name": "X-Vapi-Secret"},
    }
    for path, operations in written["paths"].items():
        if path.startswith(("/v1/", "/v2/")):
            for one in operations.values():
                one.setdefault("security", [{"key": []}])
    _drop_null_defaults(written)
    return written


def _drop_null_defaults(part: Any) -> None:
    """Drop each `default` of null: generators of clients take a field with a default for one that is always there."""
    if isinstance(part, dict) and "default" in part and part["default"] is None:
        del part["default"]
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _drop_null_defaults(one)


def _schemas() -> dict[str, Any]:
    """Return the schemas that no signature names: bodies. That of problems is the one of a batch's results."""
    found: dict[str, Any] = {}
    for model in (CallerRequest, FindRequest, CancelRequest, RescheduleRequest):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        schema.get("properties", {}).pop(bookings.OF_THE_KEY, None)
        found[name_of(model)] = schema
    return found
