"""Serve POST /v2/bookings under version 2024-04-15: what a missing or unknown cal-api-version means (seen)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulator.booking import book
from simulator.booking.validation import zone_exists
from simulator.http.messages import Answer, Call, Refusal, success
from simulator.instants import parse
from simulator.state.views import old

if TYPE_CHECKING:
    from simulator.state.world import World

KNOWN = (
    "start", "end", "eventTypeId", "eventTypeSlug", "rescheduleUid", "recurringEventId", "timeZone", "user", "language",
    "bookingUid", "metadata", "hasHashedBookingLink", "hashedLink", "seatReferenceUid", "responses", "orgSlug",
    "locationUrl",
)  # fmt: skip


async def create(world: World, call: Call) -> Answer:
    """Check the old body, book, and answer in the old shape. Raises Refusal (400 A with details.errors)."""
    body = call.body if isinstance(call.body, dict) else {}
    target = {name: body[name] for name in KNOWN if name in body}
    rules = {
        "start": (parse(body.get("start")) is not None, {"isDateString": "start must be a valid ISO 8601 date string"}),
        "eventTypeId": (
            isinstance(body.get("eventTypeId"), int),
            {"isNumber": "eventTypeId must be a number conforming to the specified constraints"},
        ),
        "timeZone": (zone_exists(body.get("timeZone")), {"isTimeZone": "timeZone must be a valid IANA time-zone"}),
        "language": (isinstance(body.get("language"), str), {"isString": "language must be a string"}),
        "metadata": (isinstance(body.get("metadata"), dict), {"isObject": "metadata must be an object"}),
    }
    errors = [
        {"target": target, "property": name, "children": [], "constraints": constraints}
        for name, (passes, constraints) in rules.items()
        if not passes
    ]
    if errors:
        raise Refusal(400, "Bad Request Exception", details={"errors": errors})
    call.body = _new_body(body)
    answer = await book.create(world, call)
    data = json.loads(answer.body)["data"]
    return success(answer.status, [old(item) for item in data] if isinstance(data, list) else old(data))


def _new_body(body: dict[str, Any]) -> dict[str, Any]:
    responses = body.get("responses") or {}
    attendee = {
        "name": str(responses.get("name", "")),
        "email": str(responses.get("email", "")),
        "timeZone": body["timeZone"],
        "language": body["language"],
    }
    return {
        "start": body["start"],
        "eventTypeId": body["eventTypeId"],
        "metadata": body["metadata"],
        "attendee": attendee,
    }
