"""Serve GET /v2/slots: the times that are free now, read from the primary; an answer is kept for 2 s (seen)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulator.booking.admission import find_event_type
from simulator.booking.calendar import offered
from simulator.http.messages import Answer, Call, Refusal, dump
from simulator.instants import parse, stamp

if TYPE_CHECKING:
    from simulator.state.event_types import EventType
    from simulator.state.world import World

LONGEST = timedelta(days=62)  # ours: nobody may ask for a thousand years


async def list_slots(world: World, call: Call) -> Answer:
    """Serve the slots of one event type between `start` and `end`. Raises Refusal."""
    kept_at, kept = world.kept_slots.get(call.request.target, (0.0, None))
    if kept is not None and world.seconds < kept_at + world.settings.slots_cache:
        await world.work(call)
        return Answer(200, kept)
    query = call.request.query
    event_type = _event_type(world, query)
    start, end = _bound(query, "start", "T00:00:00Z"), _bound(query, "end", "T23:59:59Z")
    length = int(query["duration"]) if query.get("duration", "").isdigit() else event_type.length
    zone = _zone(query.get("timeZone", "UTC"))
    await world.work(call)
    days: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    last = min(end, start + LONGEST) - timedelta(minutes=length)  # what ends after the range is not shown (seen)
    for moment in _grid(event_type, start, last):
        if offered(world, event_type, moment, length):
            slot = _slot(moment, length, query.get("format")) | _seats(world, event_type, moment)
            days[moment.astimezone(zone).date().isoformat()].append(slot)
    body = dump({"data": days, "status": "success"})
    world.kept_slots[call.request.target] = (world.seconds, body)
    return Answer(200, body)


def _event_type(world: World, query: dict[str, str]) -> EventType:
    """Find the event type; one that is unknown has words of its own here (seen). Raises Refusal."""
    wanted = _who(query)
    if "eventTypeId" in wanted and world.catalogue.get(wanted["eventTypeId"]) is None:
        raise Refusal(404, "Event Type not found")
    return find_event_type(world, wanted)


def _who(query: dict[str, str]) -> dict[str, Any]:
    if query.get("eventTypeId", "").isdigit():
        return {"eventTypeId": int(query["eventTypeId"])}
    if "eventTypeSlug" in query and ("username" in query or "teamSlug" in query):
        return dict(query)
    raise Refusal(400, "eventTypeId or eventTypeSlug + username or eventTypeSlug + teamSlug must be provided")


def _bound(query: dict[str, str], name: str, rest: str) -> datetime:
    text = query.get(name, "")
    moment = parse(text if "T" in text else text + rest)
    if moment is None:
        raise Refusal(400, f"{name} must be a valid ISO 8601 date string")
    return moment


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refusal(400, "timeZone must be a valid IANA time-zone") from error


def _grid(event_type: EventType, start: datetime, last: datetime) -> list[datetime]:
    """Give the starts on the grid of the event type's length, from the first at or after `start` up to `last`."""
    step = timedelta(minutes=event_type.length)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + -((midnight - start) // step) * step
    moments = []
    while moment <= last:
        moments.append(moment)
        moment += step
    return moments


def _slot(moment: datetime, length: int, form: str | None) -> dict[str, Any]:
    if form == "range":
        return {"start": stamp(moment), "end": stamp(moment + timedelta(minutes=length))}
    return {"start": stamp(moment)}


def _seats(world: World, event_type: EventType, moment: datetime) -> dict[str, Any]:
    """Show how many seats of a time are taken, once the first one is."""
    found = [booking for booking in world.bookings.at(event_type, moment) if booking.status == "accepted"]
    if not event_type.seated or not found:
        return {}
    taken = len(found[0].attendees)
    return {
        "seatsBooked": taken,
        "seatsRemaining": max(event_type.seats - taken, 0),
        "seatsTotal": event_type.seats,
        "bookingUid": found[0].uid,
    }
