"""The recorded refusals, replayed: the same request must get the same status, code and message, word for word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

Recorded = Callable[[str], dict[str, Any]]

# Recorded requests that are refused for what they say, whatever is booked already.
PLAIN = (
    "metadata with number and boolean", "unknown property", "unknown property in attendee", "no attendee",
    "no attendee name", "no attendee email or phone", "bad email", "bad time zone", "bad language", "bad start",
    "past start", "eventTypeId string", "unknown event type", "neither id nor slug", "by slug + unknown username",
    "lengthInMinutes on a fixed-length type", "metadata 51 keys", "metadata key 41 characters",
    "metadata value 501 characters", "metadata number", "metadata boolean", "metadata null", "metadata nested",
    "broken JSON", "empty body", "body is an array", "phone-only on a default event type (e-mail required)",
)  # fmt: skip
ACCEPTED = (
    "bad phone", "metadata 50 keys", "metadata key 40, value 500", "metadata empty string value",
    "mixed-case e-mail with +tag", "far future start (2036)",
)  # fmt: skip
OTHERS = {
    "phone_first": ("e-mail only, event type with phone required", "phone-only, invalid number",
                    "phone-only, national number"),
    "lengths": ("several lengths: 45 not allowed", "location attendeePhone not offered", "location phone",
                "name empty"),
    "custom_field": ("required custom field missing",),
}  # fmt: skip
KEEP_START = ("past start", "bad start")
VERSIONS = {
    "no cal-api-version": None,
    "unknown cal-api-version 2099-01-01": "2099-01-01",
    "cal-api-version 2026-02-25": "2026-02-25",
    "cal-api-version 2024-06-14 (a version of event types)": "2024-06-14",
}
KEYS = {
    "bad key (right prefix)": "Bearer cal_0123456789abcdef0123456789abcdef",
    "bearer without prefix (looks like an access token)": "Bearer 0123456789abcdef",
}


def replay(calcom: Any, recording: dict[str, Any], start: str, **headers: str | None) -> Any:
    """Send a recorded request with our own ids and start."""
    raw = recording["request"]
    if raw.startswith("{") and raw != "{nope":
        body = json.loads(raw)
        parts = {number: part for part, number in RECORDED.items()}
        if body.get("eventTypeId") in parts:
            body["eventTypeId"] = calcom.parts[parts[body["eventTypeId"]]]
        if "start" in body and recording["name"] not in KEEP_START:
            body["start"] = start
        raw = json.dumps(body)
    return calcom.call("POST", "/v2/bookings", data=raw, headers={"Content-Type": "application/json", **headers})


RECORDED = {"plain": 1001, "phone_first": 1007, "lengths": 1023, "custom_field": 1025}


def words(error: dict[str, Any]) -> str:
    """Write an error without the numbers of event types, which differ from server to server."""
    return re.sub(r"(id=|ID )\d+", r"\1N", json.dumps(error, sort_keys=True))


@pytest.mark.parametrize("name", PLAIN)
def test_a_refusal_has_the_recorded_words(calcom: Any, recorded: Recorded, start: str, name: str) -> None:
    """Status and error object are the recorded ones."""
    wanted = recorded(name)

    answer = replay(calcom, wanted, start)

    assert (answer.status_code, words(answer.json()["error"])) == (wanted["status"], words(wanted["json"]["error"]))


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted_though_it_looks_wrong_stays_accepted(
    calcom: Any, recorded: Recorded, start: str, name: str
) -> None:
    """The real server takes these, so a stricter simulator would hide what callers must check themselves."""
    answer = replay(calcom, recorded(name), start)

    assert answer.status_code == recorded(name)["status"] == 201


def _others(part: str) -> Any:
    return pytest.mark.parametrize("name", OTHERS[part])


@pytest.mark.needs("phone_first")
@_others("phone_first")
def test_a_phone_is_checked_where_it_is_required(calcom: Any, recorded: Recorded, start: str, name: str) -> None:
    """Only a type that requires a phone number looks whether it is one."""
    answer = replay(calcom, recorded(name), start)

    assert words(answer.json()["error"]) == words(recorded(name)["json"]["error"])


@pytest.mark.needs("lengths")
@_others("lengths")
def test_lengths_locations_and_names_are_checked(calcom: Any, recorded: Recorded, start: str, name: str) -> None:
    """Refused with the recorded words."""
    answer = replay(calcom, recorded(name), start)

    assert words(answer.json()["error"]) == words(recorded(name)["json"]["error"])


@pytest.mark.needs("custom_field")
@_others("custom_field")
def test_required_fields_are_asked_for(calcom: Any, recorded: Recorded, start: str, name: str) -> None:
    """Refused when missing; taken when given, also beside an unknown one."""
    answer = replay(calcom, recorded(name), start)
    given = calcom.book("custom_field", start, bookingFieldsResponses={"company": "ACME", "nope": "x"})

    assert words(answer.json()["error"]) == words(recorded(name)["json"]["error"])
    assert given.status_code == 201
    assert given.json()["data"]["bookingFieldsResponses"]["company"] == "ACME"


@pytest.mark.needs("window")
def test_too_far_ahead_is_out_of_bounds(calcom: Any, start: str, recorded: Recorded) -> None:
    """Beyond the event type's window: 400 A that recommends to ask for slots."""
    answer = calcom.book("window", start)

    assert answer.json()["error"] == recorded("beyond the rolling 30 days")["json"]["error"]


@pytest.mark.needs("no_hosts")
def test_a_team_without_hosts_is_unprocessable(calcom: Any, start: str, recorded: Recorded) -> None:
    """422 A."""
    answer, wanted = calcom.book("no_hosts", start), recorded("team event type without hosts")

    assert (answer.status_code, words(answer.json()["error"])) == (422, words(wanted["json"]["error"]))


@pytest.mark.needs("verify", "locked")
@pytest.mark.parametrize(("part", "name"), [("verify", "requires e-mail verification"), ("locked", "host locked")])
def test_verification_and_a_locked_host_are_of_shape_b(
    calcom: Any, start: str, recorded: Recorded, part: str, name: str
) -> None:
    """400 B email_verification_required, 404 B eventTypeUser.notFound."""
    answer = calcom.book(part, start)

    assert (answer.status_code, answer.json()) == (recorded(name)["status"], recorded(name)["json"])


@pytest.mark.needs("day_minutes")
def test_a_limit_of_minutes_a_day_refuses_also_our_own_repetition(calcom: Any, start: str, recorded: Recorded) -> None:
    """401 B duration_limit_reached."""
    calcom.book("day_minutes", start)

    answer, wanted = calcom.book("day_minutes", start), recorded("duration limit: the same again")

    assert (answer.status_code, answer.json()) == (wanted["status"], wanted["json"])


@pytest.mark.needs("office_hours")
def test_outside_the_schedule_looks_like_taken(calcom: Any, start: str, recorded: Recorded) -> None:
    """20:00 is refused in the words of a taken slot."""
    answer = calcom.book("office_hours", start.replace("T10", "T20"))

    assert answer.json()["error"] == recorded("outside the schedule (20:00)")["json"]["error"]


@pytest.mark.needs("fixed_host")
def test_a_busy_fixed_host_is_a_500(calcom: Any, start: str, recorded: Recorded) -> None:
    """For good, though it says nothing of the kind."""
    calcom.book("fixed_host", start)

    answer, wanted = calcom.book("fixed_host", start, "bob@example.test"), recorded("collective: one of two hosts busy")

    assert (answer.status_code, answer.json()) == (wanted["status"], wanted["json"])


@pytest.mark.needs("login")
def test_an_event_type_for_members_wants_a_key(calcom: Any, start: str) -> None:
    """401 A whose message begins with checkBookingRequiresAuthentication; with the owner's key 201."""
    refused = calcom.book("login", start, headers={"Authorization": None})

    assert refused.status_code == 401
    assert refused.json()["error"]["message"].startswith("checkBookingRequiresAuthentication - ")
    assert calcom.book("login", start).status_code == 201


def test_a_body_that_does_not_say_json_counts_as_empty(calcom: Any, recorded: Recorded) -> None:
    """text/plain is not read at all."""
    answer = calcom.call("POST", "/v2/bookings", data='{"start": 1}', headers={"Content-Type": "text/plain"})

    assert answer.json()["error"] == recorded("content-type text/plain")["json"]["error"]


@pytest.mark.parametrize("name", VERSIONS)
def test_a_missing_or_unknown_version_means_the_old_one(calcom: Any, recorded: Recorded, start: str, name: str) -> None:
    """Our body then fails with details.errors, which name what the old version wants."""
    answer = replay(calcom, recorded(name), start, **{"cal-api-version": VERSIONS[name]})

    def complaints(body: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
        return [(one["property"], one["constraints"]) for one in body["error"]["details"]["errors"]]

    assert answer.status_code == 400
    assert complaints(answer.json()) == complaints(recorded(name)["json"])


@pytest.mark.parametrize("name", KEYS)
def test_a_bad_key_is_refused_though_no_key_is_needed(calcom: Any, recorded: Recorded, start: str, name: str) -> None:
    """A wrong key is 401 with the recorded words."""
    answer = replay(calcom, recorded(name), start, Authorization=KEYS[name])

    assert (answer.status_code, answer.json()["error"]) == (401, recorded(name)["json"]["error"])


def test_without_a_key_one_may_book_but_not_list(calcom: Any, recorded: Recorded, start: str) -> None:
    """POST answers 201; the list is 403 PermissionsGuard."""
    booked = replay(calcom, recorded("no key: POST"), start, Authorization=None)
    listed = calcom.call("GET", "/v2/bookings", headers={"Authorization": None})

    assert booked.status_code == 201
    assert (listed.status_code, listed.json()["error"]) == (403, recorded("no key: GET list")["json"]["error"])


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/nope"), ("PUT", "/v2/bookings")])
def test_what_does_not_exist_is_cannot(calcom: Any, method: str, path: str) -> None:
    """404 A `Cannot METHOD PATH`, without rate limit headers."""
    answer = calcom.call(method, path)

    assert (answer.status_code, answer.json()["error"]["message"]) == (404, f"Cannot {method} {path}")
    assert "X-RateLimit-Limit-Default" not in answer.headers
