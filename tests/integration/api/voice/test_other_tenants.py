"""Nobody reaches another tenant's bookings by any envelope: a table of envelope, credential and action."""

import json
from typing import Any

import pytest
import redis
import requests

from db.api_keys.key_text import new_key
from db.models.api_keys import Platform
from tests.support.accounts.making import make_account
from tests.support.api.agents import AGENTS, address, briefly, give_secret, post_signed, rpc, vapi_calls
from tests.support.api.served import Api, Caller
from tests.support.api.tenants import ACTIONS, CALL, Tenant
from tests.support.fleet import eventually


@pytest.mark.parametrize("envelope", AGENTS)
@pytest.mark.parametrize("account", ["another account", "the same account"])
def test_another_tenants_key_finds_nothing(api: Api, envelope: str, account: str) -> None:
    """It names the call, the person and the start; its own request for them is a booking of its own."""
    tenant = Tenant(api, envelope)
    same = api.sql("SELECT account_id FROM api_keys WHERE name = :name", name=tenant.caller.name)
    other = api.key(account=same if account == "the same account" else make_account(api.engine)[0])
    other = give_secret(other, Platform.RETELL, f"retell-of-{other.name}")
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
    if envelope == "retell":
        guessed = "this API key has no secret of Retell's"
        why = dict.fromkeys(why, "no API key in force has the `key` of the address") | {"guessed": guessed}
    assert line["why"] == why[credential]
    assert tenant.stands() == before
