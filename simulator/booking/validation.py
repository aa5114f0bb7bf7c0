"""Check the body of a POST as strictly and as loosely as the real server (docs/calcom.md, POST /v2/bookings).

Messages are the real ones where they were recorded; the others follow the same pattern.
"""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import Any

import phonenumbers

from simulator.http.messages import Refusal
from simulator.instants import parse

LANGUAGES = (
    "ar, ca, de, es, eu, he, id, ja, lv, pl, ro, sr, th, vi, az, cs, el, es-419, fi, hr, it, km, nl, pt, ru, sv, tr, "
    "zh-CN, bg, da, en, et, fr, hu, iw, ko, no, pt-BR, sk, ta, uk, zh-TW, bn"
)
EMAIL = re.compile(r"(?!\.)(?!.*\.\.)([A-Z0-9_+\-.']*)[A-Z0-9_+'-]@([A-Z0-9][A-Z0-9\-]*\.)+[A-Z]{2,}", re.IGNORECASE)
LOCATION_TYPES = (
    "address", "link", "integration", "phone", "attendeePhone", "attendeeAddress", "attendeeDefined",
    "organizersDefaultApp",
)  # fmt: skip
LOCATION_NEEDS = {"attendeePhone": "phone", "attendeeAddress": "address", "attendeeDefined": "location"}
METADATA_RULE = (
    "Metadata must have at most 50 keys, each key up to 40 characters, and string values up to 500 characters."
)
WHO = "eventTypeId or eventTypeSlug + username"
STRINGS = ("eventTypeSlug", "username", "teamSlug", "organizationSlug")
KNOWN = {
    "start", "lengthInMinutes", "eventTypeId", *STRINGS, "attendee", "guests", "meetingUrl", "location", "metadata",
    "bookingFieldsResponses", "recurrenceCount", "instant", "emailVerificationCode", "routing", "allowConflicts",
    "allowBookingOutOfBounds", "rescheduledBy",
}  # fmt: skip
KNOWN_OF_ATTENDEE = {"name", "email", "timeZone", "phoneNumber", "language"}


def check_body(body: Any) -> dict[str, Any]:
    """Check a whole body. Raises Refusal (400 A)."""
    if not isinstance(body, dict):
        raise Refusal(400, _wrong("undefined", "an unknown value was passed to the validate function"))
    found = [_unknown(name) for name in body if name not in KNOWN]
    if parse(body.get("start")) is None:
        found.append(_wrong("start", "start must be a valid ISO 8601 date string"))
    found += _check_optional(body)
    if body.get("attendee") is None:
        found.append(_wrong("attendee", "attendee should not be null or undefined"))
    elif inner := _check_attendee(body["attendee"]):
        found.append(f"attendee property is wrong, {', '.join(inner)}")
    if body.get("eventTypeId") is None and not (
        body.get("eventTypeSlug") and (body.get("username") or body.get("teamSlug"))
    ):
        message = f"Either {WHO} or eventTypeSlug + teamSlug must be provided"
        found.append(_wrong(WHO, message))
    if found:
        raise Refusal(400, ", ".join(found))
    return body


def is_email(text: str) -> bool:
    """Check an address as loosely as the booking form does."""
    return EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    """Check a number in international format."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def zone_exists(zone: Any) -> bool:
    """Check the name of an IANA time zone; letter case does not matter to Intl."""
    return isinstance(zone, str) and zone.lower() in _zones()


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Give a time zone that `zone_exists` knows."""
    return zoneinfo.ZoneInfo(_zones()[name.lower()])


def _check_optional(body: dict[str, Any]) -> list[str]:
    found = []
    for name in ("lengthInMinutes", "recurrenceCount"):
        number = body.get(name)
        if number is not None and (not _is_int(number) or number < 1):
            rule = "must not be less than 1" if _is_int(number) else "must be an integer number"
            found.append(_wrong(name, f"{name} {rule}"))
    if body.get("eventTypeId") is not None and not _is_int(body["eventTypeId"]):
        found.append(_wrong("eventTypeId", "eventTypeId must be an integer number"))
    found += [
        _wrong(name, f"{name} must be a string")
        for name in STRINGS
        if body.get(name) is not None and not isinstance(body[name], str)
    ]
    guests = body.get("guests")
    if guests is not None and not (
        isinstance(guests, list) and all(isinstance(guest, str) and is_email(guest) for guest in guests)
    ):
        rule = "each value in guests must be an email" if isinstance(guests, list) else "guests must be an array"
        found.append(_wrong("guests", rule))
    if body.get("location") is not None and (fault := _location_fault(body["location"])):
        found.append(_wrong("location", f"BookingInputLocationValidator_2024_08_13 - {fault}"))
    if body.get("metadata") is not None and not _metadata_passes(body["metadata"]):
        found.append(_wrong("metadata", METADATA_RULE))
    answers = body.get("bookingFieldsResponses")
    if answers is not None and not (isinstance(answers, dict) and None not in answers.values()):
        rule = "bookingFieldsResponses must be an object where all values are non-null strings."
        found.append(_wrong("bookingFieldsResponses", rule))
    return found


def _check_attendee(attendee: Any) -> list[str]:
    if not isinstance(attendee, dict):
        return [_wrong("attendee", "nested property attendee must be either object or array")]
    found = [_unknown(name) for name in attendee if name not in KNOWN_OF_ATTENDEE]
    if not isinstance(attendee.get("name"), str):
        found.append(_wrong("name", "name must be a string"))
    if not zone_exists(attendee.get("timeZone")):
        found.append(_wrong("timeZone", "timeZone must be a valid IANA time-zone"))
    found += [
        _wrong(name, f"{name} must be a string")
        for name in ("email", "phoneNumber")
        if attendee.get(name) is not None and not isinstance(attendee[name], str)
    ]
    language = attendee.get("language")
    if language is not None and language not in LANGUAGES.split(", "):
        found.append(_wrong("language", f"language must be one of the following values: {LANGUAGES}"))
    if not attendee.get("email") and not attendee.get("phoneNumber"):
        rule = "Attendee must have at least one contact method (email or phone number)"
        found.append(_wrong("attendee email or phone", rule))
    return found


def _metadata_passes(metadata: Any) -> bool:
    """Let numbers and booleans through: a later check refuses them with another message (seen)."""
    return (
        isinstance(metadata, dict)
        and len(metadata) <= 50
        and all(len(key) <= 40 for key in metadata)
        and all(
            len(value) <= 500 if isinstance(value, str) else isinstance(value, int | float)
            for value in metadata.values()
        )
    )


def _location_fault(location: Any) -> str | None:
    if isinstance(location, str):
        return None
    kind = location.get("type") if isinstance(location, dict) else None
    if not kind:
        return "Booking 'location' must have a 'type' property."
    if kind not in LOCATION_TYPES:
        valid = f"{', '.join(LOCATION_TYPES[:-1])} and {LOCATION_TYPES[-1]}"
        return f"Unsupported booking location type '{kind}'. Valid types are {valid}."
    need = LOCATION_NEEDS.get(kind)
    if need == "phone" and not is_phone(str(location.get("phone", ""))):
        return f"Validation failed for {kind} location: phone must be a valid phone number"
    if need and not (isinstance(location.get(need), str) and location[need]):
        return f"Validation failed for {kind} location: {need} must be longer than or equal to 1 characters"
    return None


@cache
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in zoneinfo.available_timezones()}


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(name: str, rule: str) -> str:
    return f"{name} property is wrong,{rule} "


def _unknown(name: str) -> str:
    return _wrong(name, f"property {name} should not exist")
