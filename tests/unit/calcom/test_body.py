"""What is posted for a booking request."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from db.appointments.appointment import Appointment
from tasks.calcom.request_body import CORRELATION, REFERENCE, attendee_address, booking_body, instant

Make = Callable[..., Appointment]


def test_a_small_request_is_a_small_body(row: Make) -> None:
    """Cal.com refuses what it does not know: nothing is sent that was not asked for, but our two references."""
    assert booking_body(row(uuid=UUID(int=7), correlation_id="c-1")) == {
        "start": "2030-03-01T09:00:00Z",
        "eventTypeId": 101,
        "attendee": {"name": "Ann Example", "email": "ann@example.com", "timeZone": "Europe/Berlin"},
        "metadata": {REFERENCE: "00000000-0000-0000-0000-000000000007", CORRELATION: "c-1"},
    }


def test_everything_that_can_be_asked_for_is_sent_under_calcoms_names(row: Make) -> None:
    """All fields of a request, by slug."""
    body = booking_body(
        row(
            event_type_id=None,
            event_type_slug="checkup",
            team_slug="clinic",
            organization_slug="acme",
            length_in_minutes=60,
            attendee_phone="+12025550143",
            attendee_language="de",
            guests=["bob@example.com"],
            location={"type": "phone", "phone": "+12025550143"},
            booking_fields_responses={"company": "Example"},
            request_metadata={"ward": "3"},
        )
    )

    assert {name: body[name] for name in ("eventTypeSlug", "teamSlug", "organizationSlug", "lengthInMinutes")} == {
        "eventTypeSlug": "checkup",
        "teamSlug": "clinic",
        "organizationSlug": "acme",
        "lengthInMinutes": 60,
    }
    assert (body["attendee"]["phoneNumber"], body["attendee"]["language"]) == ("+12025550143", "de")
    assert (body["guests"], body["bookingFieldsResponses"]) == (["bob@example.com"], {"company": "Example"})
    assert body["location"] == {"type": "phone", "phone": "+12025550143"}
    assert body["metadata"]["ward"] == "3"
    assert not {"eventTypeId", "username"} & body.keys()


def test_a_phone_only_attendee_has_no_email(row: Make) -> None:
    """Null is a value that Cal.com refuses."""
    attendee = booking_body(row(attendee_email=None, attendee_phone="+12025550143"))["attendee"]

    assert attendee == {"name": "Ann Example", "phoneNumber": "+12025550143", "timeZone": "Europe/Berlin"}


def test_our_reference_cannot_be_taken_by_a_caller(row: Make) -> None:
    """A look must find this booking and no other."""
    body = booking_body(row(request_metadata={REFERENCE: "somebody-elses"}))

    assert body["metadata"][REFERENCE] == str(row().uuid)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=2))), "2026-03-29T00:30:00Z"),
        (datetime(2026, 12, 7, 9, 0, 0, 123456, tzinfo=UTC), "2026-12-07T09:00:00.123Z"),
    ],
)
def test_a_start_is_sent_in_utc_as_exact_as_calcom_keeps_it(moment: datetime, text: str) -> None:
    """To the millisecond."""
    assert instant(moment) == text


@pytest.mark.parametrize(
    ("email", "phone", "address"),
    [
        ("ann+tag@example.com", None, "ann+tag@example.com"),
        ("ann@example.com", "+12025550143", "ann@example.com"),
        (None, "+12025550143", "12025550143@sms.cal.com"),
    ],
)
def test_an_attendee_has_the_address_that_calcom_keeps(
    row: Make, email: str | None, phone: str | None, address: str
) -> None:
    """Byte for byte as posted; Cal.com makes one up for a phone number alone."""
    assert attendee_address(row(attendee_email=email, attendee_phone=phone)) == address
