"""An attendee: who can be reached, in which zone and language, and how the name is kept."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_client.request import fields
from booking_client.request.fields import LANGUAGES, zones
from booking_client.request.model import Attendee, BookingRequest
from resilience.exceptions import CustomerValidationException

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
ANN: dict[str, Any] = {"name": "Ann Fake", "email": "ann@example.com", "time_zone": "Europe/Berlin"}
ASKED: dict[str, Any] = {"event_type_id": 101, "start": "2027-03-01T09:00:00Z", "attendee": ANN}


def attendee(**changes: Any) -> Attendee:
    """Return the attendee of a valid request with some fields changed; None removes one."""
    return BookingRequest.parse(
        ASKED | {"attendee": {name: value for name, value in (ANN | changes).items() if value is not None}}, now=NOW
    ).attendee


def attendee_refusal(field: str, value: Any) -> str:
    """Return why a field of the attendee is refused; the value must not be in it."""
    with pytest.raises(CustomerValidationException) as refused:
        BookingRequest.parse(ASKED | {"attendee": ANN | {field: value}}, now=NOW)
    assert list(refused.value.validation_errors) == [f"attendee.{field}"]
    why = refused.value.get_field_error(f"attendee.{field}") or ""
    assert str(value) not in why or not str(value).strip()
    return why


@pytest.mark.parametrize(
    ("given_email", "kept"),
    [
        ("Ann+Tag@Example.TEST", "ann+tag@example.test"),
        (" ann@example.com ", "ann@example.com"),
        ("ann.o'neil_x-1@sub.example.com", "ann.o'neil_x-1@sub.example.com"),
        ("ann@bücher.example.com", "ann@xn--bcher-kva.example.com"),
    ],
)
def test_an_email_is_kept_in_lower_case_ascii(given_email: str, kept: str) -> None:
    """Cal.com's list filter compares byte for byte, and its check knows ASCII only."""
    assert attendee(email=given_email).email == kept


LOCALS = st.text("aZ0._-+'\"@ é", max_size=70)
DOMAINS = st.text("aZ09.-_@< []é", max_size=20) | st.sampled_from(
    ["example.com", "EXAMPLE.com", "xn--bcher-kva.example", "a--b.example", "example.test", f"{'a' * 63}.example", "x"]
)


@settings(max_examples=1_000, deadline=None)
@given(local=LOCALS, domain=DOMAINS)
def test_an_address_is_what_the_library_makes_of_all_of_it(local: str, domain: str) -> None:
    """Whichever part of it the library is asked about."""
    assert tried(f"{local}@{domain}") == tried(f"{local}@{domain}", plain=False)


def tried(text: str, *, plain: bool = True) -> str:
    """Return the address, or why it is refused; not `plain`: by the library alone."""
    with patch.object(fields, "MAX_LOCAL", fields.MAX_LOCAL if plain else -1):
        try:
            return fields.email(text)
        except ValueError as refused:
            return str(refused)


@pytest.mark.parametrize(
    "wrong",
    [
        "nope",
        "a@b",
        "a@localhost",
        "a..b@example.com",
        "<script>@example.com",
        "a b@example.com",
        "ann\x00@example.com",
        "ann\ud800@example.com",
        "jürgen@example.com",
        "a!b@example.com",
        "ann@пример.рф",
        "a" * 65 + "@example.com",
        "a" * 100_000 + "@example.com",
        "",
    ],
)
def test_an_email_that_cal_com_would_refuse_is_refused(wrong: str) -> None:
    """Better now, to the caller, than in an hour, to nobody."""
    attendee_refusal("email", wrong)


@pytest.mark.parametrize("number", ["+1 202 555 0143", "+1 (202) 555-0143", "+1.202.555.0143", "+12025550143"])
def test_a_phone_number_is_kept_as_e164(number: str) -> None:
    """One number, one spelling."""
    assert attendee(phone_number=number).phone_number == "+12025550143"


@pytest.mark.parametrize(
    "wrong",
    [
        "12345",
        "0202 555 0143",
        "+1 555",
        "+1 202 555 0143 ext. 5",
        "+1 800 FLOWERS",
        "+999 123456",
        "+1 555 555 0143",
        "+" * 99,
        "",
    ],
)
def test_a_phone_number_that_cannot_be_is_refused(wrong: str) -> None:
    """Cal.com accepts 12345 beside an e-mail, and nobody can be called on it (docs/calcom.md)."""
    attendee_refusal("phone_number", wrong)


def test_an_attendee_is_reached_by_email_or_by_phone() -> None:
    """One of the two is enough; neither is not."""
    assert attendee(email=None, phone_number="+12025550143").email is None
    with pytest.raises(CustomerValidationException) as refused:
        attendee(email=None)
    assert refused.value.validation_errors == {"attendee": "needs an email or a phone_number"}


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+3", "Asia/Kolkata"]
)
def test_an_iana_zone_is_a_time_zone(zone: str) -> None:
    """The names of the tz database, links included."""
    assert attendee(time_zone=zone).time_zone == zone


@pytest.mark.parametrize(
    "wrong",
    ["Mars/Phobos", "localtime", "posixrules", "Factory", "../etc/passwd", "CEST", "+01:00", "", "Europe/Berlin\x00"],
)
def test_what_is_not_an_iana_zone_is_refused(wrong: str) -> None:
    """Cal.com refuses it; the machine's own zone means nothing there."""
    assert attendee_refusal("time_zone", wrong).startswith("is not a time zone")


def test_a_misspelt_zone_or_language_is_answered_with_the_right_one() -> None:
    """An error that says what to write."""
    assert attendee_refusal("time_zone", "europe/berlin") == "is not a time zone: did you mean Europe/Berlin?"
    assert attendee_refusal("language", "PT_br") == "is not a language of Cal.com: did you mean pt-BR?"


def test_every_language_of_cal_com_passes_and_no_other() -> None:
    """43 codes in Cal.com's spelling."""
    assert {attendee(language=code).language for code in LANGUAGES} == LANGUAGES
    assert len(LANGUAGES) == 43
    attendee_refusal("language", "xx")


@pytest.mark.parametrize("wrong", ["", " \t ", "\u200b", "Ann\nFake", "Ann\x00", "\ud800", "Ann \u202etxt", "A" * 501])
def test_a_name_that_nobody_has_is_refused(wrong: str) -> None:
    """Blank names, control characters, and text that turns the text around it."""
    attendee_refusal("name", wrong)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("  Zoe\u0301 Fake ", "Zoé Fake"),
        ("测试客户", "测试客户"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("Åsa O'Fake-Test 3rd", "Åsa O'Fake-Test 3rd"),
    ],
)
def test_a_name_of_any_script_passes(name: str, kept: str) -> None:
    """Composed and trimmed, otherwise as its owner writes it."""
    assert attendee(name=name).name == kept


def test_the_zones_are_those_of_the_package_on_every_machine() -> None:
    """A machine's own zone files neither add nor take away."""
    assert {"Europe/Berlin", "UTC", "Asia/Calcutta"} <= zones()
    assert 550 < len(zones()) < 700
