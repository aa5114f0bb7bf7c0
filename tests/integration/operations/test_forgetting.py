"""`booking forget`: nothing of a person is left in the database, and all that is counted or audited stays."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from booking_client.request.idempotency import derive_key, payload_hash
from booking_client.request.model import BookingRequest
from db.appointments import events
from db.lifecycle import Status
from db.models.bookings import metadata
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.changes.ask.ask import AskOutcome, Via
from tasks.enqueue import enqueue_booking
from tasks.operations import forgetting
from tasks.operations.forgetting import Person
from tasks.operations.retry import retry
from tests.support.audits.scene import Scene
from tests.support.callbacks.callers import LOOPBACK, key_with, move, sql
from tests.support.changes import ended_change
from tests.support.schema.models import all_tables

PAT = {"name": "Pat Example", "email": "pat@example.com", "phone_number": "+4930123456", "time_zone": "Europe/Berlin"}
NEEDLES = (
    *("pat example", "pat@example.com", "4930123456", "4930765432"),
    *("room 7", "form-pat", "allergic", "call-of-pat"),
)
_WISH = """
INSERT INTO booking_changes (
    appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, idempotency_key,
    correlation_id, task_id, refusal, last_error, line_at
)
SELECT
    id, account_id, 'calcom', 'cancel', 'refused', start_at, 'Pat Example is ill', 'caller', 'python', 'form-pat',
    'call-of-pat', task_id || 'c', 'Room 7', 'Room 7', now()
FROM appointments WHERE id = :id
"""


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def asking(number: int, **more: Any) -> BookingRequest:
    """Return a request of the person's."""
    start = f"2030-03-{number:02}T10:00:00Z"
    return BookingRequest.parse({"event_type_id": 110, "start": start, "attendee": PAT, **more})


def order(**given: Any) -> ActionRequest:
    """Return an operator's order."""
    return ActionRequest(**{"who": "operator", "via": "command_line", "action": "forget", "why": "asked", **given})


def dump() -> str:
    """Return all that is in the database, each row of each table."""
    all_tables()
    with dependencies.current().engine.connect() as conn:
        lines = [
            line
            for name in metadata.tables
            for line in conn.execute(text(f"SELECT CAST(one AS text) FROM {name} AS one")).scalars()  # noqa: S608 - ours
        ]
    return "\n".join(lines).lower()


def hashes(word: str) -> list[str]:
    """Return what a word may be found by."""
    return [hashlib.new(kind, word.encode()).hexdigest() for kind in ("md5", "sha1", "sha256")]


def forget(person: str) -> Any:
    """Carry the order out."""
    return forgetting.forget(order(), Person.parse(person))


def filled() -> dict[str, BookingRequest]:
    """Store bookings of the person that are over, each with what may name it; return the requests by their end."""
    key = key_with("https://example.com/hooks")
    made = {
        "failed": asking(1, idempotency_key="form-pat"),
        "cancelled": asking(2, guests=["gus@example.com"], metadata={"note": "allergic"}),
        "rejected": asking(
            3,
            booking_fields_responses={"notes": "Room 7"},
            location={"type": "attendeePhone", "phone": "+4930765432"},
            correlation_id="call-of-pat",
        ),
    }
    for status, request in made.items():
        booking = enqueue_booking(request, api_key_id=key).appointment_id
        own = "https://hooks.example.com/room 7" if status == "failed" else "https://example.com/hooks"
        sql("UPDATE appointments SET callback_url = :own WHERE id = :id", own=own, id=booking)
        move(booking, Status(status), last_error="Pat Example is no guest", refusal={"words": "pat@example.com"})
        sql(_WISH, id=booking)
        with dependencies.current().engine.begin() as conn:
            detail = {"why": "Pat Example rang", "words": "Pat Example is blocked"}
            events.record(conn, booking, "note", "operator", detail)
            events.record(conn, booking, "note", "worker", {"why": "x", "words": "Room 7"})
            events.record(conn, booking, "note", "worker", {"at": "+4930123456"})
            add = "INSERT INTO operator_actions (request_id, who, via, action, why, ids, target) VALUES"
            add += " (gen_random_uuid(), 'o', 'page', 'called', :why, :ids, CAST(:target AS jsonb))"
            conn.execute(text(add), {"why": "Pat Example", "ids": [booking], "target": "{}"})
            conn.execute(text(add), {"why": "", "ids": None, "target": '{"search": "PAT@example.com"}'})
    add = "INSERT INTO restored_bookings (reference, start_at, attendee, created_at, absent_from)"
    sql(f"{add} VALUES (gen_random_uuid(), now(), 'pat@example.com', now(), now())")
    return made


def test_a_dump_has_neither_the_person_nor_a_hash_of_it() -> None:
    """In no table: bookings, events, callbacks, orders of operators, what was restored."""
    made = filled()
    other = BookingRequest.parse(
        {
            "event_type_id": 110,
            "start": "2030-03-09T10:00:00Z",
            "attendee": {"name": "Gus", "email": "gus@example.com", "time_zone": "UTC"},
            "guests": ["pat@example.com", "ann@example.com"],
        }
    )
    guest_of = enqueue_booking(other).appointment_id
    move(guest_of, Status.FAILED)
    known = [word for one in made.values() for word in (derive_key(one), payload_hash(one))] + [payload_hash(other)]
    known += [word for needle in ("pat@example.com", "+4930123456", "Pat Example") for word in hashes(needle)]
    before = dump()
    assert all(needle in before for needle in NEEDLES)
    assert {payload_hash(other), payload_hash(made["failed"])} <= {word for word in known if word in before}

    done = forget("Pat@example.com")

    after = dump()
    assert [needle for needle in NEEDLES if needle in after] == []
    assert [word for word in known if word in after] == []
    assert sql("SELECT array_agg(url = '' ORDER BY id) FROM callbacks") == [True, False, False]
    assert sql("SELECT count(next_at) FROM callbacks") == 2
    assert (done.own, done.as_guest, done.living) == (3, 1, [])
    assert sql("SELECT guests FROM appointments WHERE id = :id", id=guest_of) == ["ann@example.com"]


@pytest.mark.parametrize("person", ["+4930123456", "1"])
def test_a_number_and_a_booking_are_forgotten_too(person: str) -> None:
    """By its number all of a person's bookings, by an id that one."""
    enqueue_booking(asking(1))
    move(1, Status.FAILED)

    assert forget(person).own == 1
    assert not [needle for needle in ("pat example", "pat@", "4930123456") if needle in dump()]


def test_what_is_of_others_stays() -> None:
    """Their addresses, names and numbers have the person's in them; a word after a line's end is the person's own."""
    attendee = {**PAT, "name": "Ann", "email": "ann@example.com", "phone_number": None}
    guests = ["spat@example.com", "a.pat@example.com", "pat@example.com.example"]
    other, own = (
        enqueue_booking(one).appointment_id for one in (asking(2, attendee=attendee, guests=guests), asking(1))
    )
    for booking in (other, own):
        move(booking, Status.FAILED)
    sql(_WISH, id=own)
    notes = (
        "spat@example.com",
        "mail a-pat@example.com",
        "+49301234567",
        "1\npat@example.com.",
        "'pat@example.com' +4930123456",
    )
    add = "INSERT INTO operator_actions (request_id, who, via, action, why)"
    for why in ("Pat Examples", "pat@example.community", "Pat Example: ill"):
        sql(f"{add} VALUES (gen_random_uuid(), 'o', 'page', 'c', :why)", why=why)
    with dependencies.current().engine.begin() as conn:
        for words in notes:
            events.record(conn, other, "note", "operator", {"words": words})
    add = "INSERT INTO restored_bookings (reference, start_at, attendee, created_at, absent_from)"
    sql(f"{add} VALUES (gen_random_uuid(), now(), 'spat@example.com', now(), now())")

    assert forget("pat@example.com").as_guest == 0
    assert sql("SELECT guests FROM appointments WHERE id = :id", id=other) == guests
    kept = "SELECT array_agg(detail ->> 'words' ORDER BY id) FROM appointment_events WHERE kind = 'note'"
    assert sql(kept) == [*notes[:3], None, None]
    kept = "SELECT array_agg(why ORDER BY id) FROM operator_actions WHERE action = 'c'"
    assert sql(kept) == ["Pat Examples", "pat@example.community", "forgotten"]
    assert sql("SELECT count(*) FROM restored_bookings") == 1
    assert sql("SELECT correlation_id FROM booking_changes") == f"forgotten-{own}"


def test_what_is_counted_stays() -> None:
    """Each state, time, error type, event and minute is as it was."""
    filled()
    counted = (
        "SELECT array_agg(ROW(id, uuid, status, error_type, start_at, updated_at)::text ORDER BY id) FROM appointments",
        "SELECT array_agg(ROW(id, appointment_id, kind, by, created_at)::text ORDER BY id) FROM appointment_events",
        "SELECT array_agg(ROW(appointment_id, sequence, type, created_at)::text ORDER BY id) FROM callbacks",
    )
    before = [sql(query) for query in counted]
    forget("pat@example.com")

    assert [sql(query) for query in counted] == before


def test_an_audit_says_the_same_before_and_after(record: Any, simulator: Any) -> None:
    """A confirmed booking that is over, one that is missing there, one of another person."""
    scene = Scene(record, simulator)
    rows = [scene.confirmed(), scene.lost(), scene.confirmed()]
    before = scene.found()
    for row in rows[:2]:
        sql("UPDATE appointments SET attendee_email = 'pat@example.com' WHERE id = :id", id=row.id)
        sql("UPDATE appointments SET status = 'confirmed', length_in_minutes = 1 WHERE id = :id", id=row.id)
    kept = {row.id: sql("SELECT start_at FROM appointments WHERE id = :id", id=row.id) for row in rows}
    sql("UPDATE appointments SET start_at = start_at - interval '60 days'")  # they are over
    assert forget("pat@example.com").own == 2
    for number, start in kept.items():
        sql("UPDATE appointments SET start_at = :start WHERE id = :id", start=start, id=number)

    assert scene.found() == before
    assert before != []


def test_each_uid_that_cal_com_has_is_named_and_emptied(record: Any) -> None:
    """Moved twice by us, of which one made a double, and cancelled there: Cal.com has the name under each of them."""
    booking = enqueue_booking(asking(1)).appointment_id
    move(booking, Status.CONFIRMED, calcom_booking_uid="uid-third")
    row, start = record.read(booking), record.read(booking).start_at
    for number, (old, new) in enumerate((("uid-first", "uid-second"), ("uid-second", "uid-third")), 1):
        ended_change(record, row, start + timedelta(days=number), from_uid=old, to_uid=new, to_seat_uid="seat-new")
    ended_change(record, row, None, from_uid="uid-series", from_seat_uid="seat-old", weeks_named=["uid-week"])
    with dependencies.current().engine.begin() as conn:
        told = {"why": "lives twice", "uid": "uid-ghost", "seat": "seat-ghost"}
        events.record(conn, booking, events.CHANGE_NEEDS_YOU, "worker", told)
        events.record(conn, booking, "late_uid", "worker", {"uid": "uid-third", "kept": "uid-kept", "status": "failed"})
        hint = "INSERT INTO calcom_webhooks (account_id, trigger, uid, old_uid, told_at, body_hash, next_at) VALUES"
        conn.execute(text(f"{hint} (1, 'BOOKING_RESCHEDULED', 'uid-third', 'uid-second', now(), sha256('one'), NULL)"))
    sql("UPDATE appointments SET start_at = now() - interval '9 days', end_at = NULL")
    others = ["uid-first", "uid-ghost", "uid-kept", "uid-second", "uid-series", "uid-week"]

    found = forgetting.look(Person.parse("pat@example.com"))
    assert sorted(one.uid for one in found.at_calcom) == sorted([*others, "uid-third"])
    assert found.at_calcom[0].uid == "uid-third"
    assert [one.start for one in found.at_calcom if one.uid == "uid-second"] == [start + timedelta(days=1)]
    assert forget("pat@example.com").at_calcom == found.at_calcom

    after = dump()
    assert [word for word in (*others, "seat-new", "seat-old", "seat-ghost") if word in after] == []
    assert record.read(booking).calcom_booking_uid == "uid-third"
    assert forgetting.look(Person.parse(str(booking))).at_calcom == []


def test_ended_bookings_of_the_same_number_are_named(record: Any) -> None:
    """Under another address: whose they are, a person decides; what lives is not among these."""
    assert record
    own, lives, ended = (
        enqueue_booking(
            asking(day, attendee=PAT if day == 1 else {**PAT, "email": f"p{day}@example.com"})
        ).appointment_id
        for day in (1, 2, 3)
    )
    for booking in (own, ended):
        move(booking, Status.FAILED)

    found = forgetting.look(Person.parse("pat@example.com"))
    assert (found.own, found.same_number) == (1, {"+4930123456": [ended]})
    assert forget("pat@example.com").same_number == {"+4930123456": [ended]}
    assert sql("SELECT array_agg(id ORDER BY id) FROM appointments WHERE attendee_phone IS NOT NULL") == [lives, ended]
    done = forget("+4930123456")
    assert (done.own, done.same_number, list(done.living)) == (1, {}, [lives])


def test_a_booking_that_lives_is_not_forgotten() -> None:
    """Neither one that waits, nor one that is confirmed and still to come; what names them stays with them."""
    waits = enqueue_booking(asking(1)).appointment_id
    comes = enqueue_booking(asking(2)).appointment_id
    move(comes, Status.CONFIRMED, calcom_booking_uid="uid-1")

    done = forget("pat@example.com")
    assert (done.own, list(done.living)) == (0, [waits, comes])
    assert sql("SELECT count(*) FROM appointments WHERE attendee_email = 'pat@example.com'") == 2


def test_what_was_written_about_a_booking_that_lives_stays() -> None:
    """Its events and its callbacks, although they name the person; those of a booking that is over do not."""
    key = key_with("https://example.com/hooks")
    over, comes = (
        enqueue_booking(asking(n, idempotency_key=f"pat@example.com:{n}"), api_key_id=key).appointment_id
        for n in (1, 2)
    )
    move(over, Status.FAILED)
    move(comes, Status.CONFIRMED, calcom_booking_uid="uid-1")
    with dependencies.current().engine.begin() as conn:
        for booking in (over, comes):
            events.record(conn, booking, "note", "worker", {"at": "+4930123456"})

    forget("pat@example.com")

    named = "SELECT array_agg(appointment_id) FROM {} WHERE {} LIKE '%' || :word || '%'"
    assert sql(named.format("appointment_events", "detail::text"), word="4930123456") == [comes]
    assert sql(named.format("callbacks", "data::text"), word="pat@example.com") == [comes]


def test_a_series_lives_until_its_last_week() -> None:
    """Its first week may be long over."""
    booking = enqueue_booking(asking(1)).appointment_id
    move(booking, Status.CONFIRMED, calcom_booking_uid="uid-1", series_uid="s", series_of=4)
    sql("UPDATE appointments SET start_at = now() - interval '15 days', end_at = NULL")
    assert list(forget("pat@example.com").living) == [booking]

    sql("UPDATE appointments SET start_at = now() - interval '30 days'")
    assert forget("pat@example.com").own == 1


def test_a_forgotten_booking_is_not_tried_again() -> None:
    """There is nobody to book."""
    enqueue_booking(asking(1))
    move(1, Status.FAILED)
    forget("1")
    tried = retry(dependencies.current().engine, 1, by="operator", via=Via.COMMAND_LINE, why="x")

    assert tried.outcome is AskOutcome.FORGOTTEN


def test_the_order_is_on_record_without_the_person() -> None:
    """Its bookings by their ids."""
    enqueue_booking(asking(1))
    move(1, Status.FAILED)
    forget("pat@example.com")

    assert sql("SELECT ids FROM operator_actions WHERE action = 'forget'") == [1]
    assert sql("SELECT target FROM operator_actions WHERE action = 'forget'") == {}
