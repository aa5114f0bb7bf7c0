"""A key sees its own bookings alone; no uid and no person leaves the API, or stands in its log."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from booking_client.states import DEFAULT_ACCOUNT
from db.api_keys.keys import Scope
from db.appointments.views import MOST_WALKED
from tests.support.accounts.making import make_account
from tests.support.api.served import ALL, NOT_HELD, REQUEST, Api, Caller, a_request

UID = "8uUmSGLmZnbBQ1rGrSbFkR"
MANY = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status, api_key_id, requested_at
)
SELECT
    gen_random_uuid()::text, false, 'hash', 'c', gen_random_uuid()::text, 101, start_at, 'Pat Example', attendee_email,
    'UTC', 'cancelled', api_key_id, now()
FROM appointments, generate_series(1, :number)
WHERE id = :id
"""
PERIOD = {"from": "2030-01-01T00:00:00Z", "to": "2032-01-01T00:00:00Z"}


def confirm(api: Api, number: int) -> None:
    """Have a booking confirmed, as a worker leaves it."""
    confirmed = f"status = 'confirmed', calcom_booking_uid = :uid, {NOT_HELD}"
    api.sql(f"UPDATE appointments SET {confirmed} WHERE id = :id", uid=UID, id=number)  # noqa: S608 - ours


def found(caller: Caller, email: str) -> list[int]:
    """Return the ids of a person's bookings that a caller finds."""
    answer = caller.call("POST", "/v1/bookings/find", json={"email": email, **PERIOD})
    return [one["id"] for one in answer.json()["bookings"]]


class Reader(NamedTuple):
    """A key of the booking's account, or of another one, and by which names it sees the booking.

    A key's idempotency keys are its own: nobody else finds a booking by them.
    """

    sees: frozenset[str]
    is_own: bool = False
    scopes: frozenset[Scope] = ALL
    is_elsewhere: bool = False


NOTHING = frozenset[str]()
READERS: Mapping[str, Reader] = {
    "its own key": Reader(frozenset({"id", "key", "person"}), is_own=True),
    "another key": Reader(NOTHING),
    "another key that sees all": Reader(frozenset({"id", "person"}), scopes=ALL | {Scope.ALL}),
    "another account's": Reader(NOTHING, is_elsewhere=True),
    "another account's that sees all": Reader(NOTHING, scopes=ALL | {Scope.ALL}, is_elsewhere=True),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_key_sees_what_it_may(api: Api, reader: Reader) -> None:
    """By the booking's id, key and person; what it may not see is as what is not there, to the letter."""
    accounts = [DEFAULT_ACCOUNT, make_account(api.engine)[0]]
    for account, other in (accounts, reversed(accounts)):
        owner, asked = api.key(account=account), a_request()
        number = owner.booked(asked, key="form-1")
        of_account = other if reader.is_elsewhere else account
        caller = owner if reader.is_own else api.key(reader.scopes, account=of_account)
        answers = {
            "id": caller.get(f"/v1/bookings/{number}"),
            "key": caller.get("/v1/bookings?key=form-1"),
        }

        told = {name: [answer.json()["id"]] for name, answer in answers.items() if answer.ok}
        told["person"] = found(caller, asked["attendee"]["email"])

        assert told == {"person": []} | {name: [number] for name in reader.sees}
        hidden = [answer for name, answer in answers.items() if name not in reader.sees]
        nothing = [caller.get(f"/v1/bookings{path}") for path in ("/999999999", "?key=form-9")]
        assert {(one.status_code, one.text) for one in hidden} <= {(404, one.text) for one in nothing}


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


def test_what_python_asked_for_is_seen_by_a_key_of_the_scope_all(api: Api) -> None:
    """No key asked for it: no other one sees it."""
    pythons = api.key().booked()
    api.sql("UPDATE appointments SET api_key_id = NULL WHERE id = :id", id=pythons)

    told = [api.key(scopes).get(f"/v1/bookings/{pythons}").status_code for scopes in (ALL | {Scope.ALL}, ALL)]

    assert told == [200, 404]


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


def pages(caller: Caller, query: str = "") -> list[list[int]]:
    """Return the ids of a caller's own bookings, page by page."""
    found, cursor = [], ""
    while True:
        answer = caller.get(f"/v1/bookings?{query}{cursor}").json()
        found.append([one["id"] for one in answer["bookings"]])
        if answer["next"] is None:
            return found
        cursor = f"&cursor={answer['next']}"


def test_a_key_lists_its_own_bookings_alone(api: Api) -> None:
    """Page by page, the newest first; not another key's, also if it sees all of its account."""
    caller, other = api.key(), api.key()
    sees_all, elsewhere = api.key(ALL | {Scope.ALL}), api.key(account=make_account(api.engine)[0])
    first, _, second, third = (one.booked() for one in (caller, other, caller, caller))

    assert pages(caller, "limit=2") == [[third, second], [first]]
    assert pages(caller, "limit=3") == [[third, second, first], []]
    assert pages(caller) == [[third, second, first]]
    assert pages(sees_all) == pages(elsewhere) == [[]]
    assert api.key({Scope.BOOK}).get("/v1/bookings").status_code == 403


def test_a_list_has_what_its_filters_say(api: Api) -> None:
    """By status, event type and the start that the booking has now."""
    caller = api.key()
    early, late = (caller.booked(a_request(start=f"2030-03-0{day}T10:00:00Z")) for day in (4, 6))
    elsewhere = caller.booked(a_request(event_type_id=102))
    confirm(api, early)
    moved = "UPDATE appointments SET booked_start_at = '2030-03-07T10:00:00Z' WHERE id = :id"
    api.sql(moved, id=early)

    found = {
        query: [number for page in pages(caller, query) for number in page]
        for query in (
            "status=confirmed", "status=pending,held", "event_type_id=102", "from=2030-03-07T00:00:00Z",
            "from=2030-03-06T00:00:00+00:00&to=2030-03-07T00:00:00Z", "status=failed",
        )
    }  # fmt: skip

    assert list(found.values()) == [[early], [elsewhere, late], [elsewhere], [early], [late], []]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=booked", "status"), ("limit=101", "limit"), ("limit=0", "limit"), ("cursor=x", "cursor"),
        ("from=2030-03-06", "from"), ("event_type_id=x", "event_type_id"), ("state=held", "state"),
        ("cursor=99999999999999999999", "cursor"),
    ],
)  # fmt: skip
def test_a_filter_that_is_wrong_is_422(api: Api, query: str, field: str) -> None:
    """Also one that there is not: else the list would be believed to be what it was to say."""
    answer = api.key().get(f"/v1/bookings?{query}")

    assert (answer.status_code, [one["field"] for one in answer.json().get("errors", ())]) == (422, [field])


def test_a_page_looks_at_a_thousand_bookings(api: Api) -> None:
    """However few of them fit: it may be empty, and the next one goes on."""
    caller = api.key()
    oldest = caller.booked()
    confirm(api, oldest)
    api.sql(MANY, id=oldest, number=MOST_WALKED)

    assert pages(caller, "status=confirmed") == [[], [oldest]]
    assert [len(page) for page in pages(caller, "limit=100")] == [100] * 10 + [1]
