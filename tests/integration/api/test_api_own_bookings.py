"""A key sees its own bookings alone; no uid and no person leaves the API, or stands in its log."""

import pytest

from db.api_keys.keys import Scope
from tests.support.api.served import ALL, NOT_HELD, REQUEST, Api, Caller, a_request

UID = "8uUmSGLmZnbBQ1rGrSbFkR"
PERIOD = {"from": "2030-01-01T00:00:00Z", "to": "2032-01-01T00:00:00Z"}


def confirm(api: Api, number: int) -> None:
    """Have a booking confirmed, as a worker leaves it."""
    confirmed = f"status = 'confirmed', calcom_booking_uid = :uid, {NOT_HELD}"
    api.sql(f"UPDATE appointments SET {confirmed} WHERE id = :id", uid=UID, id=number)  # noqa: S608 - ours


def found(caller: Caller, email: str) -> list[int]:
    """Return the ids of a person's bookings that a caller finds."""
    answer = caller.call("POST", "/v1/bookings/find", json={"email": email, **PERIOD})
    return [one["id"] for one in answer.json()["bookings"]]


def test_a_booking_of_another_key_is_as_one_that_is_not_there(api: Api) -> None:
    """By its id, by its key, by its person, and to the letter."""
    owner, other, asked = api.key(), api.key(), a_request()
    number = owner.booked(asked, key="form-1")
    nothing, hidden = other.get("/v1/bookings/999999999"), other.get(f"/v1/bookings/{number}")

    assert (hidden.status_code, hidden.text) == (404, nothing.text)
    assert other.get("/v1/bookings?key=form-1").status_code == 404
    assert found(other, asked["attendee"]["email"]) == []
    assert found(owner, asked["attendee"]["email"]) == [number]


def test_a_request_names_a_callback_address_of_a_host_that_its_key_may_name(api: Api) -> None:
    """Any other one is 422, and nothing is stored; it is no part of what is asked for."""
    caller, asked = api.key(), a_request()
    api.sql("UPDATE api_keys SET allowed_callback_hosts = '{hooks.example.com}' WHERE name = :name", name=caller.name)
    refused = caller.book({**asked, "callback_url": "https://example.com/hooks"})
    assert (refused.status_code, [one["field"] for one in refused.json()["errors"]]) == (422, ["callback_url"])

    number = caller.booked({**asked, "callback_url": "HTTPS://Hooks.example.com/1"})
    again = caller.book({**asked, "callback_url": "https://hooks.example.com/2"})
    assert (again.status_code, again.json()["id"]) == (200, number)
    stored = api.sql("SELECT callback_url FROM appointments WHERE id = :id", id=number)
    assert stored == "https://hooks.example.com/1"


@pytest.mark.parametrize("key", ["form-2", None])
def test_two_keys_with_the_same_request_have_two_bookings(api: Api, key: str | None) -> None:
    """Neither learns by a given or a derived key what the other one asked for, nor does Python's caller."""
    asked = a_request()

    numbers = {api.key().booked(asked, key=key) for _ in range(2)}

    assert len(numbers) == 2
    stored = {api.sql("SELECT idempotency_key FROM appointments WHERE id = :id", id=number) for number in numbers}
    assert len(stored) == 2
    assert all(text.startswith("api") for text in stored)


def test_a_key_of_the_scope_all_sees_what_others_asked_for(api: Api) -> None:
    """Those of Python's callers, too, which no key asked for."""
    asked = a_request()
    number = api.key().booked(asked)
    pythons = api.key().booked()
    api.sql("UPDATE appointments SET api_key_id = NULL WHERE id = :id", id=pythons)
    auditor = api.key(ALL | {Scope.ALL})

    assert [auditor.get(f"/v1/bookings/{one}").status_code for one in (number, pythons)] == [200, 200]
    assert api.key().get(f"/v1/bookings/{pythons}").status_code == 404
    assert found(auditor, asked["attendee"]["email"]) == [number]


def test_a_uid_is_told_to_keys_of_its_scope_alone(api: Api) -> None:
    """Who has it may cancel the booking at Cal.com."""
    plain, trusted = api.key(), api.key(ALL | {Scope.UID})
    one, two = plain.booked(), trusted.booked()
    confirm(api, one)
    confirm(api, two)

    assert UID not in plain.get(f"/v1/bookings/{one}").text
    assert trusted.get(f"/v1/bookings/{two}").json()["uid"] == UID


def test_a_booking_says_nothing_of_its_person(api: Api) -> None:
    """No answer repeats a name, an address or a number."""
    person = {"name": "Pat Unmistakable", "email": "unmistakable@example.com", "phone_number": "+12025550143"}
    caller = api.key()
    asked = {**REQUEST, "attendee": {**REQUEST["attendee"], **person}}
    number = caller.booked(asked)
    confirm(api, number)
    told = caller.get(f"/v1/bookings/{number}").text + caller.call("POST", "/v1/bookings/find", json={
        "email": person["email"], **PERIOD}).text  # fmt: skip

    assert str(number) in told
    assert [text for text in person.values() if text in told] == []
    assert "nmistakable" not in told


def test_the_log_has_one_line_a_request_and_nobody_in_it(api: Api) -> None:
    """Route, status, time, the key's name and the correlation id; no address, no query, no body, no key."""
    caller = api.key()
    key = f"secret-{caller.name}"
    caller.book(a_request(attendee={"name": "Pat Unmentionable"}), key=key)
    caller.get(f"/v1/bookings?key={key}")
    caller.get("/v1/nobody/unmentionable@example.com")
    lines = [line for line in api.lines() if line.get("caller") == caller.name]

    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/bookings", 202),
        ("GET", "/v1/bookings", 200),
    ]
    assert {frozenset(line) for line in lines} == {
        frozenset(
            {"event", "method", "route", "status", "ms", "caller", "correlation_id", "logger", "level", "timestamp"}
        )
    }
    logged = api.log.read_text().lower()
    assert [text for text in ("unmentionable", key, caller.key.lower(), "@example.com") if text in logged] == []
