"""Keys and hashes: the same request is the same, another one is another, today and in a year."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_client.request.idempotency import derive_key, payload_hash
from booking_client.request.model import BookingRequest

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ANN: dict[str, Any] = {"name": "Ann Fake", "email": "ann@example.com", "time_zone": "Europe/Berlin"}
ASKED: dict[str, Any] = {"event_type_id": 101, "start": "2027-03-01T09:00:00Z", "attendee": ANN}
PHONE = {"name": "Ann Fake", "phone_number": "+12025550143", "time_zone": "UTC"}


def asked(**changes: Any) -> BookingRequest:
    """Return a valid request with some of its fields changed."""
    return BookingRequest.parse(ASKED | changes, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "2027-03-01T10:00:00+01:00"},
        {"attendee": ANN | {"email": "Ann@EXAMPLE.com"}},
        {"attendee": ANN | {"name": "Ann F.", "phone_number": "+12025550143", "language": "de"}},
        {"metadata": {"try": "2"}},
        {"idempotency_key": "other", "correlation_id": "other"},
    ],
)
def test_the_same_person_at_the_same_time_has_the_same_derived_key(changes: dict[str, Any]) -> None:
    """Event type, instant and attendee make the key, however they are written."""
    assert derive_key(asked(**changes)) == derive_key(asked())


@pytest.mark.parametrize("owner", ["username", "team_slug"])
@pytest.mark.parametrize("upper", ["event_type_slug", "owner", "organization_slug"])
def test_a_slug_is_the_same_in_any_letter_case(owner: str, upper: str) -> None:
    """A page's address is typed in either; two requests by it are one booking."""
    slugs = {"event_type_slug": "visit", "owner": "ann", "organization_slug": "acme"}
    keys = set()
    for spelt in (slugs, slugs | {upper: slugs[upper].title()}):
        named = {owner if name == "owner" else name: slug for name, slug in spelt.items()}
        keys.add(derive_key(asked(event_type_id=None, **named)))

    assert len(keys) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type_id": 102},
        {"start": "2027-03-01T09:00:01Z"},
        {"attendee": ANN | {"email": "ann+2@example.com"}},
        {"attendee": PHONE},
        {"attendee": PHONE | {"phone_number": "+12025550199"}},
        {"event_type_id": None, "event_type_slug": "a", "username": "b"},
        {"event_type_id": None, "event_type_slug": "a", "team_slug": "b"},
        {"event_type_id": None, "event_type_slug": "b", "team_slug": "a"},
        {"event_type_id": None, "event_type_slug": "a", "team_slug": "b", "organization_slug": "c"},
    ],
)
def test_another_person_time_or_type_has_another_derived_key(changes: dict[str, Any]) -> None:
    """No two different bookings are taken for one."""
    others = [derive_key(asked()), derive_key(asked(event_type_id=7))]
    assert derive_key(asked(**changes)) not in others


def test_all_the_different_ones_differ_among_each_other() -> None:
    """A user and a team of the same slug are two owners."""
    by = [{"username": "b"}, {"team_slug": "b"}, {"team_slug": "b", "organization_slug": "c"}]
    keys = {derive_key(asked(event_type_id=None, event_type_slug="a", **owner)) for owner in by}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"attendee": ANN | {"name": "Bob Fake"}},
        {"attendee": ANN | {"time_zone": "UTC"}},
        {"attendee": ANN | {"language": "de"}},
        {"guests": ["g@example.com"]},
        {"length_in_minutes": 30},
        {"location": {"type": "phone"}},
        {"booking_fields_responses": {"a": 1}},
        {"metadata": {"a": ""}},
        {"start": "2027-03-01T09:30:00Z"},
    ],
)
def test_another_payload_has_another_hash(changes: dict[str, Any]) -> None:
    """A given key that comes back with another wish is a conflict, whatever has changed."""
    assert payload_hash(asked(**changes)) != payload_hash(asked())


@settings(deadline=None, derandomize=True)  # other work shares the machine
@given(offset=st.integers(-14 * 4, 14 * 4), upper=st.booleans())
def test_the_same_payload_has_the_same_hash_however_it_is_written(offset: int, upper: bool) -> None:  # noqa: FBT001
    """Another offset, another case, another order of keys: the same request."""
    start = datetime(2027, 3, 1, 9, tzinfo=UTC).astimezone(timezone(timedelta(minutes=15 * offset)))
    email = "ANN@EXAMPLE.COM" if upper else "ann@example.com"
    data = {"attendee": {"email": email, **{k: ANN[k] for k in ("time_zone", "name")}}, "start": start.isoformat()}
    again = BookingRequest.parse(data | {"event_type_id": 101, "metadata": {}, "correlation_id": "c"}, now=NOW)
    assert payload_hash(again) == payload_hash(asked(idempotency_key="k"))


def test_until_when_an_answer_is_wanted_is_no_part_of_the_request() -> None:
    """Who asks again waits for another while, and must not be booked twice, nor be in conflict with himself."""
    waiting = asked(answer_by="2027-02-01T09:00:00Z")

    assert (derive_key(waiting), payload_hash(waiting)) == (derive_key(asked()), payload_hash(asked()))


def test_keys_and_hashes_are_those_of_the_first_release() -> None:
    """Rows of earlier versions hold them: a changed rule needs a new prefix and a migration."""
    assert derive_key(asked()) == "auto1-0dc703970c88ba7096936391c399bf0288ce14ed"
    slugs = {"event_type_slug": "visit", "team_slug": "clinic", "organization_slug": "acme"}
    assert derive_key(asked(event_type_id=None, **slugs)) == "auto1-d34f0959620a80495a6786f5ea2a0132f2f90337"
    assert payload_hash(asked()) == "f4cecbc6114249a9c6ced03188d794e63346f4cc7226f95dbe09b715540393b7"
    full = asked(guests=["g@example.com"], location={"type": "phone"}, metadata={"ä": "ö"}, length_in_minutes=30)
    assert payload_hash(full) == "35a7c43f314e6000dbb6ab5b4d4f9606141986295306d9a3ec95bb90faa43b5c"


def test_another_process_computes_the_same_key() -> None:
    """Python's own hash differs from process to process; ours does not."""
    code = (
        "from datetime import UTC, datetime; from booking_client.request.idempotency import derive_key, payload_hash\n"
        "from booking_client.request.model import BookingRequest\n"
        f"request = BookingRequest.parse({ASKED!r}, now=datetime(2027, 1, 1, tzinfo=UTC))\n"
        "print(derive_key(request), payload_hash(request))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split() == [derive_key(asked()), payload_hash(asked())]
