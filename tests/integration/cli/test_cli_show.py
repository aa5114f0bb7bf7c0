"""`booking show`: everything about one booking, and nobody's name unless it is asked for."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import func

from db.lifecycle import HoldReason, Status

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
    until = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, 600)
    changes = {"hold_reason": HoldReason.THROTTLED, "hold_until": until, "last_error": "too many calls"}
    assert record.move(row, Status.HELD, why="held: throttled", by="worker", **changes)
    ran = booking("show", row.id)
    assert f"Booking {row.id}  held (throttled)\n" in ran.out
    assert "Cal.com's limit of calls was reached; it is released in 10 min." in ran.out
    asked, held = ran.out.splitlines()[-2:]
    assert ("caller" in asked, "asked" in asked) == (True, True)
    assert ("worker" in held, "held: throttled" in held) == (True, True)


def test_json_says_why_it_is_not_moving(booking: Booking, record: Any) -> None:
    """For programs: the row, whether it is final, why, and the story."""
    row = record.moved(Status.REJECTED, why="the slot is taken", last_error="taken")
    shown = booking("show", row.id, "--json").json
    assert (shown["status"], shown["final"]) == ("rejected", True)
    assert shown["why"].startswith("Final: Cal.com refused it.")
    assert [event["kind"] for event in shown["story"]] == ["rejected"]


def test_no_such_booking_is_said_in_one_line(booking: Booking) -> None:
    """A slip of the finger is no traceback."""
    ran = booking("show", "web-404")
    assert (ran.code, ran.out, ran.err) == (1, "", "booking: no booking has the id or key 'web-404'\n")
