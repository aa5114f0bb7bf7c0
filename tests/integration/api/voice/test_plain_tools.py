"""The tools over plain HTTP, for whatever sends a key and flat arguments: platforms of agents, and of workflows."""

from typing import Any

import pytest
import requests

from db.api_keys.keys import Scope
from tests.support.api.agents import address, plain, some_arguments
from tests.support.api.served import Api, Caller

ROWS = "SELECT count(*) FROM appointments WHERE attendee_email = :email"


def post(caller: Caller, tool: str, body: Any, **given: Any) -> requests.Response:
    """Use a tool, whatever the answer is."""
    answer: requests.Response = caller.call(
        "POST", address(caller, f"/v1/tools/{tool}", within="0.5"), json=body, **given
    )
    return answer


def test_a_repeat_without_any_key_is_the_same_booking(api: Api) -> None:
    """By the call's id, else by person, type and start; what a model makes up is no key."""
    caller, asked = api.key(), some_arguments()

    heard = [
        plain(caller, "book", {**asked, "idempotency_key": f"try-{number}"}, call, within="2")
        for number, call in enumerate(("", "", "call-1", "call-1", "call-2"))
    ]

    assert len({one.booking for one in heard}) == 1
    assert api.sql(ROWS, email=asked["email"]) == 1


def test_a_tool_needs_its_scope_and_no_other(api: Api) -> None:
    """403 with a sentence; the key itself proves who it is, so no agent has to be allowed to name it."""
    reader = api.key({Scope.READ})

    refused = [post(reader, tool, {}) for tool in ("book", "slots", "cancel", "reschedule")]

    assert [(one.status_code, one.json()["say"]) for one in refused] == [(403, "I cannot do that here.")] * 4
    assert post(reader, "status", {}).json()["status"] == "asked"


@pytest.mark.parametrize(
    ("tool", "given", "status"),
    [
        ("explode", {"json": {}}, 404), ("book", {"data": b"{"}, 400), ("book", {"data": b"[]"}, 400),
        ("book", {"data": b'{"a":"' + b"x" * 70_000 + b'"}'}, 413),
        ("book", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("book?type=x", {"json": {}}, 422),
    ],
)  # fmt: skip
def test_an_error_has_a_sentence(api: Api, tool: str, given: dict[str, Any], status: int) -> None:
    """In the language of the address."""
    caller = api.key()
    path = f"/v1/tools/{tool}{'&' if '?' in tool else '?'}lang=de"
    given = {"headers": {"Content-Type": "application/json"}, **given} if "data" in given else given

    answer = caller.call("POST", path, **given)

    assert (answer.status_code, answer.json()["say"]) == (status, "Das kann ich hier nicht tun.")


def test_a_status_says_what_has_come_of_it(api: Api) -> None:
    """A workflow branches on it, where a person hears the sentence."""
    caller, asked = api.key(), some_arguments()

    told = {
        "no name": post(caller, "book", {**asked, "name": ""}),
        "booked": post(caller, "book", asked),
        "nothing known": post(caller, "slots", {"date": "2030-03-05"}),
        "rate": post(api.key(rate=1), "book", some_arguments()),
    }
    statuses = {name: answer.json()["status"] for name, answer in told.items()}

    assert statuses.pop("nothing known") in {"not_known", "free"}
    assert statuses.pop("rate") in {"pending", "held", "not_known"}
    assert statuses["no name"] == "asked"
    assert statuses["booked"] in {"pending", "held", "not_known"}
