"""No search of one account finds another account's row: by key, uid, attendee, time or reference, whatever is alike."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from booking_client.states import DEFAULT_ACCOUNT
from db import appointments
from db.appointments import event_types as types
from db.appointments import events, others, queue, search, sweeps
from db.appointments.appointment import Appointment
from db.audits import bookings, doubles, restored
from db.audits.restored import RestoredBooking
from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status
from db.queue import sweeps as queue_sweeps
from db.queue import waits
from db.queue.kinds import BOOKINGS
from tests.support.accounts.making import make_account

Pair = tuple[Appointment, Appointment]
BEGIN, END = datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 2, 1, tzinfo=UTC)
AT = datetime(2031, 1, 7, 9, 0, tzinfo=UTC)


@pytest.fixture
def pair(record: Any) -> Pair:
    """The same request at `default` and at another account: type, start, attendee and key are alike."""
    _, name = make_account(record.engine)
    alike = {"idempotency_key": "order-1", "attendee_email": "ann@example.com", "start_at": AT, "payload_hash": "hash"}
    return record.keep(**alike), record.keep(**alike, account=name)


@pytest.fixture
def name(record: Any, pair: Pair) -> str:
    """Name the other account."""
    with record.engine.connect() as conn:
        found: str = conn.execute(text("SELECT calcom_account_name(:id)"), {"id": pair[1].account_id}).scalar_one()
    return found


@pytest.mark.parametrize("derived", [False, True])
def test_a_key_is_known_in_its_account_alone(record: Any, derived: Any) -> None:
    """The first of each account is kept, and each gets its own row when it asks again, all in one batch."""
    _, name = make_account(record.engine)
    key = {"idempotency_key": "order-2", "key_derived": derived, "payload_hash": "hash"}
    asked = [record.new(**key), record.new(**key, account=name)]

    with record.engine.begin() as conn:
        first = appointments.insert(conn, asked)
        again = appointments.insert(conn, asked)
        alone = [appointments.insert(conn, [one])[0] for one in asked]

    assert [one.created for one in first] == [True, True]
    assert len({one.appointment.id for one in first}) == 2
    assert [one.created for one in (*again, *alone)] == [False] * 4
    assert [one.appointment.id for one in again] == [one.appointment.id for one in first]
    assert [one.appointment.id for one in alone] == [one.appointment.id for one in first]


def test_a_known_request_takes_back_no_other_accounts_cancel(record: Any, pair: Any, name: str) -> None:
    """The row with the same key was to be cancelled, and still is, also when its account asks for another one."""
    own, other = pair
    second = record.keep(idempotency_key="order-2", key_derived=True, account=name)
    for row in pair:
        record.write(row.id, key_derived=True, cancel_requested=True)
    asked = [record.new(idempotency_key="order-1", key_derived=True)]
    asked.append(record.new(idempotency_key="order-2", key_derived=True, account=name))

    with record.engine.begin() as conn:
        known = appointments.insert(conn, asked)

    assert [one.appointment.id for one in known] == [own.id, second.id]

    assert [record.read(row.id).cancel_requested for row in (own, other)] == [False, True]


class Search(NamedTuple):
    """A search: what it finds for the account of one of a pair of rows, each finding as ids, and how both rows stand.

    `before` writes what else there is, given the pair.
    """

    finds: Callable[[Connection, Appointment, Pair], Iterable[Iterable[int]]]
    stand: Mapping[str, Any] = MappingProxyType({})
    before: Callable[[Connection, Pair], object] = lambda _conn, _pair: None


def ids(rows: Iterable[Any]) -> list[int]:
    """Return the ids of rows."""
    return [row.id for row in rows]


def by_key(conn: Connection, row: Appointment, _: Pair) -> Iterator[list[int]]:
    """Find the booking of a key: by the account's name, or as a caller of before, who knows of `default` alone."""
    name = None
    if row.account_id != DEFAULT_ACCOUNT:
        name = conn.execute(text("SELECT calcom_account_name(:id)"), {"id": row.account_id}).scalar_one()
    yield ids(filter(None, [appointments.find(conn, "order-1", account=name)]))


def by_each_name(conn: Connection, row: Appointment, pair: Pair) -> Iterator[list[int]]:
    """Search by what both rows have, and by what one of them has."""
    for wanted in ("order-1", "uid-1", "shared"):
        yield ids(search.find(conn, wanted, account=row.account_id))
    for names in ([str(one.id) for one in pair], [str(one.uuid) for one in pair]):
        yield ids(found for name in names for found in search.find(conn, name, account=row.account_id))


def of_range(read: Callable[..., Iterable[Appointment]]) -> Any:
    """Read a range of starts, as an audit does."""
    return lambda conn, row, _: [ids(read(conn, BEGIN, END, account=row.account_id))]


def ended(conn: Connection, row: Appointment, _: Pair) -> Iterator[list[int]]:
    """Read what ended unconfirmed after it was unknown: of a range, and of all starts."""
    yield ids(bookings.ended_unknown_between(conn, BEGIN, END, account=row.account_id))
    yield ids(bookings.once_unknown(conn, account=row.account_id))


def by_references(conn: Connection, row: Appointment, pair: Pair) -> Iterator[list[int]]:
    """Read what a seated booking shows, in which two accounts may sit: ours, and what is left without the others'."""
    shown = [str(one.uuid) for one in pair]
    yield ids(bookings.by_references(conn, shown, account=row.account_id))
    others_of = bookings.of_other_accounts(conn, shown, account=row.account_id)
    yield ids(one for one in pair if str(one.uuid) not in others_of)


def begin_cancels(conn: Connection, pair: Pair) -> None:
    """Have somebody begin the cancel of a double of each."""
    for row in pair:
        events.record(conn, row.id, doubles.INTENT, "operator", {"uid": "uid", "seat": None})


def released(conn: Connection, row: Appointment, _: Pair) -> Iterator[list[int]]:
    """Let go what waits for a key or for settings that work now."""
    works = {"key": "key", "settings": "set", "key_works": True, "settings_work": True, "limit": 9}
    yield ids(queue_sweeps.release_due(conn, BOOKINGS, **works, account=row.account_id))


def see(conn: Connection, _: Pair) -> None:
    """Have the key of `default` see its type."""
    types.keep(conn, "key", "101", types.ShownType(policy_kind=EventKind.PLAIN, sight=True))


def missing(conn: Connection, row: Appointment, _: Pair) -> Iterator[list[int]]:
    """Look for a missing type, and let go what waits for it."""
    look = sweeps.missing_type(conn, key=f"key of {row.account_id}", settings="set", account=row.account_id)
    yield ids([look.row] if look else [])
    yield sweeps.of_missing_type(conn, look, settings="set", limit=9) if look else []


def first_to_try(conn: Connection, row: Appointment, _: Pair) -> Iterator[list[int]]:
    """Choose whose call shows whether the settings work."""
    yield [one.id for one in [waits.first_to_try(conn, settings="set", account=row.account_id)] if one is not None]


KEYS: Mapping[str, Mapping[str, Any]] = {
    "a given key": {},
    "a derived key": {"key_derived": True, "status": Status.PENDING},
    "an ended key": {"key_derived": True, "status": Status.FAILED},
}
ALIKE = {"calcom_booking_uid": "uid-1", "correlation_id": "shared"}
HELD = {"status": Status.HELD, "held_at": timedelta(minutes=-1), "enqueued_at": None}
SETTINGS = HELD | {"hold_reason": HoldReason.CONFIGURATION, "held_for": "set", "hold_until": timedelta(seconds=-1)}
MISSING = SETTINGS | {"held_at": timedelta(days=-999), "error_type": "no_event_type"}
UNKNOWN = {"status": Status.HELD, "hold_reason": HoldReason.SUSPECT, "held_at": AT, "sent_at": AT}
HOLDS = [
    *((HoldReason.CREDENTIALS, held_for) for held_for in ("aaa", "key", "zzz")),
    (HoldReason.BLIND_KEY, "key"),
    *((HoldReason.CONFIGURATION, held_for) for held_for in ("aaa", "set", "zzz")),
]
SEARCHES: Mapping[str, Search] = {
    **{f"find {key}": Search(by_key, stand) for key, stand in KEYS.items()},
    **{f"search {key}": Search(by_each_name, stand) for key, stand in KEYS.items()},
    "confirmed": Search(
        of_range(bookings.confirmed_between),
        {"status": Status.CONFIRMED, "sent_at": AT},
    ),
    "ended": Search(ended, {"status": Status.REJECTED, "sent_at": AT}),
    "held": Search(of_range(bookings.held_unknown_between), UNKNOWN),
    "references": Search(by_references),
    "cancels of doubles": Search(
        lambda conn, row, _: [[one for one, *_ in doubles.open_intents(conn, BEGIN, END, account=row.account_id)]],
        before=begin_cancels,
    ),
    **{f"released {why}-{of}": Search(released, HELD | {"hold_reason": why, "held_for": of}, see) for why, of in HOLDS},
    "missing type": Search(missing, MISSING),
    "first to try": Search(first_to_try, SETTINGS),
}


@pytest.mark.parametrize("searched", SEARCHES.values(), ids=SEARCHES)
def test_a_search_finds_the_row_of_its_account_alone(record: Any, pair: Pair, searched: Search) -> None:
    """Both rows stand alike: whichever account it is for, it finds that account's one."""
    for row in pair:
        record.write(row.id, **ALIKE, **searched.stand)
    with record.engine.begin() as conn:
        searched.before(conn, pair)

        found = [[[*finding] for finding in searched.finds(conn, row, pair)] for row in pair]

    assert [{*map(tuple, findings)} for findings in found] == [{(row.id,)} for row in pair]


def test_who_names_no_account_searches_all(record: Any, pair: Pair) -> None:
    """And finds both; in an account that is not there, nothing is found."""
    for stand in KEYS.values():
        for row in pair:
            record.write(row.id, **ALIKE, **stand)
        with record.engine.connect() as conn:
            found = [{*ids(search.find(conn, wanted))} for wanted in ("order-1", *ALIKE.values())]
            assert appointments.find(conn, "order-1", account="nobody") is None

        assert found == [{*ids(pair)}] * 3


def test_another_accounts_booking_is_not_what_was_booked_before(record: Any, pair: Any) -> None:
    """Neither by its reference nor by event type, start and attendee."""
    own, other = pair
    confirm(record, other)
    record.write(other.id, calcom_seat_uid="seat")
    record.write(own.id, sent_at=timedelta(minutes=5))
    row = record.read(own.id)

    with record.engine.connect() as conn:
        assert others.seat_before(conn, row) is None
        assert others.was_booked_before(conn, other.uuid, row) is None


def test_a_type_of_another_account_was_never_here(record: Any, pair: Any) -> None:
    """Its number is another type at another Cal.com: neither its bookings nor its key say anything."""
    _, other = pair
    confirm(record, other)
    confirm(record, record.keep(event_type_id=102))
    account = other.account_id

    with record.engine.begin() as conn:
        assert [types.was_here(conn, "101", account=number) for number in (1, account)] == [False, True]
        found = [[row.event_type for row in types.confirmed(conn, account=number)] for number in (1, account)]
        assert found == [["102"], ["101"]]
        types.learn_id(conn, "theirs", "7", 7, account=account)
        assert [types.was_here(conn, "7", account=number) for number in (1, account)] == [False, True]


def test_a_type_that_changed_for_another_account_is_as_it_was(record: Any, pair: Any) -> None:
    """What its key was shown is no evidence about ours."""
    _, other = pair
    shown, changed = (types.ShownType(policy_kind=kind) for kind in (EventKind.PLAIN, EventKind.COLLECTIVE))
    with record.engine.begin() as conn:
        types.keep(conn, "ours", "101", shown)
        for one in (shown, changed):
            types.keep(conn, "theirs", "101", one, account=other.account_id)
        found = types.known(conn, "ours", "101"), types.known(conn, "theirs", "101", account=other.account_id)

    assert [one.kind_changed_at is None for one in found if one] == [True, False]


def test_only_an_accounts_own_bookings_wait_for_its_call(record: Any, pair: Any) -> None:
    """For the harmless call, and for the look for a missing type."""
    _, other = pair
    key = {"status": Status.HELD, "held_at": AT, "hold_reason": HoldReason.CREDENTIALS, "held_for": "key"}
    settings = key | {"hold_reason": HoldReason.CONFIGURATION, "held_for": "set", "hold_until": timedelta(seconds=-1)}
    asked: dict[str, Any] = {"key": "key", "settings": "set", "fresh_seconds": 60}
    found = []
    for columns in (key, settings):
        record.write(other.id, **columns)
        with record.engine.connect() as conn:
            accounts = (1, other.account_id)
            found.append([tuple(waits.waiting_for_a_call(conn, **asked, account=number)) for number in accounts])

    assert found == [[(False, False), (True, False)], [(False, False), (False, True)]]


def test_a_failing_type_of_another_account_puts_nobody_back(record: Any, pair: Any) -> None:
    """Its type of the same number is another one; the row that failed is its own."""
    own, other = pair
    unknown = {"outcome_unknown": True, "sent_at": AT, "settle_at": AT, "error_type": "http_500"}
    record.write(other.id, status=Status.RETRYING, **unknown)
    record.write(own.id, status=Status.HELD, hold_reason=HoldReason.BREAKER_OPEN, held_at=AT)
    fresh = record.keep(event_type_id=102)
    record.write(fresh.id, status=Status.HELD, hold_reason=HoldReason.BREAKER_OPEN, held_at=AT)
    record.write(own.id, line_at=timedelta(-1))

    with record.engine.connect() as conn:
        assert [one for one, _ in queue.waiting(conn, 1, postable=True)] == [own.id]


@pytest.mark.fresh_database
def test_a_restored_booking_is_taken_by_its_account(record: Any) -> None:
    """The same person asks for the same time at another account first."""
    number, name = make_account(record.engine)
    lost = RestoredBooking(uuid4(), 101, None, AT, "ann@example.com", AT)
    with record.engine.begin() as conn:
        restored.keep(conn, [lost], since=AT, absent_in=60, account=number)
        restored.keep(conn, [], since=AT, absent_in=60)
        assert restored.references(conn) == {str(lost.reference)}
    wanted = {"start_at": AT, "attendee_email": "ann@example.com"}

    assert record.keep(**wanted).uuid != lost.reference
    assert record.keep(**wanted, account=name).uuid == lost.reference


@pytest.mark.fresh_database
@pytest.mark.parametrize("asks_first", [0, 1])
def test_a_restored_booking_that_two_accounts_see_is_taken_once(record: Any, asks_first: int) -> None:
    """By the one that asks first, with what its own key was shown; the other one's request is a new one."""
    number, name = make_account(record.engine)
    made = datetime(2026, 1, 7, tzinfo=UTC)
    sees = [RestoredBooking(uuid4(), 101, None, AT, "ann@example.com", made + timedelta(days=day)) for day in (1, 2)]
    sees[1] = replace(sees[1], reference=sees[0].reference)
    with record.engine.begin() as conn:
        for one, account in zip(sees, (1, number), strict=True):
            restored.keep(conn, [one], since=AT, absent_in=60, account=account)
    wanted = {"start_at": AT, "attendee_email": "ann@example.com"}
    asks = [{}, {"account": name}]

    first = record.keep(**wanted, **asks[asks_first])
    with record.engine.connect() as conn:
        assert restored.references(conn) == set()
    other = record.keep(**wanted, **asks[1 - asks_first])

    assert (first.uuid, first.created_at) == (sees[0].reference, sees[asks_first].created_at)
    assert (other.uuid != first.uuid, other.outcome_unknown) == (True, False)


@pytest.mark.fresh_database
def test_two_accounts_that_ask_at_once_for_what_both_see_do_not_wait_for_each_other(record: Any) -> None:
    """One takes it, and the other's request is kept at once, while the first one's transaction is open."""
    number, name = make_account(record.engine)
    lost = RestoredBooking(uuid4(), 101, None, AT, "ann@example.com", AT)
    with record.engine.begin() as conn:
        for account in (1, number):
            restored.keep(conn, [lost], since=AT, absent_in=60, account=account)
    wanted = {"start_at": AT, "attendee_email": "ann@example.com"}

    with record.engine.begin() as conn:
        [taken] = appointments.insert(conn, [record.new(**wanted)])
        other = record.keep(**wanted, account=name)

    assert (record.read(taken.appointment.id).uuid, other.uuid != lost.reference) == (lost.reference, True)


def confirm(record: Any, row: Appointment) -> None:
    """Claim a row, and confirm it."""
    assert record.move(record.claim(row.id), Status.CONFIRMED, why="booked", calcom_booking_uid="uid")
