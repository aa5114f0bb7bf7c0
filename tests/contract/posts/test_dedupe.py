"""The dedupe in detail: whose booking a POST is given back, compared byte for byte, to the second, guests too."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

REF = {"bookingWorkerRef": "r1"}


def booked(calcom: Any, part: str, start: str, email: str, **more: Any) -> dict[str, Any]:
    """POST, and give the booking."""
    answer = calcom.book(part, start, email, **{"metadata": REF, **more})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


@pytest.mark.needs("round_robin")
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [({}, {"name": "Annie Other"}, True),
     ({"phoneNumber": "+4915112345678"}, {}, True),
     ({"phoneNumber": "+4915112345678"}, {"phoneNumber": "+4915112345678"}, True),
     ({}, {"timeZone": "America/New_York"}, True),
     ({}, {"email": "upper"}, False),
     ({}, {"phoneNumber": "+4915112345678"}, False),
     ({"phoneNumber": "+4915112345678"}, {"phoneNumber": "+4915187654321"}, False)],
)  # fmt: skip
def test_the_dedupe_compares_address_and_phone_byte_for_byte(
    calcom: Any, start: str, email: str, first: dict[str, str], second: dict[str, str], *, same: bool
) -> None:
    """Round robin: the same booking with another name, time zone, without the phone; another one with another phone."""
    someone = {"name": "Ann Fake", "timeZone": "Europe/Berlin", "email": email}
    other = {**someone, **second, "email": email.upper() if "email" in second else email}
    uid = booked(calcom, "round_robin", start, email, attendee={**someone, **first})["uid"]

    assert (booked(calcom, "round_robin", start, email, attendee=other)["uid"] == uid) is same


@pytest.mark.needs("round_robin")
@pytest.mark.parametrize(
    ("again", "same"),
    [("{0}.000Z", True), ("{0}.999Z", True), ("{0}+00:00", True), ("{1}Z", False)],
)  # fmt: skip
def test_the_dedupe_compares_starts_in_whole_seconds(
    calcom: Any, start: str, email: str, again: str, *, same: bool
) -> None:
    """The same booking: .000, 1 to 999 ms later, as an offset; another one: 1 s later."""
    uid = booked(calcom, "round_robin", start, email)["uid"]
    second = (datetime.fromisoformat(start) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")

    answer = booked(calcom, "round_robin", again.format(start.removesuffix("Z"), second), email)

    assert (answer["uid"] == uid) is same


@pytest.mark.needs("round_robin", "confirm")
@pytest.mark.parametrize("part", ["round_robin", "confirm"])
def test_who_is_a_guest_of_anothers_booking_is_given_that_one(calcom: Any, start: str, email: str, part: str) -> None:
    """`POST bob rb, "guests": ["ann0@"]`, then `POST ann0 r1` -> 201, ref rb, the other's (5 of 5 each)."""
    theirs = booked(calcom, part, start, f"b{email}", guests=[email], metadata={"bookingWorkerRef": "rb"})

    ours = booked(calcom, part, start, email)

    assert (ours["uid"], ours["metadata"]) == (theirs["uid"], {"bookingWorkerRef": "rb"})


def test_a_guests_row_may_hide_a_booking_of_ours(simulator: Any, start: str, email: str) -> None:
    """Ours exists, then another books with our address as a guest: 201 ours (18 of 20), 201 the other's (2 of 20)."""
    ours = booked(simulator, "round_robin", start, email)["uid"]
    theirs = booked(simulator, "round_robin", start, f"b{email}", guests=[email])["uid"]

    def given(share: float) -> str:
        simulator.order("/_settings", {"dedupe_takes_another": share})
        uid: str = booked(simulator, "round_robin", start, email)["uid"]
        return uid

    assert (given(0), given(1)) == (ours, theirs)


@pytest.mark.needs("rr_phone")
def test_a_phone_only_attendee_is_given_ours_back(calcom: Any, start: str) -> None:
    """Round robin, no e-mail, phone +4915112345678, twice: the same booking, `4915112345678@sms.cal.com` (3 of 3)."""
    attendee = {"name": "Ann Fake", "timeZone": "Europe/Berlin", "phoneNumber": "+12025550143"}

    first, again = (booked(calcom, "rr_phone", start, "", attendee=attendee) for _ in range(2))

    assert first["uid"] == again["uid"]
    assert again["attendees"][0]["email"] == "12025550143@sms.cal.com"


def test_an_address_that_was_corrected_is_not_known_any_more(simulator: Any, start: str, email: str) -> None:
    """Round robin, the organizer corrected the attendee's address: 201, accepted, ANOTHER BOOKING (5 of 5)."""
    uid = booked(simulator, "round_robin", start, email)["uid"]
    simulator.order("/_persons", {"do": "correct", "uid": uid, "email": email, "new_email": f"b{email}"})

    assert booked(simulator, "round_robin", start, email)["uid"] != uid
