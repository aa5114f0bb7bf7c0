"""Nobody reaches another tenant's bookings by any envelope: a table of envelope, credential and action."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import redis
import requests

from db.api_keys.key_text import new_key
from tests.support.accounts.making import make_account
from tests.support.api.agents import AGENTS, address, briefly, post_signed, rpc, some_arguments, vapi_calls
from tests.support.api.served import NOT_HELD, Api, Caller
from tests.support.fleet import eventually

ACTIONS: Mapping[str, Mapping[str, Any]] = {
    "status": {}, "cancel": {}, "reschedule": {"new_start": "2030-03-06T10:00:00"},
    "book": {"name": "Pat Example"}, "slots": {"date": "2030-03-05"},
}  # fmt: skip
CALL = "call-80"
_CHANGES = "SELECT count(*) FROM booking_changes WHERE appointment_id = :id"
_ROW = "SELECT row(status, start_at, api_key_id, cancel_requested)::text FROM appointments WHERE id = :id"


class Tenant:
    """A tenant whose call has booked, in an account of its own."""

    def __init__(self, api: Api, envelope: str) -> None:
        self.api = api
        self.caller = api.key(account=make_account(api.engine)[0])
        self.asked = some_arguments()
        briefly(AGENTS[envelope], self.caller, "book", self.asked, CALL)
        self.booking = api.sql("SELECT id FROM appointments WHERE attendee_email = :email", email=self.asked["email"])
        there = f"status = 'confirmed', calcom_booking_uid = 'u' || id, {NOT_HELD}"
        api.sql(f"UPDATE appointments SET {there} WHERE id = :id", id=self.booking)  # noqa: S608 - ours

    def stands(self) -> tuple[Any, Any]:
        """Return how its booking stands, and how many changes it has."""
        return self.api.sql(_ROW, id=self.booking), self.api.sql(_CHANGES, id=self.booking)

    def named(self, action: str) -> dict[str, Any]:
        """Return the arguments that name its booking as well as can be."""
        return {"email": self.asked["email"], "start": self.asked["start"], **ACTIONS[action]}


@pytest.mark.parametrize("envelope", AGENTS)
@pytest.mark.parametrize("account", ["another account", "the same account"])
def test_another_tenants_key_finds_nothing(api: Api, envelope: str, account: str) -> None:
    """It names the call, the person and the start; its own request for them is a booking of its own."""
    tenant = Tenant(api, envelope)
    same = api.sql("SELECT account_id FROM api_keys WHERE name = :name", name=tenant.caller.name)
    other = api.key(account=same if account == "the same account" else make_account(api.engine)[0])
    before = tenant.stands()

    heard = {
        action: briefly(AGENTS[envelope], other, action, tenant.named(action), CALL)
        for action in ("status", "cancel", "reschedule", "book")
    }

    assert {heard[action].say[:35] for action in ("status", "cancel", "reschedule")} == {
        "I cannot find that appointment. Ple"
    }
    assert heard["book"].booking != tenant.booking
    assert tenant.stands() == before
    owners = "SELECT array_agg(DISTINCT api_key_id ORDER BY api_key_id) FROM appointments WHERE attendee_email = :email"
    assert len(api.sql(owners, email=tenant.asked["email"])) == 2


def ask_with(envelope: str, caller: Caller, action: str, given: dict[str, Any], *, signed_by: str) -> requests.Response:
    """Use a tool, whatever the answer is; `signed_by` is Retell's key."""
    if envelope == "plain":
        return caller.call("POST", address(caller, f"/v1/tools/{action}"), json=given, headers={"X-Call-Id": CALL})
    if envelope == "mcp":
        return rpc(caller, "tools/call", {"name": action, "arguments": given}, {"X-Call-Id": CALL})
    if envelope == "vapi":
        return vapi_calls(caller, [{"id": "tc_1", "name": action, "arguments": given}], CALL)
    path = address(caller, f"/v1/voice/retell/{action}", call_id=CALL)
    return post_signed(caller, path, json.dumps(given).encode(), key=signed_by)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("envelope", ["plain", "mcp", "vapi", "retell"])
@pytest.mark.parametrize("credential", ["none", "no key of ours", "guessed", "revoked"])
def test_without_a_key_in_force_nobody_comes_in(
    api: Api, valkey_url: str, envelope: str, credential: str, action: str
) -> None:
    """401 with a sentence, the same for each reason; the log has the reason."""
    with redis.Redis.from_url(valkey_url) as counted:  # of one address only twenty a minute are answered so
        counted.flushall()
    tenant = Tenant(api, "plain")
    before, revoked = tenant.stands(), api.key()
    api.sql("UPDATE api_keys SET revoked_at = now() WHERE name = :name", name=revoked.name)
    keys = {
        "none": "", "no key of ours": "a-password", "revoked": revoked.key,
        "guessed": new_key(tenant.caller.key[3:11]),
    }  # fmt: skip
    intruder = Caller(api, keys[credential], "intruder")

    answer = ask_with(envelope, intruder, action, tenant.named(action), signed_by="a-guess")

    assert answer.status_code == 401, answer.text
    assert answer.json()["say"] == "I cannot do that here."
    why = {
        "none": "no API key came", "no key of ours": "what came as the API key is none",
        "revoked": "this API key is not in force", "guessed": "this API key is not in force",
    }  # fmt: skip
    number = answer.headers["X-Correlation-Id"]
    [line] = eventually(lambda: [one for one in api.lines() if one.get("correlation_id") == number], what="its line")
    signature = "X-Retell-Signature is missing, wrong or of another time"
    assert line["why"] == (signature if envelope == "retell" else why[credential])
    assert tenant.stands() == before
