"""An API key is one account's: what it asks for is booked there, it sees nothing else, and no body names an account."""

from typing import Any, NamedTuple

import pytest

from db.models.api_keys import Platform
from tests.support.accounts.making import close_account, make_account
from tests.support.api.agents import briefly, give_secret, retell, some_arguments, vapi
from tests.support.api.served import NOT_HELD, Api, a_request

PERIOD = {"from": "2030-01-01T00:00:00Z", "to": "2032-01-01T00:00:00Z"}


class Salon(NamedTuple):
    """An account beside `default`."""

    number: int
    name: str


@pytest.fixture(scope="module")
def salon(api: Api) -> Salon:
    """Write an account."""
    return Salon(*make_account(api.engine))


def account_of(api: Api, booking: Any) -> Any:
    """Return the account of a booking."""
    return api.sql("SELECT account_id FROM appointments WHERE id = :id", id=booking)


def test_a_booking_is_of_its_keys_account(api: Api, salon: Salon) -> None:
    """One, those of a batch, and one of a telephone call; a repeat is the same one."""
    caller, asked = api.key(account=salon.number), a_request()
    one = caller.booked(asked, key="form-1")
    batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": [a_request()]}).json()["results"]
    agent = give_secret(caller, Platform.RETELL, f"retell-of-{caller.name}")
    told = briefly(retell, agent, "book", some_arguments(), "call-1")
    again = caller.book(asked, key="form-1")

    numbers = [one, batch[0]["booking"]["id"], told.booking]
    assert [account_of(api, number) for number in numbers] == [salon.number] * 3
    assert (again.status_code, again.json()["id"]) == (200, one)
    assert account_of(api, api.key().booked(asked, key="form-1")) == 1


def test_a_key_changes_what_it_has_in_its_account(api: Api, salon: Salon) -> None:
    """Once, and again; what it sees there: tests/integration/api/test_api_own_bookings.py."""
    caller = api.key(account=salon.number)
    one = caller.booked()

    told = [caller.call("POST", f"/v1/bookings/{one}/cancel", json={}).json()["status"] for _ in range(2)]

    assert told == ["done", "done"]


@pytest.mark.parametrize("named", ["default", "salon"])
def test_no_body_names_an_account(api: Api, salon: Salon, named: str) -> None:
    """422, also where it is the key's own, and nothing is stored."""
    name = salon.name if named == "salon" else named
    caller = api.key(account=salon.number)
    one = caller.booked()
    before = api.sql("SELECT count(*) FROM appointments")
    asked = [
        ("", {**a_request(), "account": name}),
        ("/find", {"email": "pat@example.com", **PERIOD, "account": name}),
        (f"/{one}/cancel", {"account": name}),
        (f"/{one}/reschedule", {"start": "2030-03-05T12:00:00+01:00", "account": name}),
    ]

    answers = [caller.call("POST", f"/v1/bookings{path}", json=body) for path, body in asked]
    batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": [{**a_request(), "account": name}]}).json()
    assert [answer.status_code for answer in answers] + [batch["results"][0]["status"]] == [422] * 5
    assert {answer.json()["errors"][0]["field"] for answer in answers} == {"account"}
    assert api.sql("SELECT count(*) FROM appointments") == before


def test_the_key_of_a_closed_account_books_nothing(api: Api) -> None:
    """403; it reads what it has."""
    number, _ = make_account(api.engine)
    caller = api.key(account=number)
    one = caller.booked()
    api.sql(f"UPDATE appointments SET status = 'cancelled', {NOT_HELD} WHERE id = :id", id=one)  # noqa: S608 - ours
    api.sql("UPDATE calcom_accounts SET state = 'closed', encrypted_key = NULL WHERE id = :id", id=number)

    batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": [a_request()]})
    assert [caller.book().status_code, batch.status_code] == [403, 403]
    assert caller.book().json()["type"] == "/problems/scope"
    assert caller.get(f"/v1/bookings/{one}").status_code == 200


def test_the_key_of_a_closed_account_changes_nothing(api: Api) -> None:
    """403, and by telephone a sentence that promises nothing; no wish is kept."""
    number, _ = make_account(api.engine)
    caller = api.key(account=number)
    one = caller.booked()
    briefly(vapi, caller, "book", some_arguments(), "call-1")
    there = f"status = 'confirmed', calcom_booking_uid = 'uid-' || id, {NOT_HELD}"
    api.sql(f"UPDATE appointments SET {there} WHERE account_id = :id", id=number)  # noqa: S608 - ours
    before = api.sql("SELECT count(*) FROM booking_changes")
    close_account(api.engine, number)

    refused = [
        caller.call("POST", f"/v1/bookings/{one}/{what}", json=body)
        for what, body in (("cancel", {}), ("reschedule", {"start": "2030-03-05T12:00:00+01:00"}))
    ]
    said = [
        briefly(vapi, caller, tool, arguments, "call-1").say
        for tool, arguments in (
            ("cancel", {}),
            ("reschedule", {"new_start": "2030-03-05T12:00:00"}),
            ("book", some_arguments()),
        )
    ]

    assert [(answer.status_code, answer.json()["type"]) for answer in refused] == [(403, "/problems/scope")] * 2
    assert {answer.json()["detail"] for answer in refused} == {"The account of the API key is closed."}
    assert [sentence.startswith("This calendar is closed for me") for sentence in said] == [True] * 3, said
    assert api.sql("SELECT count(*) FROM booking_changes") == before
