"""No search of one account finds another account's row: by key, uid, attendee, time or reference, whatever is alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from db import appointments
from db.appointments import event_types as types
from db.appointments import events, others, queue, search, sweeps
from db.appointments.appointment import Appointment
from db.audits import bookings, doubles, restored
from db.audits.restored import RestoredBooking
from db.event_kind import EventKind
from db.lifecycle import HoldReason, Status
from tests.support.accounts.making import make_account

BEGIN, END = datetime(2031, 1, 1, tzinfo=UTC), datetime(2031, 2, 1, tzinfo=UTC)
AT = datetime(2031, 1, 7, 9, 0, tzinfo=UTC)


@pytest.fixture
def pair(record: Any) -> tuple[Appointment, Appointment]:
    """The same request at `default` and at another account: type, start, attendee and key are alike."""
    _, name = make_account(record.engine)
    alike = {"idempotency_key": "order-1", "attendee_email": "ann@example.com", "start_at": AT, "payload_hash": "hash"}
    return record.keep(**alike), record.keep(**alike, account=name)


@pytest.fixture
def name(record: Any, pair: tuple[Appointment, Appointment]) -> str:
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


@pytest.mark.parametrize("derived", [None, Status.PENDING, Status.FAILED])
def test_a_key_finds_the_booking_of_its_account(record: Any, pair: Any, name: str, derived: Status | None) -> None:
    """Whichever is newer; a given key, a derived one in force, and one that is free again."""
    for row in pair:
        if derived:
            record.write(row.id, key_derived=True, status=derived)
    with record.engine.connect() as conn:
        found = [appointments.find(conn, "order-1"), appointments.find(conn, "order-1", account=name)]
        none = appointments.find(conn, "order-1", account="nobody")

    assert [row.id for row in found] == [row.id for row in pair]
    assert none is None


@pytest.mark.parametrize("derived", [None, Status.PENDING, Status.FAILED])
def test_a_search_of_an_account_finds_its_own(record: Any, pair: Any, derived: Status | None) -> None:
    """By key, uuid, uid, id and correlation id; of all accounts it finds both."""
    own, other = pair
    for row in pair:
        record.write(row.id, calcom_booking_uid="uid-1", correlation_id="shared")
        if derived:
            record.write(row.id, key_derived=True, status=derived)
    ways = ["order-1", "uid-1", "shared"]

    def found(wanted: str, account: int | None) -> set[int]:
        with record.engine.connect() as conn:
            return {one.id for one in search.find(conn, wanted, account=account)}

    for wanted in ways:
        assert (found(wanted, 1), found(wanted, other.account_id)) == ({own.id}, {other.id}), wanted
        assert found(wanted, None) == {own.id, other.id}
    for wanted in (str(other.id), str(other.uuid)):
        assert (found(wanted, 1), found(wanted, other.account_id)) == (set(), {other.id})


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


@pytest.mark.parametrize(
    ("search_rows", "state"),
    [
        (bookings.confirmed_between, {"status": Status.CONFIRMED, "calcom_booking_uid": "uid"}),
        (bookings.ended_unknown_between, {"status": Status.FAILED}),
        (bookings.held_unknown_between, {"status": Status.HELD, "hold_reason": HoldReason.SUSPECT, "held_at": AT}),
    ],
)
def test_an_audit_reads_the_rows_of_one_account(record: Any, pair: Any, search_rows: Any, state: Any) -> None:
    """Of a range of starts."""
    for row in pair:
        record.write(row.id, sent_at=AT, **state)

    with record.engine.connect() as conn:
        found = [[row.id for row in search_rows(conn, BEGIN, END, account=one.account_id)] for one in pair]

    assert found == [[row.id] for row in pair]


def test_an_audit_lists_what_was_unknown_of_one_account(record: Any, pair: Any) -> None:
    """Of all starts."""
    for row in pair:
        record.write(row.id, sent_at=AT, status=Status.REJECTED)

    with record.engine.connect() as conn:
        found = [[row.id for row in bookings.once_unknown(conn, account=one.account_id)] for one in pair]

    assert found == [[row.id] for row in pair]


def test_another_accounts_reference_is_not_ours(record: Any, pair: Any) -> None:
    """Two accounts may sit in one seated booking, which shows both."""
    shown = [str(row.uuid) for row in pair]

    with record.engine.connect() as conn:
        found = [[row.id for row in bookings.by_references(conn, shown, account=one.account_id)] for one in pair]
        others_of = [bookings.of_other_accounts(conn, shown, account=one.account_id) for one in pair]

    assert found == [[row.id] for row in pair]
    assert others_of == [[shown[1]], [shown[0]]]


def test_an_audit_goes_on_with_the_cancels_of_one_account(record: Any, pair: Any) -> None:
    """Of doubles, whose cancel somebody began."""
    with record.engine.begin() as conn:
        for row in pair:
            events.record(conn, row.id, doubles.INTENT, "operator", {"uid": "uid", "seat": None})
        found = [[one for one, _, _ in doubles.open_intents(conn, BEGIN, END, account=one.account_id)] for one in pair]

    assert found == [[row.id] for row in pair]


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


@pytest.mark.parametrize(
    "hold",
    [
        {"hold_reason": HoldReason.CREDENTIALS, "held_for": "aaa"},
        {"hold_reason": HoldReason.CREDENTIALS, "held_for": "key"},
        {"hold_reason": HoldReason.CREDENTIALS, "held_for": "zzz"},
        {"hold_reason": HoldReason.BLIND_KEY, "held_for": "key"},
        {"hold_reason": HoldReason.CONFIGURATION, "held_for": "aaa"},
        {"hold_reason": HoldReason.CONFIGURATION, "held_for": "set"},
        {"hold_reason": HoldReason.CONFIGURATION, "held_for": "zzz"},
    ],
    ids=lambda hold: f"{hold['hold_reason']}-{hold['held_for']}",
)
def test_a_key_lets_its_own_accounts_bookings_go(record: Any, pair: Any, hold: dict[str, Any]) -> None:
    """Another account's key, settings and sight are none of theirs."""
    own, other = pair
    for row in pair:
        record.write(row.id, status=Status.HELD, held_at=timedelta(minutes=-1), enqueued_at=None, **hold)
    with record.engine.begin() as conn:
        types.keep(conn, "key", "101", types.ShownType(policy_kind=EventKind.PLAIN, sight=True))
    works = {"key": "key", "settings": "set", "key_works": True, "settings_work": True, "limit": 9}

    assert [row.id for row in record.sweep(sweeps.release_due, **works)] == [own.id]
    released = record.sweep(sweeps.release_due, **works, account=other.account_id)
    assert [row.id for row in released] == [other.id]


def test_only_an_accounts_own_bookings_wait_for_its_call(record: Any, pair: Any) -> None:
    """For the harmless call, the first try, and the look for a missing type."""
    _, other = pair
    key = {"status": Status.HELD, "held_at": AT, "hold_reason": HoldReason.CREDENTIALS, "held_for": "key"}
    settings = key | {"hold_reason": HoldReason.CONFIGURATION, "held_for": "set", "hold_until": timedelta(seconds=-1)}
    asked: dict[str, Any] = {"key": "key", "settings": "set", "fresh_seconds": 60}
    found = []
    for columns in (key, settings):
        record.write(other.id, **columns)
        with record.engine.connect() as conn:
            accounts = (1, other.account_id)
            found.append([tuple(sweeps.waiting_for_a_call(conn, **asked, account=number)) for number in accounts])
            first = [sweeps.first_to_try(conn, settings="set", account=number) for number in accounts]

    assert found == [[(False, False), (True, False)], [(False, False), (False, True)]]
    assert first == [None, other.id]


def test_a_missing_type_is_looked_for_with_its_accounts_key(record: Any, pair: Any) -> None:
    """And what is found lets its own bookings go."""
    own, other = pair
    missing = {"hold_reason": HoldReason.CONFIGURATION, "held_for": "set", "error_type": "no_event_type"}
    for row in pair:
        record.write(row.id, status=Status.HELD, held_at=AT - timedelta(days=999), hold_until=timedelta(-1), **missing)

    with record.engine.begin() as conn:
        look = sweeps.missing_type(conn, key="theirs", settings="set", account=other.account_id)
        assert look is not None
        assert look.row.id == other.id
        assert sweeps.of_missing_type(conn, look, settings="set", limit=9) == [other.id]
        look = sweeps.missing_type(conn, key="ours", settings="set")
        assert look is not None
        assert sweeps.of_missing_type(conn, look, settings="set", limit=9) == [own.id]


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
