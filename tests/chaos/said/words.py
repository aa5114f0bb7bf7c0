"""What callers were told: each answer is read by its fields and codes into what it claims, with its moment. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from db.lifecycle import FINAL, OVER, ChangeStatus, Status
from db.models.changes import ChangeKind

OPEN = timedelta(seconds=6)  # from an event until its commit is seen: Postgres is frozen for five seconds at most
_OF_THE_BOOKING = "booking."
_REQUESTED, _DEGRADED = "booking.requested", "booking.degraded"


class Face(StrEnum):
    """Where it was said."""

    HTTP = "HTTP"
    VOICE = "voice"
    CALLBACK = "a callback"


class Claim(StrEnum):
    """What is claimed. The last three are of voice agents alone, and their own judge's."""

    BOOKED = "booked"
    MOVED = "moved there once"
    TAKEN = "taken"
    NOTED = "noted"
    STANDS = "noted, and the booking stands"
    MOVE_TAKEN = "not moved, for the new start is taken"
    NOT_MOVED = "not changed, and the booking stands"
    NOT_THERE = "not moved there"
    NOT_BOOKED = "not booked"
    CANCELLED = "cancelled"
    UNKNOWN_BOOKING = "no booking is meant"
    NOTHING = "nothing"
    OUT_OF_PLACE = "out of place"


@dataclass(frozen=True, kw_only=True)
class Word:
    """One thing that a caller was told.

    It was asked for, and heard, then; a callback was stored and taken then. `start`: of which start it speaks, as
    Cal.com writes it; None: of any. `old`: at which start the booking stands; None: at any. `since`: from when on the
    word may be of the world as it was, the question or when the change was asked for that is told as under way; None:
    the answer does not say whether one is. `is_stored`: whether what was noted was there right after; None: nobody
    looked. `status` is the code that was told, and `change` of which change; None: of the booking. `corrects`: which
    callback is taken back.
    """

    face: Face
    booking: int
    claim: Claim
    asked: datetime
    heard: datetime
    since: datetime | None
    status: str
    start: str | None = None
    old: str | None = None
    change: int | None = None
    corrects: str | None = None
    is_stored: bool | None = None

    @property
    def is_final(self) -> bool:
        """Return whether the code says that this is the end."""
        return self.status in (FINAL if self.change is None else OVER)

    def words(self) -> str:
        """Return what was said where and when, as a verdict tells it."""
        of = "" if self.change is None else f"change {self.change} is "
        at = "" if self.start is None else f" at {self.start}"
        return f"{self.face} said at {self.heard.isoformat()}: {of}{self.status}{at} ({self.claim})"


def of_booking(document: Mapping[str, Any], asked: datetime, heard: datetime) -> Iterator[Word]:
    """Read the document of a booking, with that of its newest change if one is in it."""
    change, status = document.get("change"), Status(document["status"])
    since = asked if change is None or change["final"] else min(asked, moment(change["requested_at"]))
    claim = _OF_A_BOOKING.get(status, Claim.NOTED)
    yield Word(
        face=Face.HTTP,
        booking=document["id"],
        claim=claim,
        asked=asked,
        heard=heard,
        since=since,
        status=status,
        start=written(moment(document["start"])) if claim is Claim.BOOKED else None,
    )
    if change is not None:
        yield of_change(change, asked, heard)


def of_change(document: Mapping[str, Any], asked: datetime, heard: datetime) -> Word:
    """Read the document of a change; some weeks of a series are claimed by nobody here."""
    wanted = None if document["start"] is None else written(moment(document["start"]))
    return Word(
        face=Face.HTTP,
        booking=document["booking"],
        claim=_of_a_change(ChangeStatus(document["status"]), wanted, is_part=document["scope"] is not None),
        asked=asked,
        heard=heard,
        since=asked,
        status=document["status"],
        start=wanted,
        change=document["id"] or 0,
    )


def of_retell(document: Mapping[str, Any], asked: datetime, heard: datetime) -> Word:
    """Read what Retell is told beside a sentence: how the booking stands, also while a change of it is under way."""
    status = Status(document["status"])
    return Word(
        face=Face.VOICE,
        booking=document["booking"],
        claim=_OF_A_BOOKING.get(status, Claim.NOTED),
        asked=asked,
        heard=heard,
        since=None,
        status=status,
        start=written(moment(document["start"])),
    )


def of_callback(body: Mapping[str, Any], heard: datetime) -> Iterator[Word]:
    """Read a callback's body; of a change that was not done, it says how the booking stands."""
    data, stored = body["data"], moment(body["timestamp"])
    change = data.get("change")
    [word] = of_booking({**data, "change": None}, stored, heard)
    yield replace(word, face=Face.CALLBACK, corrects=data["corrects"])
    if change is not None:
        is_cancel = change["kind"] == ChangeKind.CANCEL
        yield Word(
            face=Face.CALLBACK,
            booking=data["id"],
            claim=Claim.NOTHING if is_cancel else Claim.NOT_THERE,
            asked=stored,
            heard=heard,
            since=stored,
            status=change["status"],
            change=change["id"],
        )


def _of_a_change(status: ChangeStatus, wanted: str | None, *, is_part: bool) -> Claim:
    if status not in OVER:
        return Claim.NOTED
    if status is ChangeStatus.DONE:
        return Claim.NOTHING if is_part else Claim.CANCELLED if wanted is None else Claim.MOVED
    return Claim.NOTHING if wanted is None else Claim.NOT_THERE  # whether the booking stands, its own code says


def moment(text: str) -> datetime:
    """Read an instant of the API's."""
    return datetime.fromisoformat(text)


def written(at: datetime) -> str:
    """Return a start as Cal.com's books have it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_OF_A_BOOKING: Mapping[Status, Claim] = {
    Status.CONFIRMED: Claim.BOOKED,
    Status.CANCELLED: Claim.CANCELLED,
    Status.REJECTED: Claim.NOT_BOOKED,
    Status.FAILED: Claim.NOT_BOOKED,
    Status.EXPIRED: Claim.NOT_BOOKED,
}
