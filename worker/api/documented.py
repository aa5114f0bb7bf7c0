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

from tasks.callers.requests import CallerRequest
from tasks.conversations.conversation import CALL_ID
from worker.api import bookings, changes, pages
from worker.api.answers import (
    BatchResults,
    BookingDocument,
    BookingList,
    ChangeDocument,
    json_response,
)
from worker.api.changes import CancelRequest, RescheduleRequest
from worker.api.find import FindRequest
from worker.api.problems import MEDIA_TYPE, TYPES
from worker.api.slots.resource import SlotsDocument, slots
from worker.api.voice import retell, vapi
from worker.api.voice.retell import RetellAnswer
from worker.api.voice.tools import TOOLS
from worker.api.voice.vapi import VapiAnswer
from worker.version import version

_CORRELATION = {
    "X-Correlation-Id": {"description": "The caller's, or a new one.", "schema": {"type": "string"}},
}
_RETRY = {"Retry-After": {"description": "Seconds until it is worth another try.", "schema": {"type": "integer"}}}
_LOCATION = {"Location": {"description": "The booking, or its change.", "schema": {"type": "string"}}}


def _problems(*types: str) -> dict[int | str, dict[str, Any]]:
    """Describe problems by their status; what each route may answer is added."""
    always = ("unauthorized", "rate-limited", "not-kept")
    answers: dict[int | str, dict[str, Any]] = {}
    for name in (*always, "scope", *types):
        status, title = TYPES[name]
        told = answers.setdefault(
            status, {"description": "", "content": {MEDIA_TYPE: {}}, "headers": dict(_CORRELATION)}
        )
        told["description"] = " ".join(filter(None, (told["description"], f"`{name}`: {title}")))
        told["content"][MEDIA_TYPE]["schema"] = {"$ref": "#/components/schemas/ProblemDocument"}
        if status in {429, 503}:
            told["headers"] |= _RETRY
    if "not-json" in types:
        answers[415] = {"description": "Only application/json.", "content": answers[400]["content"]}
    return answers


def _body(model: type[Any], text: str = "") -> dict[str, Any]:
    """Describe a body by a schema of the components (`schemas` adds it there)."""
    schema = {"$ref": f"#/components/schemas/{_name(model)}"}
    return {"requestBody": {"required": True, "description": text, "content": {"application/json": {"schema": schema}}}}


def _name(model: type[Any]) -> str:
    return str(model.model_config.get("title") or model.__name__)


def _answer(model: type[Any], text: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"model": model, "description": text, "headers": {**_CORRELATION, **(headers or {})}}


def _parameter(
    name: str, where: str, schema: Mapping[str, Any], text: str, *, required: bool = False
) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": dict(schema), "description": text}


_WAIT = _parameter(
    "wait",
    "query",
    {"type": "number", "minimum": 0, "maximum": 20, "default": 0},
    "Seconds to wait until it is settled, or held for more than a moment.",
)
_KEY_TEXT = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~][ -~]*$"}
_KEY_HEADER = _parameter(
    "Idempotency-Key",
    "header",
    _KEY_TEXT,
    "The same key again is the same request: it gets the same booking. Without one, the same attendee, event type and "
    "start are the same request.",
)
_KEY_QUERY = _parameter("key", "query", _KEY_TEXT, "The idempotency key of the request.", required=True)
_ID = _parameter("id", "path", {"type": "integer", "minimum": 1}, "The booking's id.", required=True)
_MOMENT = {"type": "string", "format": "date-time"}
_READ = ("not-json", "not-utf8", "too-slow", "too-large", "invalid")
BOOK: dict[str, Any] = {
    "status_code": 202,
    "response_model": None,
    "responses": {
        **_problems(*_READ, "bad-key", "key-reused", "perhaps-kept"),
        202: _answer(BookingDocument, "It is stored.", _LOCATION),
        200: _answer(BookingDocument, "It is known already.", _LOCATION),
    },
    "openapi_extra": {**_body(CallerRequest), "parameters": [_KEY_HEADER, _WAIT]},
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
        **_problems(*_READ, "perhaps-kept"),
        200: _answer(BatchResults, "The result of each, in their order."),
    },
    "openapi_extra": {
        "requestBody": {"required": True, "content": {"application/json": {"schema": _BATCH_SCHEMA}}},
    },
}
BY_KEY: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **_problems("no-such-booking", "invalid"),
        200: _answer(BookingDocument, "The booking."),
    },
    "openapi_extra": {"parameters": [_KEY_QUERY]},
}
BY_ID: dict[str, Any] = BY_KEY | {"openapi_extra": {"parameters": [_ID, _WAIT]}}
FIND: dict[str, Any] = {
    "response_model": None,
    "responses": {**_problems(*_READ), 200: _answer(BookingList, "The bookings that were found.")},
    "openapi_extra": _body(FindRequest),
}


_CHANGE_KEY = _parameter(
    "Idempotency-Key", "header", _KEY_TEXT, "The same key again is the same change of the booking."
)
_REFUSED = ("being-cancelled", "ended", "moved-on", "not-booked-yet", "over", "same-start", "series", "taken-by-own")
_CHANGE = {
    202: _answer(ChangeDocument, "It is stored.", _LOCATION),
    200: _answer(ChangeDocument, "It is done, or is known already.", _LOCATION),
}
CANCEL: dict[str, Any] = {
    "status_code": 202,
    "response_model": None,
    "responses": {
        **_problems(*_READ, "bad-key", "key-reused", "perhaps-kept", "no-such-booking", *_REFUSED),
        **_CHANGE,
    },
    "openapi_extra": {**_body(CancelRequest), "parameters": [_ID, _CHANGE_KEY, _WAIT]},
}
RESCHEDULE: dict[str, Any] = CANCEL | {
    "openapi_extra": {**_body(RescheduleRequest), "parameters": [_ID, _CHANGE_KEY, _WAIT]},
}
_NUMBER = _parameter("change", "path", {"type": "integer", "minimum": 1}, "The change's id.", required=True)
CHANGE: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **_problems("no-such-booking", "no-such-change", "invalid"),
        200: _answer(ChangeDocument, "The change."),
    },
    "openapi_extra": {"parameters": [_ID, _NUMBER, _WAIT]},
}
SLOTS: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **_problems("invalid"),
        200: _answer(SlotsDocument, "The free times, or that they are not known."),
    },
    "openapi_extra": {
        "parameters": [
            _parameter(
                "event_type_id", "query", {"type": "integer", "minimum": 1}, "The id of the event type.", required=True
            ),
            _parameter("from", "query", _MOMENT, "The beginning, with its offset.", required=True),
            _parameter("to", "query", _MOMENT, "The end, at most 31 days later.", required=True),
            _parameter("time_zone", "query", {"type": "string", "default": "UTC"}, "The zone of the answer (IANA)."),
        ]
    },
}
_VOICE_PARAMETERS = [
    _parameter("key", "query", {"type": "string"}, "The first 8 characters of an API key after bw_; no secret."),
    _parameter("type", "query", {"type": "integer", "minimum": 1}, "The id of the event type."),
    _parameter("lang", "query", {"enum": ["en", "de"], "default": "en"}, "The language of the sentences."),
    _parameter("within", "query", {"type": "number", "minimum": 0.5, "maximum": 20, "default": 2.5}, "Seconds."),
    _parameter("time_zone", "query", {"type": "string"}, "The zone of times without an offset (IANA)."),
    _parameter("call_id", "query", {"type": "string", "pattern": CALL_ID.pattern}, "The call's id."),
]
_TOOL = _parameter("tool", "path", {"enum": list(TOOLS)}, "The tool.", required=True)
_ANY_OBJECT = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
RETELL: dict[str, Any] = {
    "response_model": None,
    "responses": {**_problems(*_READ), 200: _answer(RetellAnswer, "A sentence for the caller.")},
    "openapi_extra": {**_ANY_OBJECT, "parameters": _VOICE_PARAMETERS, "security": [{"retell": []}]},
}
RETELL_TOOL: dict[str, Any] = RETELL | {
    "responses": {**RETELL["responses"], **_problems(*_READ, "no-such-tool")},
    "openapi_extra": {**RETELL["openapi_extra"], "parameters": [_TOOL, *_VOICE_PARAMETERS]},
}
VAPI: dict[str, Any] = {
    "response_model": None,
    "responses": {**_problems(*_READ), 200: _answer(VapiAnswer, "A result for each tool call.")},
    "openapi_extra": {**_ANY_OBJECT, "parameters": _VOICE_PARAMETERS, "security": [{"key": []}, {"vapi": []}]},
}


_DESCRIPTION = "Ask for bookings at Cal.com: what is answered with 2xx is stored, is not lost and is not booked twice."
_OPEN = {"response_model": None, "tags": ["process"]}
_READY: dict[str, Any] = _OPEN | {"responses": {503: _problems()[503]}}
# Of an endpoint the name of its operation, by which a generated client calls it, and the rest.
_DESCRIBED: Mapping[Callable[..., Any], tuple[str, dict[str, Any]]] = MappingProxyType(
    {
        bookings.book: ("book", BOOK),
        bookings.by_key: ("booking_by_key", BY_KEY),
        bookings.book_batch: ("book_batch", BATCH),
        bookings.find: ("find_bookings", FIND),
        bookings.by_id: ("booking", BY_ID),
        changes.cancel: ("cancel", CANCEL),
        changes.reschedule: ("reschedule", RESCHEDULE),
        changes.by_id: ("change", CHANGE),
        slots: ("slots", SLOTS),
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
        if path.startswith("/v1/"):
            for one in operations.values():
                one.setdefault("security", [{"key": []}])
    return written


def _schemas() -> dict[str, Any]:
    """Return the schemas that no signature names: bodies. That of problems is the one of a batch's results."""
    found: dict[str, Any] = {}
    for model in (CallerRequest, FindRequest, CancelRequest, RescheduleRequest):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        schema.get("properties", {}).pop(bookings.OF_THE_KEY, None)
        found[_name(model)] = schema
    return found
