"""After a restore: what was under way is unknown, and what Cal.com has of lost rows goes to the next request."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text

from db import appointments
from db.appointments import events
from db.audits import restored
from db.audits.restored import RestoredBooking
from db.lifecycle import HoldReason, Status
from db.models.audits import restored_bookings

pytestmark = pytest.mark.fresh_database  # a restore turns a trigger on

START = datetime(2031, 3, 1, 9, tzinfo=UTC)
SETTLE, ENDS = 130.0, 160.0


def since(record: Any, hours: float = 1) -> datetime:
    """Name a moment in the past, by Postgres's clock."""
    with record.engine.connect() as conn:
        now: datetime = conn.execute(select(func.now())).scalar_one()
    return now - timedelta(hours=hours)


def make_unknown(record: Any, moment: datetime) -> int:
    """Run it to its end."""
    made, after = 0, 0
    while after is not None:
        with record.engine.begin() as conn:
            times = {"settle_seconds": SETTLE, "ends_seconds": ENDS}
            count, after = restored.make_unknown(conn, since=moment, after=after, **times)
        made += count
    return made


def lost(**changes: Any) -> RestoredBooking:
    """Describe a booking at Cal.com whose row is gone."""
    values = {"reference": uuid4(), "event_type_id": 101, "event_type_slug": "plain", "start_at": START}
    values |= {"attendee": "ann@example.com", "created_at": datetime(2026, 3, 1, tzinfo=UTC)}
    return RestoredBooking(**{**values, **changes})


def keep(record: Any, *found: RestoredBooking, moment: datetime | None = None) -> int:
    """Keep them; return how many were asked for again."""
    with record.engine.begin() as conn:
        return restored.keep(conn, found, since=moment or since(record, hours=0), absent_in=ENDS)


def ask(record: Any, **changes: Any) -> Any:
    """Ask for the appointment that `lost` describes."""
    return record.keep(**{"event_type_id": 101, "start_at": START, "attendee_email": "ann@example.com", **changes})


def left(record: Any) -> set[UUID]:
    """Return the references that nobody has asked for."""
    with record.engine.connect() as conn:
        return set(conn.execute(select(restored_bookings.c.reference)).scalars())


def test_what_was_on_its_way_is_unknown_and_waits(record: Any) -> None:
    """Whatever held it; nothing is sent before the longest call of a worker that has just died is over."""
    moment = since(record)
    rows = [record.keep(), record.claimed(), record.moved(Status.RETRYING)]
    rows += [
        record.moved(Status.HELD, hold_reason=reason, **more)
        for reason, more in (
            (HoldReason.BREAKER_OPEN, {}),
            (HoldReason.THROTTLED, {}),
            (HoldReason.CREDENTIALS, {"held_for": "a key"}),
            (HoldReason.UNREACHABLE, {"hold_until": appointments.FromNow(1)}),
        )
    ]
    assert make_unknown(record, moment) == len(rows)
    for row in map(record.read, [row.id for row in rows]):
        assert (row.status, row.hold_reason, row.outcome_unknown) == (Status.HELD, HoldReason.SETTLING, True)
        assert (row.hold_until - row.updated_at, row.hold_until) == (timedelta(seconds=SETTLE), row.settle_at)
        assert row.ends_at == row.updated_at + timedelta(seconds=ENDS)
        assert (row.sent_at, row.claim_token, row.held_for) == (row.requested_at, None, None)
        with record.engine.connect() as conn:
            assert events.timeline(conn, row.id)[-1].kind == "restored"


def test_what_no_worker_posts_stays_where_it_is(record: Any) -> None:
    """Suspect and blind_key are looked for as before."""
    rows = [record.moved(Status.HELD, hold_reason=reason) for reason in (HoldReason.SUSPECT, HoldReason.BLIND_KEY)]
    assert make_unknown(record, since(record)) == 2
    now = [record.read(row.id) for row in rows]
    assert [(row.hold_reason, row.outcome_unknown) for row in now] == [
        (HoldReason.SUSPECT, True),
        (HoldReason.BLIND_KEY, True),
    ]


def test_what_has_ended_stays_as_it_ended(record: Any) -> None:
    """What became of it since is for the audit."""
    rows = [record.moved(status) for status in (Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED)]
    rows.append(record.moved(Status.CONFIRMED, calcom_booking_uid="u"))
    assert make_unknown(record, since(record)) == 0
    assert [record.read(row.id) for row in rows] == rows


def test_an_end_never_comes_nearer(record: Any) -> None:
    """And who has waited since before the backup has waited since then."""
    row = record.moved(Status.RETRYING)
    hour = timedelta(hours=1)
    record.write(row.id, outcome_unknown=True, sent_at=-hour, settle_at=hour, ends_at=hour, askable_since=-3 * hour)
    before = record.read(row.id)
    make_unknown(record, since(record))
    now = record.read(row.id)
    for name in ("sent_at", "settle_at", "ends_at", "askable_since"):
        assert getattr(now, name) == getattr(before, name)


def test_who_waits_has_waited_since_the_backup(record: Any) -> None:
    """What was booked since may have been cancelled at Cal.com: a POST as evidence would book it again."""
    moment = since(record, hours=2)
    old, new = record.keep(), record.keep()
    record.write(old.id, requested_at=timedelta(hours=-3))
    make_unknown(record, moment)
    assert record.read(old.id).askable_since == moment
    assert record.read(new.id).askable_since == new.requested_at


def test_a_refusal_is_not_the_last_word(record: Any) -> None:
    """It may have been posted again since, and booked."""
    row = record.moved(Status.RETRYING)
    record.write(row.id, refusal={"meaning": "taken", "look_due": True})
    make_unknown(record, since(record))
    assert record.read(row.id).refusal == {"meaning": "taken", "look_due": False}


def test_many_are_taken_in_batches_and_each_once(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill in between leaves whole ones, and it may be run again."""
    monkeypatch.setattr(restored, "_BATCH", 3)
    for _ in range(8):
        record.keep()
    assert make_unknown(record, since(record)) == 8
    assert make_unknown(record, since(record)) == 8


def test_who_asks_again_gets_the_booking_that_is_there(record: Any) -> None:
    """By its reference: its outcome is unknown, so that it is looked for before anything is posted."""
    one = lost()
    assert keep(record, one) == 0
    other, row = ask(record, attendee_email="bob@example.com"), ask(record)
    assert (record.read(other.id).uuid == one.reference, record.read(other.id).outcome_unknown) == (False, False)
    assert (row.uuid, row.outcome_unknown, row.status) == (one.reference, True, Status.PENDING)
    assert (row.settle_at, row.created_at, row.sent_at) == (row.ends_at, one.created_at, one.created_at)
    assert timedelta(seconds=ENDS - 60) < row.ends_at - row.requested_at < timedelta(seconds=ENDS + 60)
    assert left(record) == set()


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ({}, {"start_at": START + timedelta(minutes=30)}),
        ({}, {"event_type_id": 109}),
        ({}, {"attendee_email": "Ann@example.com"}),
        ({}, {"event_type_id": None, "event_type_slug": "other", "username": "host1"}),
    ],
)
def test_another_booking_is_not_taken_for_it(record: Any, there: dict[str, Any], asked: dict[str, Any]) -> None:
    """One attendee, one event type, one instant."""
    one = lost(**there)
    keep(record, one)
    assert not record.read(ask(record, **asked).id).outcome_unknown
    assert left(record) == {one.reference}


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        ({}, {"event_type_id": None, "event_type_slug": "plain", "username": "host1"}),
        ({"event_type_id": None, "event_type_slug": None}, {}),
        ({"attendee": "12025550123@sms.cal.com"}, {"attendee_email": None, "attendee_phone": "+1 202 555-0123"}),
        ({}, {"start_at": START + timedelta(microseconds=999)}),
    ],
)
def test_it_is_known_by_what_cal_com_keeps_of_it(record: Any, there: dict[str, Any], asked: dict[str, Any]) -> None:
    """Its type by name, or deleted; a phone number's address; an instant to the millisecond."""
    one = lost(**there)
    keep(record, one)
    assert record.read(ask(record, **asked).id).uuid == one.reference


def test_a_request_that_is_known_takes_nothing(record: Any) -> None:
    """It writes no row; the booking waits for the request that it belongs to."""
    kept = ask(record, idempotency_key="known", payload_hash="h")
    one = lost()
    keep(record, one)
    with record.engine.begin() as conn:
        again = record.new(
            idempotency_key="known",
            payload_hash="h",
            event_type_id=101,
            start_at=START,
            attendee_email="ann@example.com",
        )
        [inserted] = appointments.insert(conn, [again])
    assert (inserted.created, inserted.appointment.id, left(record)) == (False, kept.id, {one.reference})


def test_of_two_that_ask_at_once_one_gets_it(record: Any) -> None:
    """And the other is kept as any request is."""
    one = lost()
    keep(record, one)

    def once(_: int) -> bool:
        return record.read(ask(record).id).uuid == one.reference

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(once, range(4))) == [False, False, False, True]


def test_who_has_asked_since_the_restore_gets_it_as_well(record: Any) -> None:
    """What waited for a worker before the command was run; not what the backup holds, which has its own reference."""
    before = ask(record)
    record.write(before.id, requested_at=timedelta(hours=-2))
    row = ask(record)
    one = lost()
    assert keep(record, one, moment=since(record)) == 1
    assert (record.read(row.id).uuid, record.read(before.id).uuid) == (one.reference, before.uuid)


def test_where_nothing_was_lost_nobody_pays_for_it(record: Any) -> None:
    """The trigger is on only while there is something to take; a second run takes the place of the first."""
    enabled = text("SELECT tgenabled FROM pg_trigger WHERE tgname = 'appointments_take_restored'")

    def states() -> Any:
        with record.engine.connect() as conn:
            return conn.execute(enabled).scalar_one()

    first, second = lost(), lost()
    seen = [states()]
    for found in ([first], [second], []):
        keep(record, *found)
        assert left(record) == {one.reference for one in found}
        seen.append(states())
    assert seen == ["D", "O", "O", "D"]


def test_what_has_begun_is_forgotten(record: Any) -> None:
    """Nobody can ask for it any more, and its address is somebody's."""
    gone, still = lost(start_at=datetime.now(UTC) - timedelta(days=2)), lost()
    keep(record, gone, still)
    with record.engine.begin() as conn:
        restored.prune(conn)
    assert left(record) == {still.reference}
