"""List bookings as GET /v2/bookings does: filters, pages, an owner's view, a replica's age."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.http.messages import Answer, Call, Refusal, success
from simulator.instants import parse
from simulator.state.sight import lists_booking
from simulator.state.views import old

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.state.bookings import Booking, View
    from simulator.state.world import World

STATUSES = ("upcoming", "recurring", "past", "cancelled", "unconfirmed")
DATES = {
    "afterStart": "fromDate",
    "beforeEnd": "toDate",
    "afterCreatedAt": "fromDate",
    "beforeCreatedAt": "toDate",
    "afterUpdatedAt": "fromDate",
    "beforeUpdatedAt": "toDate",
}
SORTS = {"sortStart": "start", "sortEnd": "end", "sortCreated": "createdAt", "sortUpdatedAt": "updatedAt"}


async def list_bookings(world: World, call: Call, *, current: bool) -> Answer:
    """Serve GET /v2/bookings. Raises Refusal. `current`: version 2024-08-13, else the old shape."""
    query = call.request.query
    wanted = _Reader(query).read()
    _check_event_types(world, wanted)
    await world.work(call)
    moment = world.replica_time()
    seen = [view for booking in _candidates(world, wanted) if (view := booking.seen_at(moment))]
    filtered = "attendeeEmail" in wanted or "attendeeName" in wanted
    found = [
        view
        for view in seen
        if lists_booking(world, call.key or "", view, filtered=filtered) and _fits(view, wanted, world.now)
    ]
    for name, key in SORTS.items():
        if name in query:
            found.sort(key=lambda view, key=key: (view[key], view["id"]), reverse=query[name] == "desc")  # type: ignore[misc]
    take, skip = wanted["take"], wanted["skip"]
    page = found[skip : skip + take]
    if not current:
        return success(200, {"bookings": [old(view) for view in page]})
    total = len(found) + (world.rng.random() < world.settings.total_one_too_high)
    return success(200, page, pagination=_pagination(total, take, skip))


class _Reader:
    """Read the filters of a query; unknown ones are ignored (seen)."""

    def __init__(self, query: dict[str, str]) -> None:
        self._query = query
        self._target: dict[str, Any] = dict(query)
        self._errors: list[dict[str, Any]] = []
        self._wanted: dict[str, Any] = {"take": 100, "skip": 0}

    def read(self) -> dict[str, Any]:
        """Give what is wanted. Raises Refusal (400 A with details.errors)."""
        self._read_numbers()
        for name, label in DATES.items():
            if name in self._query:
                self._wanted[name] = parse(self._query[name])
                if self._wanted[name] is None:
                    self._wrong(name, self._query[name], {"isIso8601": f"{label} must be a valid ISO 8601 date."})
        if "status" in self._query:
            self._target["status"] = self._wanted["status"] = self._query["status"].split(",")
            if not set(self._wanted["status"]) <= set(STATUSES):
                rule = f"Invalid status. Allowed are {', '.join(STATUSES)}"
                self._wrong("status", self._target["status"], {"isEnum": rule})
        for name in ("attendeeEmail", "attendeeName", "bookingUid"):
            if name in self._query:
                self._wanted[name] = self._query[name]
        if "attendeeEmail" in self._query:  # an unescaped plus comes as a blank, and is turned back (seen)
            self._wanted["attendeeEmail"] = self._query["attendeeEmail"].replace(" ", "+")
        if self._errors:
            raise Refusal(400, "Bad Request Exception", details={"errors": self._errors})
        return self._wanted

    def _read_numbers(self) -> None:
        for name, low, high in (("take", 1, 250), ("skip", 0, None)):
            if name in self._query:
                number = _number(self._query[name])
                self._target[name] = self._wanted[name] = number
                if rules := _bounds(name, number, low, high):
                    self._wrong(name, number, rules)
        if "eventTypeId" in self._query:
            number = _number(self._query["eventTypeId"])
            self._target["eventTypeId"] = number
            self._wanted["event_types"] = {number}
            if not isinstance(number, int):
                self._wrong("eventTypeId", number, {"isInt": "eventTypeId must be an integer number"})
        if "eventTypeIds" in self._query:
            self._wanted["event_types"] = {_number(number) for number in self._query["eventTypeIds"].split(",")}

    def _wrong(self, name: str, value: Any, rules: dict[str, str]) -> None:
        self._errors.append(
            {"target": self._target, "value": value, "property": name, "children": [], "constraints": rules}
        )


def _number(text: str) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number


def _bounds(name: str, number: float | None, low: int, high: int | None) -> dict[str, str]:
    rules = {}
    if high is not None and (number is None or number > high):
        rules["max"] = f"{name} must not be greater than {high}"
    if number is None or number < low:
        rules["min"] = f"{name} must not be less than {low}"
    if number is None:
        rules["isNumber"] = f"{name} must be a number conforming to the specified constraints"
    return rules


def _check_event_types(world: World, wanted: dict[str, Any]) -> None:
    """Refuse event types that never were, or are deleted (seen). Raises Refusal."""
    numbers = wanted.get("event_types")
    if numbers is not None and all(world.catalogue.get(number) is None for number in numbers):
        raise Refusal(400, "The requested event-types do not exist.", code="TRPCError", details=None)


def _candidates(world: World, wanted: dict[str, Any]) -> list[Booking]:
    if "bookingUid" in wanted:
        found = world.bookings.get(wanted["bookingUid"])
        return [found] if found else []
    if "attendeeEmail" in wanted:
        return world.bookings.of_attendee(wanted["attendeeEmail"])
    if "event_types" in wanted:
        return world.bookings.of(wanted["event_types"])
    return list(world.bookings)


def _fits(view: View, wanted: dict[str, Any], now: datetime) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {
        "event_types": lambda numbers: view["eventTypeId"] in numbers,
        "attendeeEmail": lambda email: any(attendee["email"] == email for attendee in view["attendees"]),
        "attendeeName": lambda name: any(attendee["name"] == name for attendee in view["attendees"]),
        "bookingUid": lambda uid: view["uid"] == uid,
        "status": lambda names: any(_has_status(view, name, now) for name in names),
        "afterStart": lambda moment: _at(view, "start") >= moment,
        "beforeEnd": lambda moment: _at(view, "end") <= moment,
        "afterCreatedAt": lambda moment: _at(view, "createdAt") >= moment,
        "beforeCreatedAt": lambda moment: _at(view, "createdAt") <= moment,
        "afterUpdatedAt": lambda moment: _at(view, "updatedAt") >= moment,
        "beforeUpdatedAt": lambda moment: _at(view, "updatedAt") <= moment,
    }
    return all(check(wanted[name]) for name, check in checks.items() if name in wanted)


def _at(view: View, name: str) -> datetime:
    return datetime.fromisoformat(view[name])


def _has_status(view: View, name: str, now: datetime) -> bool:
    lives: bool = view["status"] in ("accepted", "pending")
    statuses: dict[str, bool] = {
        "upcoming": lives and _at(view, "end") >= now,
        "recurring": lives and "recurringBookingUid" in view,
        "past": lives and _at(view, "end") < now,
        "cancelled": not lives,
        "unconfirmed": view["status"] == "pending",
    }
    return statuses[name]


def _pagination(total: int, take: int, skip: int) -> dict[str, Any]:
    """Number the pages as the real server does, also for odd skips; nothing is counted but the total (seen)."""
    pages = -(-total // take)
    returned = min(take, max(0, total - skip))
    remaining = max(0, total - skip - returned)
    return {
        "returnedItems": returned,
        "totalItems": total,
        "itemsPerPage": take,
        "remainingItems": remaining,
        "currentPage": min(skip // take + 1, pages),
        "totalPages": pages,
        "hasNextPage": remaining > 0,
        "hasPreviousPage": skip > 0,
    }
