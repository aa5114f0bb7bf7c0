"""`booking show`: everything about one booking, and nobody's name unless it is asked for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func

from db.appointments import FromNow, event_types
from db.lifecycle import HoldReason, Status
from tasks import dependencies

Booking = Callable[..., Any]
PERSONAL = ("Ann Example", "ann1@example.com", "+12025550143", "guest@example.com", "4711")


def kept(record: Any) -> Any:
    """Keep a request that holds every kind of personal data."""
    return record.keep(
        attendee_email="ann1@example.com",
        attendee_phone="+12025550143",
        guests=["guest@example.com"],
        request_metadata={"patient": "4711"},
    )


def test_it_is_found_by_id_by_uuid_and_by_key(booking: Booking, record: Any) -> None:
    """A person has one of the three at hand."""
    row = kept(record)
    shown = [booking("show", name, "--json").json for name in (row.id, row.uuid, row.idempotency_key)]
    assert [one["id"] for one in shown] == [row.id] * 3


def test_personal_data_are_shown_only_when_asked_for(booking: Booking, record: Any) -> None:
    """Neither on the screen nor in the JSON of somebody who looks over a shoulder."""
    row = kept(record)
    for how in ((), ("--json",)):
        assert not [word for word in PERSONAL if word in booking("show", row.id, *how).said]
        assert not [word for word in PERSONAL if word not in booking("show", row.id, "--personal", *how).out]


def test_the_story_is_told_in_order_with_who_and_why(booking: Booking, record: Any) -> None:
    """Asked, held, and why it is not moving."""
    row = record.claimed()
    changes = {"hold_reason": HoldReason.THROTTLED, "hold_until": FromNow(630), "last_error": "too many calls"}
    assert record.move(row, Status.HELD, why="held: throttled", by="worker", **changes)
    ran = booking("show", row.id)
    assert f"Booking {row.id}  held (throttled)\n" in ran.out
    assert "Cal.com's limit of calls was reached; this booking is released in 10 min." in ran.out
    asked, held = ran.out.splitlines()[-2:]
    assert ("caller" in asked, "asked" in asked) == (True, True)
    assert ("worker" in held, "held: throttled" in held) == (True, True)


def test_the_story_tells_each_call_and_how_long_it_took(booking: Booking, record: Any) -> None:
    """With how it ended, and how long the booking had waited."""
    calls = [
        {"endpoint": "bookings.list", "ms": 210, "status": 200},
        {"endpoint": "bookings.create", "ms": 30000, "error": "timeout"},
    ]
    row = record.claimed()
    detail = {"waited_ms": 28, "attempt_ms": 30215, "calls": calls}
    assert record.move(row, Status.RETRYING, why="the outcome is unknown; look first", detail=detail)
    told = " ".join(booking("show", row.id).out.split())
    assert "bookings.list 200 in 210 ms; bookings.create timeout in 30000 ms; waited 28 ms; attempt 30215 ms" in told


def test_json_says_why_it_is_not_moving(booking: Booking, record: Any) -> None:
    """For programs: the row, whether it is final, why, and the story."""
    row = record.moved(Status.REJECTED, why="the slot is taken", last_error="taken")
    shown = booking("show", row.id, "--json").json
    assert (shown["status"], shown["final"]) == ("rejected", True)
    assert shown["why"].startswith("Final: Cal.com refused it.")
    assert [event["kind"] for event in shown["story"]] == ["rejected"]


def test_those_who_asked_before_for_its_time_are_counted(booking: Booking, record: Any) -> None:
    """While they are on their way to it; not by a booking that may be done already."""
    start = datetime(2031, 3, 3, 9, tzinfo=UTC)
    held = {"event_type_id": 110, "start_at": start, "hold_reason": HoldReason.BREAKER_OPEN}
    first, second, third = (record.keep(**held) for _ in range(3))

    def told(row: Any) -> str:
        return str(booking("show", row.id, "--json").json["why"])

    assert told(second).endswith(" 1 request for the same time came before it, and is tried first.")
    assert told(third).endswith(" 2 requests for the same time came before it, and are tried first.")
    assert "same time" not in told(first)
    record.write(third.id, outcome_unknown=True, posts=1, sent_at=func.now(), settle_at=func.now())
    assert "same time" not in told(third)


def test_a_call_that_a_dead_worker_made_is_counted(booking: Booking, record: Any) -> None:
    """It has written nothing, and whatever Cal.com has booked was posted."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1", sent_at=FromNow(0))
    assert "at least 1 call to book" in booking("show", row.id).out
    unknown = record.moved(Status.RETRYING, outcome_unknown=True, sent_at=FromNow(0), settle_at=FromNow(0))
    assert "perhaps 1 call to book" in booking("show", unknown.id).out
    assert "0 calls to book" in booking("show", record.keep().id).out


def test_a_series_shows_how_many_of_its_weeks_are_booked(booking: Booking, record: Any) -> None:
    """In its first line when some are missing, and among the facts in any case."""
    series = {"calcom_booking_uid": "uid-1", "series_uid": "series-1", "series_of": 8}
    cut = record.moved(Status.CONFIRMED, **series, series_weeks=4)
    shown = booking("show", cut.id).out
    assert "Done: Cal.com has booked it, but only 4 of 8 weeks" in shown
    assert "4 of 8 weeks booked" in shown
    whole = booking("show", record.moved(Status.CONFIRMED, **series, series_weeks=8).id).out
    assert ("8 of 8 weeks booked" in whole, "but only" in whole) == (True, False)


def test_a_deleted_event_type_is_said_where_it_is_named(booking: Booking, record: Any) -> None:
    """What this key was told of it is known without a call."""
    row = record.keep(event_type_id=104)
    with record.engine.begin() as conn:
        event_types.mark_deleted(conn, dependencies.current().calcom.key_fingerprint, row.event_type)
    shown = booking("show", row.id).out
    assert "event type 104 (deleted at Cal.com)" in shown
    assert "Its event type no longer exists at Cal.com, or another Cal.com answered." in shown


def test_a_uid_is_called_anothers_only_where_it_is(booking: Booking, record: Any) -> None:
    """A refused booking names the one that stood in its way; one that is on its way has its own."""
    refused = record.moved(Status.REJECTED, calcom_booking_uid="uid-1")
    late = record.moved(Status.RETRYING, calcom_booking_uid="uid-2")
    assert "uid-1 (another request's)" in booking("show", refused.id).out
    assert "another request" not in booking("show", late.id).out


def test_no_such_booking_is_said_in_one_line(booking: Booking) -> None:
    """A slip of the finger is no traceback."""
    ran = booking("show", "web-404")
    assert (ran.code, ran.out, ran.err) == (1, "", "booking: web-404: no booking has this id or key\n")


def test_it_is_found_by_what_others_call_it(booking: Booking, record: Any) -> None:
    """By a correlation id and by Cal.com's uid; where several have that, by none."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid-of-one")
    seats = [record.moved(Status.CONFIRMED, calcom_booking_uid="uid-of-two").id for _ in range(2)]

    assert [booking("show", name, "--json").json["id"] for name in (row.correlation_id, "uid-of-one")] == [row.id] * 2
    ran = booking("show", "uid-of-two")
    assert ran.code != 0
    assert f"uid-of-two: bookings {seats[1]}, {seats[0]} have it: give the id of one" in ran.said
