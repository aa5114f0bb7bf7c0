"""Ask whether Cal.com still offers a start; slots are read from its primary database, lists perhaps from a replica."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import gcd
from typing import Any

from db.appointments.appointment import Appointment
from tasks.calcom.booking import integer, list_of, object_of, parse, read_instant, to_millisecond
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import CalcomReads, Params
from tasks.calcom.request_body import event_type, instant


class Slot(StrEnum):
    """What the slots show about a start."""

    OFFERED = "offered"
    UNAVAILABLE = "gone"  # the start is on Cal.com's grid and not offered: it is taken, perhaps by us
    UNPROVEN = "unproven"  # Cal.com would never offer this start, so its answer proves nothing
    UNASKED = "unasked"  # Cal.com gave no answer, or was not asked


def ask_slots(client: CalcomReads, appointment: Appointment) -> Slot:
    """Return whether Cal.com still offers the appointment's start; it caches answers for 2 s (seen, docs/calcom.md)."""
    starts = read_slots(client.slots(slots_of(appointment)))
    if starts is None:
        return Slot.UNASKED
    start = to_millisecond(appointment.start_at)
    if start in starts:
        return Slot.OFFERED
    return Slot.UNAVAILABLE if _is_on_grid(start, starts) else Slot.UNPROVEN


def slots_of(appointment: Appointment) -> Params:
    """Return the query of GET /v2/slots for the appointment's event type on its day.

    It spans whole days: Cal.com's grid begins at the start of the query, so a narrower query may have another grid.
    """
    midnight = appointment.start_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    query: dict[str, str | int] = {
        **event_type(appointment),
        "start": instant(midnight),
        "end": instant(midnight + timedelta(days=2)),
    }
    if appointment.length_in_minutes is not None:
        query["duration"] = appointment.length_in_minutes
    return query


def read_slots(answer: Answer | NoAnswer) -> frozenset[datetime] | None:
    """Return the starts that `answer` to GET /v2/slots offers, in UTC; None: it shows no slots."""
    if isinstance(answer, NoAnswer) or answer.status != 200 or answer.truncated:
        return None
    shown = _shown(answer)
    return None if shown is None else frozenset(start for start, _ in shown)


def free_starts(answer: Answer | NoAnswer) -> list[datetime] | None:
    """Return the starts that somebody can book by `answer` to GET /v2/slots, in UTC and in order; None: it shows none.

    A seated time that is full is offered all the same (seen); it is left out.
    """
    if isinstance(answer, NoAnswer) or answer.status != 200 or answer.truncated:
        return None
    shown = _shown(answer)
    return None if shown is None else sorted({start for start, slot in shown if slot.get("seatsRemaining") != 0})


def _shown(answer: Answer) -> list[tuple[datetime, Mapping[str, Any]]] | None:
    days = object_of(parse(answer.body)).get("data")
    if not isinstance(days, dict) or not all(isinstance(day, list) for day in days.values()):
        return None
    slots = [(read_instant(slot.get("start")), slot) for day in days.values() for slot in day if isinstance(slot, dict)]
    return [(start, slot) for start, slot in slots if start is not None]


def seats_left(answer: Answer | NoAnswer, start: datetime) -> int | None:
    """Return how many seats `answer` to GET /v2/slots shows as free at `start`; None: it shows none of that.

    A time that is full is offered all the same, and a time without any seat taken shows no number (seen).
    """
    if isinstance(answer, NoAnswer) or answer.status != 200 or answer.truncated:
        return None
    days = object_of(object_of(parse(answer.body)).get("data")).values()
    slots = [object_of(slot) for day in days for slot in list_of(day)]
    left = [slot.get("seatsRemaining") for slot in slots if read_instant(slot.get("start")) == to_millisecond(start)]
    return integer(left[0]) if left else None


def _is_on_grid(start: datetime, offered: frozenset[datetime]) -> bool:
    """Return whether Cal.com would offer a start if it were free: it never offers a start off its grid."""
    first = min(offered, default=start)
    step = gcd(*(int((other - first).total_seconds()) for other in offered))
    return step > 0 and (start - first).total_seconds() % step == 0
