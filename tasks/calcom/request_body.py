"""Write a booking request as the body of POST /v2/bookings (API version 2024-08-13; docs/calcom.md)."""

from datetime import UTC, datetime
from typing import Any

from db.appointments.appointment import Appointment

REFERENCE = "bookingWorkerRef"  # the appointment's uuid, by which a lookup recognizes our booking
CORRELATION = "bookingWorkerCorrelation"


def booking_body(appointment: Appointment) -> dict[str, Any]:
    """Return the JSON body for `appointment`.

    Cal.com refuses unknown properties, and null for a text, so absent values are left out. Our two metadata keys
    replace a caller's (a request with them is refused anyway).
    """
    body = {
        "start": instant(appointment.start_at),
        "attendee": _given(
            name=appointment.attendee_name,
            timeZone=appointment.attendee_time_zone,
            email=appointment.attendee_email,
            phoneNumber=appointment.attendee_phone,
            language=appointment.attendee_language,
        ),
        **event_type(appointment),
        **_given(
            guests=list(appointment.guests),
            location=appointment.location,
            bookingFieldsResponses=appointment.booking_fields_responses,
            lengthInMinutes=appointment.length_in_minutes,
        ),
    }
    ours = {REFERENCE: str(appointment.uuid), CORRELATION: appointment.correlation_id}
    return body | {"metadata": {**appointment.request_metadata, **ours}}


def attendee_address(appointment: Appointment) -> str | None:
    """Return the e-mail address exactly as Cal.com stores it for the attendee.

    For an attendee with only a phone number, Cal.com makes an address from its digits (seen, docs/calcom.md).
    """
    if appointment.attendee_email is not None or appointment.attendee_phone is None:
        return appointment.attendee_email
    return f"{''.join(char for char in appointment.attendee_phone if char.isdigit())}@sms.cal.com"


def event_type(appointment: Appointment) -> dict[str, Any]:
    """Return how `appointment` names its event type: by id, or by slug and owner."""
    if appointment.event_type_id is not None:
        return {"eventTypeId": appointment.event_type_id}
    return _given(
        eventTypeSlug=appointment.event_type_slug,
        username=appointment.username,
        teamSlug=appointment.team_slug,
        organizationSlug=appointment.organization_slug,
    )


def instant(moment: datetime) -> str:
    """Return `moment` as an ISO 8601 text in UTC, to the millisecond, as exactly as Cal.com stores it."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00").removesuffix(".000") + "Z"


def _given(**properties: Any) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value not in (None, [], {})}
