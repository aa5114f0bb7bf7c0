"""The statement of a move: what it sets by itself, and where it expects its row; of a booking, and of a change."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from db.connection import Setters
from db.lifecycle import LIVE, UNASKABLE, ChangeStatus, Status
from db.sql import prepared

AT_WORK = frozenset({Status.BOOKING, ChangeStatus.CHANGING})
_NOT_BOOKED = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
_SENT_FOR = frozenset({Status.PENDING, Status.RETRYING})


@lru_cache(maxsize=256)
def move_sql(origins: frozenset[Status], to: Status, given: Setters) -> str:
    """Return the statement that moves a booking, with the columns that are given."""
    columns = own_setters(to) | _setters_of_booking(to) | dict(given)
    conditions = []
    if to in _NOT_BOOKED and origins <= LIVE and "calcom_booking_uid" not in columns:
        conditions.append("calcom_booking_uid IS NULL")  # a late answer has come: its next claim confirms it
        if to is Status.CANCELLED and Status.BOOKING in origins:
            conditions.append("cancel_requested")  # the caller may have asked again, and taken it back
    return filled(prepared("move"), origins, columns, conditions)


@lru_cache(maxsize=64)
def telling(sql: str) -> str:
    """Return the statement of a confirmation that also ends those who wait in the line for its time."""
    return sql.replace("/* taken */", "," + prepared("taken"))


def filled(sql: str, origins: Collection[str], columns: Mapping[str, str], conditions: Sequence[str] = ()) -> str:
    """Return the statement of a move with the columns that it sets, and where the row is expected."""
    claimed = [f"(status <> '{name}' OR claim_token = %(claim_token)s)" for name in AT_WORK.intersection(origins)]
    still_there = [f"status IN ({_listed(origins)})", *claimed, *conditions]
    written = ", ".join(f"{name} = {value}" for name, value in columns.items())
    return sql.replace("/* changes */", written).replace("/* conditions */", " AND ".join(still_there))


def own_setters(to: str) -> dict[str, str]:
    """Return what each move sets by itself unless it is given, as SQL."""
    sent = {"enqueued_at": "now()"} if to in _SENT_FOR else {}
    return {
        "hold_reason": "NULL",
        "held_at": "now()" if to == Status.HELD else "NULL",
        "hold_until": "NULL",
        "held_for": "NULL",
        "next_attempt_at": "NULL",
        **sent,
    }


def _setters_of_booking(to: Status) -> dict[str, str]:
    own = {}
    if to not in _SENT_FOR:  # kept where it was delivered: evidence of how far the queue has come (see sql/unsent.sql)
        own["enqueued_at"] = f"CASE WHEN status NOT IN ({_listed(_SENT_FOR)}) THEN enqueued_at END"
    if to is Status.CONFIRMED:
        own["outcome_unknown"] = "false"
    if to is Status.PENDING:
        unasked = f"outcome_unknown AND hold_reason IN ({_listed(UNASKABLE)})"
        own["askable_since"] = f"CASE WHEN {unasked} THEN now() ELSE askable_since END"
    return own


def _listed(members: Collection[str]) -> str:
    return ", ".join(f"'{member}'" for member in sorted(members))
