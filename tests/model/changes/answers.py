"""What Cal.com answers and shows in the model's states, as bytes that the product reads itself."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from db.changes.change import SeriesPart
from tasks.calcom.changes.cancel import read_cancel
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.changes.reschedule import read_reschedule
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import CalcomReads, ReadRequest
from tasks.calcom.reply import SettleAfter
from tasks.changes.lookup import ChangeLook, look_at_booking, look_at_seat, look_at_series
from tests.model.changes.state import GONE, Place, Places, lives
from tests.support.calcom.answers import DB, ISE, NO_SEAT, NO_UID, TAKEN_USER, created, refused, shown

DAY_ZERO = datetime(2031, 4, 1, 9, tzinfo=UTC)
NOW = DAY_ZERO + timedelta(hours=12)  # a week at start 0 is over
BAD = "BadRequestException"


def moment(start: int) -> datetime:
    """Return the instant of a start."""
    return DAY_ZERO + timedelta(days=start)


_REFUSALS = {
    "500": ISE,
    "database": DB,
    "taken": TAKEN_USER,
    "again": (400, BAD, "Can't cancel booking with uid=a because it has been cancelled already. ..."),
    "moved": (400, BAD, "Can't reschedule ... and rescheduled already to booking with uid=b. ..."),
    "cancelled": (400, BAD, "Can't reschedule booking with uid=a because it has been cancelled. ..."),
    "declined": (404, "B", "Could not find original booking"),
    "no seat to cancel": (400, BAD, "Invalid seatUid: this seat does not exist or has already been cancelled."),
    "no seat": (404, "NotFoundException", "Seat with uid=a does not exist."),
    "raced": (404, "NOT_FOUND", "Invalid Query: The requested record was not found."),
    "over": (400, "B", "Cannot cancel a booking that has already ended"),
    "no booking": (404, "NotFoundException", "Booking with uid=a not found"),
}  # fmt: skip
_NONE = {
    "none": NoAnswer(sent=True, error_type="timeout", message="", elapsed=40),
    "not sent": NoAnswer(sent=False, error_type="connect", message="", elapsed=1),
}


def _answer(reply: str, status: int) -> Answer | NoAnswer:
    if reply in _NONE:
        return _NONE[reply]
    if reply in _REFUSALS:
        return refused(_REFUSALS[reply])
    booking = json.loads(reply)
    return created(json.dumps(booking)) if status == 201 else shown(json.dumps(booking))


@cache
def read(reply: str, wanted: int | None, who: int, seat: str | None) -> tuple[ChangeAnswer, bool]:
    """Return what the product reads in an answer, and whether Cal.com itself has given it."""
    found: ChangeReply
    if wanted is None:
        found = read_cancel(_answer(reply, 200), seat_uid=seat)
    else:
        found = read_reschedule(_answer(reply, 201), reference=f"r{who}", start=moment(wanted), seat=seat is not None)
    return found.answer, found.settle_after is SettleAfter.ANSWERED


def forget() -> None:
    """Forget what was read: the product reads otherwise from now on."""
    read.cache_clear()
    _looked.cache_clear()


def booking(places: Places, uid: int, *, seated: bool, moved: Place | None = None) -> dict[str, Any]:
    """Return a booking as Cal.com shows it; `moved` is the seat that a POST has moved, as it is now."""
    place = moved or places[uid]
    view: dict[str, Any] = {
        "uid": f"u{place.booking if seated else uid}",
        "status": place.status,
        "start": moment(place.start).isoformat(),
    }
    if not seated:
        successor = {} if place.to == GONE else {"rescheduledToUid": f"u{place.to}"}
        return {**view, "metadata": {"ref": f"r{place.who}"}, **successor}
    inside = [n for n, one in enumerate(places) if one.booking == place.booking and lives(one)]
    seats = [{"seatUid": f"s{n}", "metadata": {"ref": f"r{places[n].who}"}} for n in inside]
    return {**view, "attendees": seats, **({"seatUid": f"s{uid}"} if moved else {})}


class _Reads(CalcomReads):
    """Answer the GETs of a lookup from one snapshot."""

    def __init__(self, places: Places, *, seated: bool) -> None:
        self._places = places
        self._seated = seated

    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        name = request.path.rpartition("/")[2]
        if name == "series":
            weeks = [booking(self._places, uid, seated=False) for uid in range(len(self._places))]
            return shown(json.dumps(weeks))
        uid = int(name[1:])
        if uid >= len(self._places) or (self._seated and not lives(self._places[uid])):
            return refused(NO_SEAT if self._seated else NO_UID)
        return shown(json.dumps(booking(self._places, uid, seated=self._seated)))


def looked(
    places: Places, uid: int, who: int, wanted: int | None, kind: str, meant: tuple[SeriesPart | None, tuple[int, ...]]
) -> ChangeLook:
    """Return what a lookup shows of a snapshot, as the product reads it.

    `meant`: the part of a series that is cancelled, and the weeks that a POST has named.
    """
    return _looked(places, uid, who, wanted, kind, meant)


@cache
def _looked(
    places: Places, uid: int, who: int, wanted: int | None, kind: str, meant: tuple[SeriesPart | None, tuple[int, ...]]
) -> ChangeLook:
    at = None if wanted is None else moment(wanted)
    reads = _Reads(places, seated=kind == "seats")
    if kind == "series" and wanted is None:
        part, named = meant
        return look_at_series(reads, "series", since=NOW, part=part, named=[f"u{week}" for week in named])
    if kind == "seats":
        home = f"u{places[uid].booking}" if uid < len(places) else ""
        return look_at_seat(reads, home, f"s{uid}", wanted=at)
    return look_at_booking(reads, f"u{uid}", reference=f"r{who}", wanted=at)
