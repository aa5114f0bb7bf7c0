"""The steps that a booking can take next: to a state, with what is written then, or to Cal.com with a POST."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from db.lifecycle import Status
from tasks.calcom.meaning import Meaning

# What a row says of itself once it is certain what Cal.com has done.
KNOWN: dict[str, Any] = {"outcome_unknown": False, "settle_at": None, "refusal": None, "looks": 0}


@dataclass(frozen=True, slots=True)
class In:
    """Stand for a moment this many seconds from Postgres's now; negative is before it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Next:
    """Say where a row goes, with which columns, and after how many seconds its task comes again (None: it does not)."""

    to: Status
    why: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    retry_in: float | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """Say that the booking may be posted now; `retry` when that costs one."""

    retry: bool = False


def confirmed(uid: str | None, seat_uid: str | None, why: str) -> Next:
    """Return the move of a booking that Cal.com holds under `uid`."""
    changes = {"calcom_booking_uid": uid, "calcom_seat_uid": seat_uid, "last_error": None, "error_type": None}
    return Next(Status.CONFIRMED, why, changes | KNOWN)


def cancelled_unbooked() -> Next:
    """Return the move of a booking that the operator has cancelled and Cal.com has not."""
    return Next(Status.CANCELLED, "not booked, and cancelled by the operator", KNOWN)


def rejected(meaning: Meaning | None, message: str, uid: str | None) -> Next:
    """Return the move of a booking that Cal.com refuses for good; `uid` is the booking that was there before."""
    what = {
        Meaning.ANOTHERS: "already booked for this attendee",
        Meaning.TAKEN: "the slot is taken",
        Meaning.LIMIT: "a limit is reached",
    }.get(meaning or Meaning.REFUSED, "refused")
    said = f"{what}: {message}" if message else what
    there = {} if uid is None else {"calcom_booking_uid": uid}
    return Next(Status.REJECTED, said, {"last_error": said, "error_type": "refused"} | there | KNOWN)
