"""Kept requests: each key once, whatever is asked how often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text

from db import appointments
from db.appointments import Inserted, NewAppointment
from db.lifecycle import LIVE, HoldReason, Status, Strategy
from tests.support.fleet import eventually


def insert(record: Any, *rows: NewAppointment) -> list[Inserted]:
    """Insert a batch in a transaction of its own."""
    with record.engine.begin() as conn:
        return appointments.insert(conn, rows)


def test_what_was_asked_for_is_kept_to_the_letter(record: Any) -> None:
    """Every field of a request comes back as it was given."""
    asked = record.new(
        event_type_id=None,
        event_type_slug="first-visit",
        team_slug="clinic",
        organization_slug="example",
        start_at=datetime(2031, 10, 26, 0, 30, tzinfo=UTC),
        end_at=datetime(2031, 10, 26, 1, 0, tzinfo=UTC),
        length_in_minutes=30,
        attendee_name="Zoë O'Example ☂ :name %s",
        attendee_email=None,
        attendee_phone="+12025550142",
        attendee_language="de",
        guests=["guest@example.com"],
        location={"type": "address", "address": "1 Example St; DROP TABLE appointments"},
        booking_fields_responses={"notes": 'a\nb\t"c" \\', "list": [1, 2.5, None, True]},
        request_metadata={"source": "phone", "ключ": "значение"},
        answer_by=datetime(2031, 10, 25, 12, 0, tzinfo=UTC),
    )

    [kept] = insert(record, asked)

    read = record.read(kept.appointment.id)
    for name, value in vars(asked).items():
        if name not in {"requested_at", "number", "account", "callback_url", "only_if_first"}:
            assert getattr(read, name) == value, name
    told = kept.appointment._asdict()
    del told["account"]  # the account's name, of which the row has the number
    assert told.pop("reference") == str(asked.uuid)
    assert told.pop("waits_for") is None  # the row has it as its hold reason
    assert told.pop("ahead") == 0  # it counts other requests, and the row has no such field
    assert {name: getattr(read, name) for name in told} == told


def test_what_a_caller_wrote_is_in_no_trace_of_a_kept_row(record: Any) -> None:
    """A key may be a person's address; a traceback shows rows as they are written."""
    [kept] = insert(record, record.new(idempotency_key="pat@example.com"))

    assert "pat@" not in repr(kept)


def test_a_new_request_is_pending_and_counts_as_enqueued(record: Any) -> None:
    """Its message is sent right after the commit, so the usual case needs no second statement."""
    [kept] = insert(record, record.new())

    row = record.read(kept.appointment.id)
    assert (row.status, row.enqueued_at, row.requested_at) == (Status.PENDING, row.created_at, row.created_at)
    assert kept.created


def test_a_request_may_be_held_at_once(record: Any) -> None:
    """While the breaker is open a request is kept as held, and no message counts as sent for it."""
    asked = record.new(hold_reason=HoldReason.BREAKER_OPEN, resilience_strategy=Strategy.CIRCUIT_BREAKER_OPEN)

    [kept] = insert(record, asked)

    row = record.read(kept.appointment.id)
    assert (row.status, row.hold_reason, row.held_at) == (Status.HELD, HoldReason.BREAKER_OPEN, row.created_at)
    assert row.enqueued_at is None
    assert row.resilience_strategy is Strategy.CIRCUIT_BREAKER_OPEN


@pytest.mark.parametrize("reason", [None, HoldReason.BREAKER_OPEN, HoldReason.THROTTLED])
def test_when_a_request_met_the_open_breaker_is_told_by_postgres(record: Any, reason: HoldReason | None) -> None:
    """A caller's own clock may be minutes off, and `booking show` would name another outage."""
    [kept] = insert(record, record.new(hold_reason=reason))

    row = record.read(kept.appointment.id)
    met = row.created_at if reason is HoldReason.BREAKER_OPEN else None
    assert row.circuit_breaker_open_at_booking == met


def test_answers_come_in_the_order_of_the_requests(record: Any) -> None:
    """New, known and repeated requests are answered in place, and released in the order in which they came."""
    first = record.new(idempotency_key="z")
    insert(record, known := record.new(idempotency_key="m"))

    answers = insert(record, first, known, record.new(idempotency_key="a"), first)

    assert [answer.appointment.idempotency_key for answer in answers] == ["z", "m", "a", "z"]
    assert [answer.created for answer in answers] == [True, False, True, False]
    first_row, later_row = (record.read(answers[number].appointment.id) for number in (0, 2))
    assert first_row.requested_at < later_row.requested_at


@pytest.mark.parametrize("status", list(Status))
def test_a_given_key_is_known_for_ever(shared: Any, status: Status) -> None:
    """Whatever became of a booking, its given key brings the same row back."""
    asked = shared.new()
    [kept] = insert(shared, asked)
    force(shared, kept.appointment.id, status)

    [again] = insert(shared, asked)

    assert (again.appointment.id, again.created, again.conflict) == (kept.appointment.id, False, False)


@pytest.mark.parametrize("status", list(Status))
def test_a_derived_key_is_known_while_its_booking_lives_or_is_confirmed(shared: Any, status: Status) -> None:
    """After a refusal or a cancellation a customer may ask again."""
    asked = shared.new(key_derived=True)
    [kept] = insert(shared, asked)
    force(shared, kept.appointment.id, status)

    [again] = insert(shared, shared.new(key_derived=True, idempotency_key=asked.idempotency_key))

    assert again.created is (status not in {*LIVE, Status.CONFIRMED})
    assert (again.appointment.id == kept.appointment.id) is not again.created


def test_a_given_key_with_another_payload_is_a_conflict(record: Any) -> None:
    """The key's first request stays as it is; in one batch, too."""
    first, other = record.new(idempotency_key="k"), record.new(idempotency_key="k")

    answers = [*insert(record, first, other), *insert(record, other)]

    assert [answer.conflict for answer in answers] == [False, True, True]
    assert {answer.appointment.payload_hash for answer in answers} == {first.payload_hash}


def test_a_derived_key_with_another_payload_is_no_conflict(record: Any) -> None:
    """A derived key says what makes two bookings the same; notes and metadata may differ."""
    first, other = (record.new(idempotency_key="k", key_derived=True) for _ in range(2))

    answers = insert(record, first, other)

    assert [(answer.created, answer.conflict) for answer in answers] == [(True, False), (False, False)]


def test_a_given_key_and_a_derived_one_never_meet(record: Any) -> None:
    """A caller cannot occupy a derived key by giving its text."""
    answers = insert(record, record.new(idempotency_key="k"), record.new(idempotency_key="k", key_derived=True))

    assert [answer.created for answer in answers] == [True, True]


def test_batches_with_the_same_keys_in_any_order_keep_each_once(record: Any) -> None:
    """Eight callers at once with the same 200 keys, in opposite orders: 200 rows, nobody fails or deadlocks."""
    batch = [record.new() for _ in range(200)]
    start = Barrier(8)

    def ask(number: int) -> list[Inserted]:
        start.wait(60)
        return insert(record, *(batch if number % 2 else reversed(batch)))

    with ThreadPoolExecutor(8) as callers:
        answers = [answer for answered in callers.map(ask, range(8)) for answer in answered]

    assert sum(answer.created for answer in answers) == 200
    assert len({answer.appointment.id for answer in answers}) == 200


def test_a_batch_takes_its_keys_in_one_order(record: Any) -> None:
    """Whatever the order of the input, a batch that waits for a key holds none that sorts after it: no deadlock."""
    early, late = record.new(idempotency_key="a"), record.new(idempotency_key="z")
    with ThreadPoolExecutor(1) as other, record.engine.connect() as rival:
        appointments.insert(rival, [early])
        waiting = other.submit(insert, record, late, early)
        _until_someone_waits(record)
        appointments.insert(rival, [late])
        rival.commit()

        assert [answer.created for answer in waiting.result(10)] == [False, False]


def test_a_rival_that_rolls_back_leaves_the_key_free(record: Any) -> None:
    """A request waits for the transaction that holds its key, and is kept when that one gives up."""
    asked = record.new()
    with ThreadPoolExecutor(1) as other, record.engine.connect() as rival:
        appointments.insert(rival, [asked])
        waiting = other.submit(insert, record, asked)
        _until_someone_waits(record)
        rival.rollback()

        assert waiting.result(10)[0].created


def test_a_key_given_up_in_between_is_taken(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A derived key whose booking ends between our INSERT and our SELECT is kept in the next round."""
    known, asked = record.new(), record.new(key_derived=True)
    _, rival = insert(record, known, asked)
    fetch = appointments.insert.__globals__["fetch"]

    def end_first(conn: Any, sql: str, parameters: Any) -> Any:
        force(record, rival.appointment.id, Status.EXPIRED)
        return fetch(conn, sql, parameters)

    monkeypatch.setitem(appointments.insert.__globals__, "fetch", end_first)
    again = record.new(key_derived=True, idempotency_key=asked.idempotency_key)
    answers = insert(record, known, again)

    assert [answer.created for answer in answers] == [False, True]


def test_an_empty_batch_asks_the_database_nothing(record: Any) -> None:
    """No requests, no answers."""
    assert insert(record) == []


def test_ten_thousand_requests_are_one_statement(record: Any) -> None:
    """A batch may be as large as a caller likes; PostgreSQL's limit of 65,535 parameters is not in the way."""
    answers = insert(record, *(record.new() for _ in range(10_000)))

    assert all(answer.created for answer in answers)
    ids = [answer.appointment.id for answer in answers]
    assert len(set(ids)) == 10_000


def test_a_time_without_its_offset_is_refused(record: Any) -> None:
    """Postgres would read it as UTC, which is hours wrong for most callers."""
    with pytest.raises(ValueError, match="offset"):
        insert(record, record.new(start_at=datetime(2031, 1, 1)))  # noqa: DTZ001 - the fault under test


def force(record: Any, appointment_id: int, status: Status) -> None:
    """Put a row into a state, whichever way leads there."""
    more: dict[Status, dict[str, Any]] = {
        Status.HELD: {"hold_reason": HoldReason.SUSPECT, "held_at": datetime.now(UTC)},
        Status.BOOKING: {"claim_token": record.read(appointment_id).uuid, "lease_expires_at": datetime.now(UTC)},
        Status.CONFIRMED: {"calcom_booking_uid": "uid"},
    }
    record.write(appointment_id, status=status, **more.get(status, {}))


def _until_someone_waits(record: Any) -> None:
    """Wait until a transaction waits for another."""

    def waits() -> bool:
        with record.engine.connect() as conn:
            return bool(conn.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())

    eventually(waits, what="somebody waits")
