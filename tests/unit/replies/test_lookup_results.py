"""What else the answer of a deciding look proves: that the key sees all, what stands in our place."""

from collections.abc import Callable
from typing import Any

import pytest

from db.appointments.appointment import Appointment
from tasks.calcom.event_type_answers import Me
from tasks.calcom.lookup import LookupKind
from tasks.calcom.request_body import REFERENCE
from tests.support.calcom.pages import OURS, Calcom, booking, lookup, page

Make = Callable[..., Appointment]


HOST40, HOST41 = Me(140, "host40@example.com"), Me(141, "HOST41@example.com")
STRANGER = Me(120, "host20@example.com")
COLLECTIVE = booking(attendees=[{"email": "ann.coll@example.com"}, {"email": "Host41@example.com"}])


@pytest.mark.parametrize(
    ("listed", "me", "strange"),
    [
        (COLLECTIVE, HOST40, False),
        (COLLECTIVE, HOST41, False),
        (COLLECTIVE, STRANGER, True),
        (COLLECTIVE, None, False),
        (booking(hosts=[{"id": "unknown"}]), STRANGER, False),
        (booking(attendees=[]), STRANGER, False),
        (booking(eventTypeId=102), STRANGER, False),
    ],
    ids=["organizer", "attendee", "neither", "nobody knows who", "no host shown", "attendees hidden", "another type"],
)
def test_a_booking_that_is_none_of_the_keys_user_shows_that_he_sees_all(
    row: Make,
    listed: dict[str, Any],
    me: Me | None,
    strange: bool,  # noqa: FBT001 - a column
) -> None:
    """Only where it shows both, who hosts it and who attends it."""
    assert lookup(Calcom(page(listed)), row(), me=me).stranger is strange


def seated(*attendees: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a booking with seats."""
    entry = booking("shared", attendees=list(attendees), **changes)
    del entry["metadata"]
    return entry


ANN: dict[str, Any] = {"email": "ann@example.com", "metadata": {}}


@pytest.mark.parametrize(
    ("attendee", "found"),
    [
        (ANN, ("shared", None, None)),
        ({**ANN, "seatUid": "s"}, ("shared", "s", None)),
        ({**ANN, "seatUid": "s", "metadata": {REFERENCE: "r0"}}, ("shared", "s", "r0")),
    ],
    ids=["without a seat", "by another way", "by another request"],
)
def test_a_seat_of_our_address_that_is_not_ours_is_told(
    row: Make, attendee: dict[str, Any], found: tuple[str, str | None, str | None]
) -> None:
    """It is absent, and something of the customer is there all the same."""
    result = lookup(Calcom(page(seated({"email": "bob@example.com", "seatUid": "b"}, attendee))), row())

    assert result.kind is LookupKind.ABSENT
    assert result.half_made is not None
    assert (result.half_made.uid, result.half_made.seat_uid, result.half_made.reference) == found


def test_of_two_that_are_not_ours_the_one_without_a_seat_is_told(row: Make) -> None:
    """Somebody must look at it."""
    half = lookup(Calcom(page(seated({**ANN, "seatUid": "s", "metadata": {REFERENCE: "r0"}}, ANN))), row()).half_made

    assert half is not None
    assert (half.seat_uid, half.reference) == (None, None)


def test_a_phone_only_attendee_is_known_by_the_address_that_calcom_made_up(row: Make) -> None:
    """Of his number's digits."""
    by_phone = row(attendee_email=None, attendee_phone="+12025550143")

    assert lookup(Calcom(page(seated({"email": "12025550143@sms.cal.com"}))), by_phone).half_made is not None


@pytest.mark.parametrize(
    "entry",
    [
        seated({"email": "Ann@example.com"}),
        seated(ANN, start="2030-03-01T09:30:00Z"),
        seated(ANN, status="cancelled"),
        seated(ANN, eventTypeId=102),
        seated({**ANN, "seatUid": "s", "metadata": {REFERENCE: OURS}}),
        booking(attendees=[ANN]),
    ],
    ids=["another letter case", "another start", "over", "another type", "ours", "no seats"],
)
def test_what_is_no_seat_of_our_address_is_not_told(row: Make, entry: dict[str, Any]) -> None:
    """Of a type without seats an attendee has none."""
    assert lookup(Calcom(page(entry)), row()).half_made is None


@pytest.mark.parametrize(
    ("attendees", "hides"),
    [
        ([{"email": "bob@example.com", "metadata": {}}], True),
        ([{"email": "bob@example.com", "seatUid": "b", "metadata": {}}], False),
        ([], False),
    ],
    ids=["half made", "whole", "hidden from this key"],
)
def test_anybodys_half_made_seat_hides_the_free_ones(row: Make, attendees: list[dict[str, Any]], hides: bool) -> None:  # noqa: FBT001 - a case
    """Of such a booking Cal.com offers no slot, and books each POST."""
    assert lookup(Calcom(page(seated(*attendees))), row()).hides_seats is hides


TAKEN = {"end": "2030-03-01T09:30:00.000Z"}


@pytest.mark.parametrize(
    ("listed", "until"),
    [
        ([booking(**TAKEN)], {"09:30"}),
        ([booking(**TAKEN), booking("longer", end="2030-03-01T10:00:00.000Z")], {"09:30", "10:00"}),
        ([booking(**TAKEN, status="pending")], set()),
        ([booking(**TAKEN, status="cancelled")], set()),
        ([booking(**TAKEN, start="2030-03-01T09:15:00.000Z")], set()),
        ([booking(**TAKEN, eventTypeId=102, eventType={"id": 102, "slug": "other"})], set()),
        ([booking(reference=OURS, status="cancelled", **TAKEN)], set()),
        ([booking()], set()),
    ],
    ids=["taken", "twice", "asked for", "cancelled", "another start", "another type", "ours", "no end shown"],
)
def test_only_anothers_accepted_booking_at_our_start_is_in_our_place(
    row: Make, listed: list[dict[str, Any]], until: set[str]
) -> None:
    """When it ends is compared with when ours would: of two lengths both may be accepted."""
    result = lookup(Calcom(page(*listed)), row())

    assert {f"{end:%H:%M}" for end in result.taken_until} == until
