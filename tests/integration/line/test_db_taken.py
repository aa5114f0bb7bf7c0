"""One time: when it is got, those who wait for it hear so with the confirmation, and Cal.com is not asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from db.appointments import event_types, events
from db.appointments.event_types import EventKind, ShownType
from db.appointments.there.confirmations import Confirmation, confirm_together
from db.appointments.there.places import BookedThere, record_places
from db.lifecycle import HoldReason, Status
from db.models.calcom import calcom_event_types
from tests.support.accounts.making import make_account

START = datetime(2031, 3, 3, 9, tzinfo=UTC)
ONE = ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=False)
UNKNOWN: dict[str, Any] = {"outcome_unknown": True, "sent_at": START, "settle_at": START}
HELD = {"hold_reason": HoldReason.BREAKER_OPEN}


def show(record: Any, shown: ShownType = ONE, key: str = "key") -> None:
    """Have Cal.com show the type to a key."""
    with record.engine.begin() as conn:
        event_types.keep(conn, key, "110", shown)


def ask(record: Any, minute: float = 0, **columns: Any) -> int:
    """Keep a request for a time of the type."""
    start = {"event_type_id": 110, "start_at": START + timedelta(minutes=minute)}
    return int(record.keep(**{**start, **columns}).id)


def book(record: Any, booking: int, **there: Any) -> None:
    """Have a booking be confirmed."""
    assert record.move(record.claim(booking), Status.CONFIRMED, why="booked", **{"calcom_booking_uid": "uid", **there})


def statuses(record: Any, *ids: int) -> list[Status]:
    """Return where bookings stand."""
    return [record.read(one).status for one in ids]


@pytest.mark.parametrize("reason", [HoldReason.BREAKER_OPEN, HoldReason.THROTTLED])
@pytest.mark.parametrize("kind", [EventKind.PLAIN, EventKind.COLLECTIVE])
def test_who_waits_for_a_time_that_another_one_gets_hears_so_at_once(
    record: Any, kind: EventKind, reason: HoldReason
) -> None:
    """Who asked after it and who asked before, as taken, with an event; who wants another time goes on waiting."""
    show(record, ShownType(policy_kind=kind, confirms_free_email=False))
    first, won = ask(record), ask(record)
    record.write(first, status=Status.HELD, held_at=START, hold_reason=reason)
    second, other = ask(record, hold_reason=reason), ask(record, 30, hold_reason=reason)
    book(record, won)

    assert statuses(record, first, won, second, other) == ["rejected", "confirmed", "rejected", "held"]
    row = record.read(second)
    assert (row.error_type, row.hold_reason, row.held_at) == ("taken", None, None)
    with record.engine.connect() as conn:
        told = events.timeline(conn, second)[-1]
    assert (told.kind, told.by, told.detail) == (
        "rejected",
        "worker",
        {"why": "another request got its time", "called": False},
    )


@pytest.mark.parametrize(
    "shown",
    [
        None,
        ShownType(policy_kind=EventKind.ROUND_ROBIN, confirms_free_email=False),
        ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=False, seats=True),
        ShownType(policy_kind=EventKind.PLAIN),
        ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=True),
        ShownType(policy_kind=EventKind.CONFIRMATION, confirms_free_email=False),
        ShownType(policy_kind=EventKind.UNKNOWN),
    ],
    ids=["unknown", "hosts", "seats", "not told", "asks for free", "asks", "not shown"],
)
def test_where_a_type_may_take_more_nobody_is_ended_for_another_one(record: Any, shown: ShownType | None) -> None:
    """Cal.com is asked, as before."""
    if shown:
        show(record, shown)
    won, second = ask(record), ask(record, **HELD)
    book(record, won)

    assert statuses(record, second) == ["held"]


@pytest.mark.parametrize(("hours", "status"), [(23, "rejected"), (25, "held")])
def test_what_was_shown_of_a_type_more_than_a_day_ago_ends_nobody(record: Any, hours: float, status: str) -> None:
    """It may take more by now."""
    show(record)
    won, second = ask(record), ask(record, **HELD)
    with record.engine.begin() as conn:
        asked_at = datetime.now(UTC) - timedelta(hours=hours)
        conn.execute(update(calcom_event_types).values(asked_at=asked_at))
    book(record, won)

    assert statuses(record, second) == [status]


@pytest.mark.parametrize(
    "columns",
    [
        {"status": Status.PENDING, "hold_reason": None, "held_at": None},
        {"status": Status.RETRYING, "hold_reason": None, "held_at": None},
        UNKNOWN,
        {**UNKNOWN, "hold_reason": HoldReason.SETTLING, "hold_until": START},
        {"hold_reason": HoldReason.UNREACHABLE},
        {"hold_reason": HoldReason.CONFIGURATION, "held_for": "set"},
        {"hold_reason": HoldReason.PAUSED},
        {"calcom_booking_uid": "its own"},
        {"cancel_requested": True},
        {"move_requested": True},
        {"event_type_id": 111},
    ],
    ids=[
        "sent",
        "tried again",
        "unclear",
        "settling",
        "unreachable",
        "misled",
        "paused",
        "booked",
        "unwanted",
        "to be moved",
        "another type",
    ],
)
def test_who_does_not_wait_for_that_time_in_the_line_is_not_ended(record: Any, columns: dict[str, Any]) -> None:
    """A worker, a look or a person says what becomes of it; another type's, whose number is no matter, waits on."""
    show(record)
    won, second = ask(record), ask(record, **HELD)
    record.write(second, **columns)
    before = record.read(second).status
    book(record, won)

    assert statuses(record, second) == [before]


def test_whom_somebody_is_moving_is_not_waited_for(record: Any) -> None:
    """The confirmation stands, and who has the row decides."""
    show(record)
    won, second, third = ask(record), ask(record, **HELD), ask(record, **HELD)
    claimed = record.claim(won)
    with record.engine.begin() as conn:
        conn.exec_driver_sql(f"SELECT FROM appointments WHERE id = {second} FOR UPDATE")
        try:
            record.move(claimed, Status.CONFIRMED, why="booked", calcom_booking_uid="uid")
        except OperationalError as refused:
            pytest.fail(str(refused))

    assert statuses(record, won, second, third) == ["confirmed", "held", "rejected"]


@pytest.mark.parametrize(
    "won",
    [{"awaits_host": True}, {"cancel_requested": True}, {"booked_start_at": START + timedelta(hours=5)}],
    ids=["pending there", "to be cancelled", "elsewhere"],
)
def test_a_booking_that_may_not_keep_the_time_ends_nobody(record: Any, won: dict[str, Any]) -> None:
    """Its host may decline it; its cancel frees the time; or it is at another one."""
    show(record)
    first, second = ask(record), ask(record, **HELD)
    if "cancel_requested" in won:
        record.write(first, **won)
    book(record, first, **{name: value for name, value in won.items() if name != "cancel_requested"})

    assert statuses(record, second) == ["held"]


@pytest.mark.parametrize(
    ("minute", "length", "status"),
    [
        (0, None, "rejected"),
        (29, 15, "rejected"),
        (30, 15, "held"),
        (-14, 15, "rejected"),
        (-15, 15, "held"),
        (-14, None, "held"),
    ],
)
def test_a_time_reaches_as_far_as_the_requests_name_their_lengths(
    record: Any, minute: int, length: int | None, status: str
) -> None:
    """Of half an hour; a length that only Cal.com knows is none."""
    show(record)
    won, second = ask(record, length_in_minutes=30), ask(record, minute, length_in_minutes=length, **HELD)
    book(record, won)

    assert statuses(record, second) == [status]


def test_those_who_are_confirmed_together_look_for_nobody_in_the_line(record: Any) -> None:
    """They were not in it themselves: who waits asks Cal.com, as before."""
    show(record)
    won = [ask(record, 60 * hour) for hour in range(3)]
    second = [ask(record, 60 * hour, **HELD) for hour in range(4)]
    claimed = [record.claim(one) for one in won]
    ends = [
        Confirmation(one.id, one.claim_token, "booked", {}, {"calcom_booking_uid": f"uid-{one.id}"}) for one in claimed
    ]
    with record.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        assert confirm_together(conn, ends) == [True] * 3

    assert statuses(record, *second) == ["held"] * 4


def test_a_move_gets_its_time_as_a_booking_does(record: Any) -> None:
    """When it is seen there: who waits for it is told; who waits for what it has given up is not."""
    show(record)
    moved = ask(record)
    book(record, moved)
    old, new = ask(record, **HELD), ask(record, 60, **HELD)
    there = BookedThere("uid-2", start=START + timedelta(minutes=60), awaits_host=False)
    with record.engine.begin() as conn:
        record_places(conn, [(record.read(moved), there)], by="worker", why="moved")

    assert statuses(record, moved, old, new) == ["confirmed", "held", "rejected"]


def test_another_account_has_times_of_its_own(record: Any) -> None:
    """Also of an event type with the same number."""
    show(record)
    _, name = make_account(record.engine)
    won, second = ask(record), ask(record, account=name, **HELD)
    book(record, won)

    assert statuses(record, second) == ["held"]
