"""Agents for tests: Retell's functions, whole and as arguments only, Vapi's tool calls, plain HTTP, and MCP."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import Any

import requests
from pydantic import SecretStr

from db.api_keys import voice_secrets
from db.models.api_keys import Platform
from tasks.accounts.keys import KeyCipher
from tasks.callers.sentences import SENTENCES, Said
from tasks.callers.voice_secrets import fingerprint_of
from tests.support.api.served import Caller
from tests.support.fleet import eventually
from worker.api.mcp.messages import CAPABILITIES_KEY, MODERN, VERSION_KEY
from worker.api.voice.sentences import ASKED, Asked
from worker.api.voice.signatures import sign

RETELL_KEY, VAPI_SECRET = "retell-key", "vapi-secret"
ENCRYPTION_KEY = base64.urlsafe_b64encode(b"for tests alone, and 32 bytes..!").decode()
SECRETS: Mapping[str, str] = MappingProxyType(
    {
        "RETELL_API_KEYS": f"old-retell-key {RETELL_KEY}",
        "VAPI_SECRETS": VAPI_SECRET,
        "ACCOUNT_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
)
ARGUMENTS: Mapping[str, Any] = MappingProxyType(
    {"start": "2030-03-05T10:00:00", "name": "Pat Example", "email": "pat@example.com"}
)
# Not by the function that is under test: a test of "nothing was stored" would then believe any sentence.
NOT_NOW = {
    said
    for language in ("en", "de")
    for said in (SENTENCES[language][Said.NOT_ACCEPTED], ASKED[language][Asked.STILL_AT_IT])
}
_numbers = count(1)


def some_arguments(**changes: Any) -> dict[str, Any]:
    """Return the arguments of a booking for a person of its own."""
    return {**ARGUMENTS, "email": f"caller{next(_numbers)}@example.com", **changes}


@dataclass(frozen=True)
class Heard:
    """What the agent was answered."""

    say: str
    answer: requests.Response
    status: str | None = None
    booking: int | None = None
    start: str | None = None


Ask = Callable[..., Heard]


def address(caller: Caller, path: str, **more: str) -> str:
    """Return an agent's address for a key."""
    given = {"key": caller.key[3:11], "type": "101", "time_zone": "Europe/Berlin", "within": "20", **more}
    return f"{path}?" + "&".join(f"{name}={value}" for name, value in given.items())


def give_secret(caller: Caller, platform: Platform, secret: str) -> Caller:
    """Store a secret of a key's agents; return who signs with it, if it is Retell's."""
    number = caller.api.sql("SELECT id FROM api_keys WHERE name = :name", name=caller.name)
    cipher, told = KeyCipher([SecretStr(ENCRYPTION_KEY)]), SecretStr(secret)
    encrypted = cipher.encrypt(told, api_key=number, platform=platform)
    with caller.api.engine.begin() as conn:
        assert voice_secrets.add(conn, number, platform, fingerprint_of(platform, told), encrypted)
    return replace(caller, retell_key=secret) if platform is Platform.RETELL else caller


def post_signed(
    caller: Caller, path: str, body: bytes, *, key: str | None = None, at: float | None = None, signature: str = ""
) -> requests.Response:
    """Send a body as Retell does."""
    key = (caller.retell_key or RETELL_KEY) if key is None else key
    header = signature or sign(body, key, round((time.time() if at is None else at) * 1000))
    headers = {"X-Retell-Signature": header, "Content-Type": "application/json"}
    return caller.api.call("POST", path, data=body, headers=headers)


def retell(caller: Caller, tool: str, arguments: Mapping[str, Any], call: str, **more: str) -> Heard:
    """Use a custom function whose whole payload is sent."""
    body = {"name": tool, "call": {"call_id": call, "from_number": "+12025550100"}, "args": arguments}
    path = address(caller, "/v1/voice/retell", **more)
    return _from_retell(post_signed(caller, path, json.dumps(body).encode()))


def retell_args_only(caller: Caller, tool: str, arguments: Mapping[str, Any], call: str, **more: str) -> Heard:
    """Use a custom function of which the arguments alone are sent."""
    named = {"call_id": call} if call else {}
    path = address(caller, f"/v1/voice/retell/{tool}", **named, **more)
    return _from_retell(post_signed(caller, path, json.dumps(arguments).encode()))


def plain(caller: Caller, tool: str, arguments: Mapping[str, Any], call: str, **more: str) -> Heard:
    """Use a tool by its own address, with the key."""
    path = address(caller, f"/v1/tools/{tool}", **more)
    return _from_retell(caller.call("POST", path, json=arguments, headers={"X-Call-Id": call} if call else {}))


def mcp(caller: Caller, tool: str, arguments: Mapping[str, Any], call: str, **more: str) -> Heard:
    """Use a tool by MCP, as a client of the newest revision does."""
    params = {"name": tool, "arguments": arguments}
    answer = rpc(caller, "tools/call", params, {"X-Call-Id": call} if call else {}, **more)
    assert answer.status_code == 200, answer.text
    document = answer.json()["result"]["structuredContent"]
    return Heard(document["say"], answer, document["status"], document["booking"], document["start"])


def rpc(
    caller: Caller, method: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None, **more: str
) -> requests.Response:
    """Send a request of MCP, with what the newest revision wants in its body and its headers."""
    meta = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}
    body = {"jsonrpc": "2.0", "id": next(_numbers), "method": method, "params": {**params, "_meta": meta}}
    mirrored = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    if "name" in params:
        mirrored["Mcp-Name"] = params["name"]
    return caller.call("POST", address(caller, "/v1/mcp", **more), json=body, headers={**mirrored, **(headers or {})})


def vapi(caller: Caller, tool: str, arguments: Mapping[str, Any], call: str, **more: str) -> Heard:
    """Use one tool."""
    answer = vapi_calls(caller, [{"id": "tc_1", "name": tool, "arguments": arguments}], call, **more)
    [result] = answer.json()["results"]
    assert result["toolCallId"] == "tc_1"
    return Heard(result["result"], answer)


def vapi_calls(
    caller: Caller, calls: list[dict[str, Any]], call: str, *, secret: str | None = None, **more: str
) -> requests.Response:
    """Use several tools at once, with the key, or with a secret instead of it."""
    body = {"message": {"type": "tool-calls", "call": {"id": call}, "toolCallList": calls}}
    path = address(caller, "/v1/voice/vapi", **more)
    if secret is not None:
        return caller.api.call("POST", path, json=body, headers={"X-Vapi-Secret": secret})
    return caller.call("POST", path, json=body)


AGENTS: Mapping[str, Ask] = MappingProxyType(
    {"retell": retell, "retell-args-only": retell_args_only, "vapi": vapi, "plain": plain, "mcp": mcp}
)


def briefly(ask: Ask, caller: Caller, tool: str, arguments: Mapping[str, Any], call: str, **more: str) -> Heard:
    """Use a tool whose work no worker is there for, with little time; again, if it was not enough to store it."""

    def heard() -> Heard | None:
        told: Heard = ask(caller, tool, arguments, call, within="0.5", **more)
        return None if told.say in NOT_NOW else told

    return eventually(heard)


def _from_retell(answer: requests.Response) -> Heard:
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document.keys() == {"say", "status", "booking", "start"}
    return Heard(document["say"], answer, document["status"], document["booking"], document["start"])
