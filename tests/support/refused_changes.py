"""What is refused of a cancel or a move, each in its own sentence: one table for every way in which it is asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from db.changes import asking
from db.lifecycle import Status
from db.models.changes import booking_changes
from tasks.booking import book_appointment
from tasks.changes.ask.ask import AskOutcome
from tests.support.accounts.making import close_account, make_account
from tests.support.fleet import request
from tests.support.stepping import accept
from worker import cancel_booking

LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)
PAST, NAIVE, HOUR = datetime(2020, 1, 1, tzinfo=UTC), LATER.replace(tzinfo=None), timedelta(hours=1)
SPLIT = LATER + timedelta(seconds=0.5)
ACCOUNT = "salon-7"
SEATED, SEATS = 103, 3  # an event type, and how many have room at one of its times


class Refusal(NamedTuple):
    """How a booking stands, the wanted start (None: its own, or a cancel), and what is heard of the refusal.

    `problem` is that of HTTP (None: the same wish again is no fault there); a key sees no booking of another key's.
    """

    state: str
    start: datetime | None
    outcome: AskOutcome
    said: str
    problem: str | None


_O = AskOutcome
REFUSALS: dict[str, Refusal] = {
    "cancel of what is over": Refusal("over", None, _O.OVER, "has taken place already", "over"),
    "cancel of what is cancelled": Refusal("cancelled", None, _O.ENDED, "is cancelled already", None),
    "cancel of what ended unbooked": Refusal("rejected", None, _O.ENDED, "is rejected for good", "ended"),
    "move of what is over": Refusal("over", LATER, _O.OVER, "has taken place already", "over"),
    "move of what is cancelled": Refusal("cancelled", LATER, _O.ENDED, "is cancelled already", "ended"),
    "move of what ended unbooked": Refusal("failed", LATER, _O.ENDED, "has failed and was never booked", "ended"),
    "move to the same start": Refusal("waits", None, _O.SAME_START, "has this start already", "same-start"),
    "move of a series": Refusal("series", LATER, _O.SERIES, "is a series", "series"),
    "move into the past": Refusal("booked", PAST, _O.PAST, "past or too near", "invalid"),
    "move to a time without offset": Refusal("booked", NAIVE, _O.NO_OFFSET, "needs its offset", "invalid"),
    "move into a second": Refusal("booked", SPLIT, _O.NOT_WHOLE, "a whole second", "invalid"),
    "move of what is being cancelled": Refusal(
        "cancelling", LATER, _O.BEING_CANCELLED, "is being cancelled", "being-cancelled"
    ),
    "move of another account's": Refusal(
        "other account", LATER, _O.OTHER_ACCOUNT, "belongs to another account", "no-such-booking"
    ),
    "cancel of a closed account's": Refusal(
        "closed account", None, _O.ACCOUNT_CLOSED, "its account is closed: nothing goes to Cal.com", "scope"
    ),
    "move of a closed account's": Refusal(
        "closed account", LATER, _O.ACCOUNT_CLOSED, "its account is closed: nothing goes to Cal.com", "scope"
    ),
    "move to another request's start": Refusal(
        "twin", LATER, _O.TAKEN_BY_OWN, "another request for that start", "taken-by-own"
    ),
}
_NOT_FOUND, _WHEN = "I cannot find that appointment", "Which day and time would you like?"
SPOKEN: dict[str, str] = {  # by a voice agent: the next thing to say
    "cancel of what is over": _NOT_FOUND,  # it looks for none that has begun
    "cancel of what is cancelled": "It is cancelled already.",
    "cancel of what ended unbooked": "I could not book it.",
    "move of what is over": _NOT_FOUND,
    "move of what is cancelled": "It is cancelled.",
    "move of what ended unbooked": "I could not book it.",
    "move to the same start": "I have your request for ",
    "move of a series": "It is a series, which I cannot move from here.",
    "move into the past": _WHEN,
    "move into a second": _WHEN,
    "move of what is being cancelled": "I have noted that you cancel",
    "move of another account's": _NOT_FOUND,
    "move to another request's start": "You have another request for that time already.",
}
UNSAID: dict[tuple[str, str], str] = {  # a refusal that a face has no way to ask for, and why
    ("move of another account's", "page"): "a viewer sees the bookings of each account, and names none",
    **dict.fromkeys(
        [("cancel of a closed account's", "voice"), ("move of a closed account's", "voice")],
        "a key finds bookings of its own account alone: test_api_accounts.py",
    ),
    ("move to a time without offset", "voice"): "it is a time of the time zone that the agent's address names",
}


_BOOKED: dict[str, dict[str, Any]] = {
    "over": {"start_at": -3 * HOUR, "length_in_minutes": 30},
    "series": {"series_uid": "series-1"},
    "booked": {},
}


def booked(record: Any, **columns: Any) -> Any:
    """Make a booking that Cal.com has."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid=f"uid-{next(record.numbers)}")
    if columns:
        record.write(row.id, **columns)
    return record.read(row.id)


def stored(record: Any) -> list[Any]:
    """Return all changes."""
    columns = booking_changes.c
    with record.engine.connect() as conn:
        return list(conn.execute(select(columns.kind, columns.status).order_by(columns.id)).all())


def made(record: Any, state: str, **owner: Any) -> Any:
    """Make a booking in a state; `owner` are the columns that say who has asked for it."""
    match state:
        case "over" | "series" | "booked":
            return booked(record, **_BOOKED[state], **owner)
        case "waits":
            return record.keep(**owner)
        case "other account":
            return booked(record)
        case "closed account":
            return of_closed_account(record, **owner)
        case "cancelling":
            row = booked(record, **owner)
            cancel_booking(row.id)
            return record.read(row.id)
        case "twin":
            row = record.keep(key_derived=True, **owner)
            with record.engine.begin() as conn:
                wanted = asking.at_start(row, LATER, lead_seconds=0)
                assert not asking.is_taken(conn, row, wanted)
            record.keep(key_derived=True, idempotency_key=wanted["idempotency_key"], **owner)
            return row
    row = record.moved(Status(state))
    record.write(row.id, **owner or {"cancel_requested": False})
    return record.read(row.id)


def of_closed_account(record: Any, **owner: Any) -> Any:
    """Make a booking that Cal.com has, of an account that is closed afterwards."""
    number, name = make_account(record.engine)
    row = record.keep(account=name, **owner)
    record.write(row.id, status=Status.CONFIRMED, enqueued_at=None, calcom_booking_uid=f"uid-{row.id}")
    close_account(record.engine, number)
    return record.read(row.id)


def seat_beside_a_full_time(record: Any, **owner: Any) -> Any:
    """Make a seat at Cal.com, and have each seat of LATER taken by somebody else."""
    own, *others = (next(record.numbers) for _ in range(1 + SEATS))
    ids = accept(request(own, SEATED), *(request(number, SEATED, start=LATER) for number in others))
    for one in ids:
        book_appointment.apply([one])
    if owner:
        record.write(ids[0], **owner)
    assert {record.read(one).status for one in ids} == {Status.CONFIRMED}
    return record.read(ids[0])
