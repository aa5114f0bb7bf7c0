"""`booking forget`: what is there, what Cal.com has and where it is deleted, and no trace of either elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest

from booking_client.request.model import BookingRequest
from db.lifecycle import Status
from tasks.enqueue import enqueue_booking
from tests.support.callbacks.callers import move, sql

Booking = Callable[..., Any]
EMAIL = "pat@example.com"


def stored(number: int, status: Status, *, uid: str | None = None) -> int:
    """Store a booking of the person, long over, in a state; return its id."""
    attendee = {"name": "Pat Example", "email": EMAIL, "time_zone": "Europe/Berlin"}
    asked = {"event_type_id": 110, "start": f"2030-03-{number:02}T10:00:00Z", "attendee": attendee}
    booking = enqueue_booking(BookingRequest.parse(asked)).appointment_id
    move(booking, status, **({} if uid is None else {"calcom_booking_uid": uid}))
    return booking


def over(booking: int) -> None:
    """Let a confirmed booking have taken place."""
    sql("UPDATE appointments SET start_at = '2026-03-01 09:00:00+00', end_at = NULL WHERE id = :id", id=booking)


def test_each_uid_that_calcom_has_is_shown_with_its_start(booking: Booking) -> None:
    """Before it is asked whether to forget: afterwards no name leads there."""
    failed, there = stored(1, Status.FAILED), stored(2, Status.CONFIRMED, uid="uid-of-pat")
    over(there)

    shown = booking("forget", EMAIL, "--dry-run")

    assert shown.code == 0
    assert "2 ended bookings of this person; a guest in 0 of others'." in shown.out
    assert "Cal.com has or had these under 1 uid: delete them there" in shown.out
    assert f"  uid-of-pat  starts 2026-03-01 09:00:00 UTC  (booking {there})\n" in shown.out
    assert f"(booking {failed})" not in shown.out
    assert sql("SELECT count(*) FROM appointments WHERE attendee_email = :email", email=EMAIL) == 2


def test_a_number_under_another_address_is_asked_about(booking: Booking) -> None:
    """Only its ids, and the order that forgets them."""
    first, second = stored(1, Status.FAILED), stored(2, Status.FAILED)
    sql("UPDATE appointments SET attendee_phone = '+4930123456'")
    sql("UPDATE appointments SET attendee_email = 'ann@example.com' WHERE id = :id", id=second)

    shown = booking("forget", EMAIL, "--dry-run")

    assert f"1 ended booking under another address: {second}. Also forget +4930123456?" in shown.out
    assert ("`booking forget +4930123456`" in shown.out, f": {first}" in shown.out) == (True, False)


def test_a_uid_is_on_the_screen_alone(booking: Booking) -> None:
    """Neither in the record of actions nor in what is logged, and the person in neither; a backup has it all."""
    over(stored(1, Status.CONFIRMED, uid="uid-of-pat"))

    done = booking("forget", EMAIL, "--yes", "--why", "she asked")
    again = booking("forget", EMAIL, "--yes")
    actions = booking("actions")

    assert (done.code, done.out.count("uid-of-pat"), "1 booking forgotten." in done.out) == (0, 1, True)
    assert "A backup from before brings the person back" in done.err
    assert "Nothing is stored of this person." in again.out
    assert [word for word in ("uid-of-pat", EMAIL) if word in done.err + again.said] == []
    assert ("forget" in actions.out, "why: she asked" in actions.out) == (True, True)
    recorded = sql("SELECT string_agg(to_jsonb(one)::text, '') FROM operator_actions AS one")
    assert [word for word in ("uid-of-pat", EMAIL) if word in recorded + actions.said] == []


def test_a_booking_that_lives_is_named_and_the_exit_code_is_1(booking: Booking) -> None:
    """Its uid is shown, too: it is to be cancelled, and deleted there."""
    lives = stored(1, Status.CONFIRMED, uid="uid-that-lives")

    done = booking("forget", EMAIL, "--yes")

    assert done.code == 1
    assert f"1 booking still living, not forgotten: {lives}. Cancel these first." in done.out
    assert "uid-that-lives" in done.out
    assert "0 bookings forgotten." in done.out


@pytest.mark.parametrize("person", ["nobody", "+", "pat@", "12x"])
def test_what_names_no_person_is_refused(booking: Booking, person: str) -> None:
    """In one line, and nothing is done."""
    ran = booking("forget", person, "--yes")

    assert (ran.code, "give an e-mail address, a number that begins with +" in ran.err) == (1, True)


def test_the_help_says_where_the_reason_is_shown(booking: Booking) -> None:
    """A forgotten booking's story has none."""
    text = " ".join(booking("forget", "--help").out.split())

    assert "Why; it stands in `booking actions`" in text
    assert "story" not in text
