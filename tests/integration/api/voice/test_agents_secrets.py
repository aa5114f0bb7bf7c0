"""A secret of Retell or Vapi proves for the API key that it was stored for, and for no other."""

import json
from typing import Any

import pytest
import redis
import requests

from db.api_keys import voice_secrets
from db.models.api_keys import Platform
from tests.support.accounts.making import make_account
from tests.support.api.agents import (
    ENCRYPTION_KEY,
    RETELL_KEY,
    VAPI_SECRET,
    address,
    give_secret,
    post_signed,
    rpc,
    vapi_calls,
)
from tests.support.api.served import Api, Caller, Serving
from tests.support.api.tenants import ACTIONS, CALL, Tenant
from tests.support.fleet import eventually

OWN, THEIRS, WIPED = "a-secret-of-this-key", "a-secret-of-another", "a-secret-of-before"
CREDENTIALS = ("another tenant's", "the settings'", "wiped", "the other platform's", "an API key's handle")


@pytest.fixture(autouse=True)
def _nobody_was_wrong(valkey_url: str) -> None:
    """Forget the wrong secrets of before: of one address only twenty a minute are answered 401."""
    with redis.Redis.from_url(valkey_url) as counted:
        counted.flushall()


def ask_by(envelope: str, caller: Caller, action: str, given: dict[str, Any], secret: str) -> requests.Response:
    """Use a tool at the address of a key, with a secret instead of the key."""
    bearer = {"Authorization": f"Bearer {secret}"}
    if envelope == "plain":
        return caller.call("POST", address(caller, f"/v1/tools/{action}"), json=given, headers=bearer)
    if envelope == "mcp":
        return rpc(caller, "tools/call", {"name": action, "arguments": given}, bearer)
    if envelope == "vapi":
        return vapi_calls(caller, [{"id": "tc_1", "name": action, "arguments": given}], CALL, secret=secret)
    body = {"name": action, "call": {"call_id": CALL}, "args": given}
    if envelope == "retell":
        return post_signed(caller, address(caller, "/v1/voice/retell"), json.dumps(body).encode(), key=secret)
    path = address(caller, f"/v1/voice/retell/{action}", call_id=CALL)
    return post_signed(caller, path, json.dumps(given).encode(), key=secret)


def why_of(api: Api, answer: requests.Response) -> str:
    """Return why a request was refused, as the log says."""
    number = answer.headers["X-Correlation-Id"]
    [line] = eventually(lambda: [one for one in api.lines() if one.get("correlation_id") == number], what="its line")
    why: str = line["why"]
    return why


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("envelope", ["plain", "mcp", "vapi", "retell", "retell-args-only"])
@pytest.mark.parametrize("credential", CREDENTIALS)
def test_no_secret_but_its_own_opens_a_key(api: Api, envelope: str, credential: str, action: str) -> None:
    """401 with the same sentence for each, the tenant's booking stands, and the log says why."""
    tenant, other = Tenant(api, "plain"), api.key(account=make_account(api.engine)[0])
    of_vapi = envelope == "vapi"
    platform, elsewhere = (Platform.VAPI, Platform.RETELL) if of_vapi else (Platform.RETELL, Platform.VAPI)
    give_secret(other, platform, THEIRS)
    give_secret(tenant.caller, platform, OWN)
    give_secret(tenant.caller, elsewhere, f"{OWN}-elsewhere")
    before = tenant.stands()
    secret = {
        "another tenant's": THEIRS, "the settings'": VAPI_SECRET if of_vapi else RETELL_KEY, "wiped": WIPED,
        "the other platform's": f"{OWN}-elsewhere", "an API key's handle": tenant.caller.key[3:11],
    }[credential]  # fmt: skip

    answer = ask_by(envelope, tenant.caller, action, tenant.named(action), secret)

    assert answer.status_code == 401, answer.text
    assert answer.json()["say"] == "I cannot do that here."
    assert why_of(api, answer) == {
        "vapi": "X-Vapi-Secret is wrong", "plain": "what came as the API key is none",
        "mcp": "what came as the API key is none",
    }.get(envelope, "X-Retell-Signature is missing, wrong or of another time")  # fmt: skip
    assert tenant.stands() == before


@pytest.mark.parametrize("envelope", ["vapi", "retell", "retell-args-only"])
def test_each_secret_of_a_key_proves_while_it_is_changed(api: Api, envelope: str) -> None:
    """Without a restart, the old and the new one; what is wiped is refused within seconds."""
    tenant = Tenant(api, "plain")
    platform = Platform.VAPI if envelope == "vapi" else Platform.RETELL

    def status(secret: str) -> int:
        return ask_by(envelope, tenant.caller, "status", tenant.named("status"), secret).status_code

    assert status(OWN) == 401
    for secret in (WIPED, OWN):
        give_secret(tenant.caller, platform, secret)
    number = api.sql("SELECT id FROM api_keys WHERE name = :name", name=tenant.caller.name)
    eventually(lambda: [status(WIPED), status(OWN)] == [200, 200], what="both are read")
    with api.engine.begin() as conn:
        [old, _] = voice_secrets.of_key(conn, number)
        assert voice_secrets.remove(conn, number, old.fingerprint)
    eventually(lambda: status(WIPED) in {401, 429}, what="the wiped one is refused")
    assert status(OWN) == 200


def test_the_settings_prove_for_keys_of_default_without_a_secret(api: Api) -> None:
    """A key of another account has none then, and one of `default` with its own has those alone."""
    fallback, own = api.key(), api.key()
    elsewhere = api.key(account=make_account(api.engine)[0])
    give_secret(own, Platform.RETELL, OWN)

    def codes(platform: str, secret: str) -> list[int]:
        return [ask_by(platform, one, "status", {}, secret).status_code for one in (fallback, own, elsewhere)]

    assert codes("retell", RETELL_KEY) == [200, 401, 401]
    assert codes("vapi", VAPI_SECRET) == [200, 200, 401]
    answer = ask_by("retell", elsewhere, "status", {}, RETELL_KEY)
    assert why_of(api, answer) == "this API key has no secret of Retell's"


def test_a_secret_that_cannot_be_decrypted_proves_nothing(serving: Serving) -> None:
    """Nor do the settings' instead of it; the log names what to do."""
    api = serving.start(ACCOUNT_ENCRYPTION_KEYS=ENCRYPTION_KEY.replace("Zm9y", "Zm9z"))
    caller = give_secret(api.key(), Platform.RETELL, OWN)

    answers = [ask_by("retell", caller, "status", {}, secret) for secret in (OWN, RETELL_KEY)]

    assert [one.status_code for one in answers] == [401, 401]
    assert {why_of(api, one) for one in answers} == {
        "a secret of this API key cannot be decrypted: none of ACCOUNT_ENCRYPTION_KEYS opens the key"
    }
