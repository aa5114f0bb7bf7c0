"""MCP over HTTP as its specification has it, in the newest revision and those before it, and by the SDK's client.

https://modelcontextprotocol.io/specification/2026-07-28 and 2025-11-25.
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
import requests

from db.api_keys.keys import Scope
from tests.support.api.agents import address, mcp, rpc, some_arguments
from tests.support.api.served import Api, Caller
from worker.api.mcp.messages import CAPABILITIES_KEY, LEGACY, MODERN, VERSION_KEY, VERSIONS
from worker.api.voice.schemas import SCHEMAS

META = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}
HEADERS = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "status"}
CALLED = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "status", "_meta": META}}
LATER = "2199-01-01"
ROWS = "SELECT count(*) FROM appointments WHERE attendee_email = :email"


@pytest.fixture(scope="module", autouse=True)
def outage(api: Api) -> None:
    """Have somebody wait for Cal.com, so that each caller is noted at once."""
    api.hold_somebody()


def post(caller: Caller, body: Any, headers: Mapping[str, str] | None = None) -> requests.Response:
    """Send a message as it is."""
    answer: requests.Response = caller.call("POST", address(caller, "/v1/mcp"), json=body, headers=headers or {})
    return answer


def legacy(caller: Caller, method: str, params: Any = None, version: str = LEGACY[0]) -> requests.Response:
    """Send a request of a revision that has a handshake."""
    headers = {"MCP-Protocol-Version": version}
    return post(caller, {"jsonrpc": "2.0", "id": "a", "method": method, "params": params or {}}, headers)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdks_client_books_moves_asks_and_cancels(api: Api, mode: str) -> None:
    """By discovery and by the handshake; what it books twice is one booking, without any key of the model's."""
    from mcp import Client  # noqa: PLC0415 - a second, for each process that reads the tests
    from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client  # noqa: PLC0415 - the same

    caller, asked = api.key(), some_arguments()
    named = {"email": asked["email"], "start": asked["start"]}

    async def told() -> tuple[set[str], list[Any]]:
        url = api.url + address(caller, "/v1/mcp")
        async with (
            create_mcp_http_client(headers={"Authorization": f"Bearer {caller.key}"}) as http,
            Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            tools = {tool.name for tool in (await client.list_tools()).tools}
            uses = [
                ("book", asked), ("book", asked), ("status", named), ("slots", {"date": "2030-03-05"}),
                ("cancel", named), ("cancel", named),
            ]  # fmt: skip
            return tools, [await client.call_tool(tool, arguments) for tool, arguments in uses]

    tools, results = asyncio.run(told())

    assert tools == SCHEMAS.keys()
    said = [(one.is_error, one.structured_content["say"].split(".")[0]) for one in results]
    noted = (False, "The calendar does not answer right now")
    assert said[:3] == [noted] * 3
    assert said[4:] == [(False, "It is cancelled"), (False, "It is cancelled already")]
    assert api.sql(ROWS, email=asked["email"]) == 1


def test_each_request_of_the_newest_revision_stands_alone(api: Api) -> None:
    """Results name the server, and lists may be kept for a while, by this key alone."""
    caller = api.key()
    found, listed = (rpc(caller, method, {}).json()["result"] for method in ("server/discover", "tools/list"))
    called = rpc(caller, "tools/call", {"name": "status"}).json()["result"]

    for result in (found, listed, called):
        assert result["resultType"] == "complete"
        assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "booking-worker"
    for result in (found, listed):
        assert (result["cacheScope"], result["ttlMs"]) == ("private", 300_000)
    assert found["supportedVersions"] == list(VERSIONS)
    assert found["capabilities"] == {"tools": {}}
    assert "ttlMs" not in called


def test_a_list_has_the_tools_of_its_key_and_answers_are_of_their_schema(api: Api) -> None:
    """Another tool is called in vain, with a sentence; the schemas are JSON Schema."""
    reader = api.key({Scope.READ})
    tools = rpc(reader, "tools/list", {}).json()["result"]["tools"]
    refused = rpc(reader, "tools/call", {"name": "cancel", "arguments": {}}).json()["result"]
    answer = rpc(reader, "tools/call", {"name": "status", "arguments": {}}).json()["result"]["structuredContent"]

    assert [(tool["name"], tool["annotations"]["readOnlyHint"]) for tool in tools] == [("status", True)]
    [tool] = tools
    assert (refused["isError"], refused["structuredContent"]["say"]) == (True, "I cannot do that here.")
    jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
    jsonschema.validate(answer, tool["outputSchema"])
    assert answer["status"] == "asked"


def test_the_calls_id_of_a_header_names_the_call(api: Api) -> None:
    """Without arguments the tools mean its booking; another call, or an id that nobody filled in, is another."""
    caller, asked = api.key(), some_arguments()
    mcp(caller, "book", asked, "call-90")

    def status(headers: dict[str, str]) -> str:
        answer = rpc(caller, "tools/call", {"name": "status", "arguments": {}}, headers)
        said: str = answer.json()["result"]["structuredContent"]["say"]
        return said

    assert "I have noted" in status({"X-Call-Id": "call-90"})
    assert "I have noted" in status({"X-Conversation-Id": "call-90"})
    others = [{"X-Call-Id": "call-91"}, {"X-Session-Id": "call-90"}, {"X-Call-Id": "{{call_id}}"}, {}]
    assert {status(one)[:13] for one in others} == {"For which day"}


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"Mcp-Method": "tools/list"}, {}, 400, -32020), ({"Mcp-Name": "book"}, {}, 400, -32020),
        ({"MCP-Protocol-Version": "2025-11-25"}, {}, 400, -32020), ({"Mcp-Name": ""}, {}, 400, -32020),
        ({"Mcp-Name": "=?base64?!?="}, {}, 400, -32020),
        ({}, {"params": {"_meta": {VERSION_KEY: MODERN}}}, 400, -32602),
        ({}, {"params": {"name": "status"}}, 400, -32602), ({}, {"params": {"_meta": 5}}, 400, -32602),
        ({"MCP-Protocol-Version": LATER}, {"params": {"name": "status", "_meta": {**META, VERSION_KEY: LATER}}},
         400, -32022),
        ({"Mcp-Method": "ping"}, {"method": "ping"}, 404, -32601),
        ({"Mcp-Method": "initialize"}, {"method": "initialize"}, 404, -32601),
        ({"Mcp-Method": "subscriptions/listen"}, {"method": "subscriptions/listen"}, 404, -32601),
        ({"Mcp-Name": "explode"}, {"params": {"name": "explode", "_meta": META}}, 400, -32602),
        ({}, {"params": {"name": "status", "arguments": [1], "_meta": META}}, 400, -32602),
        ({"Mcp-Method": "tools/list"}, {"method": "tools/list", "params": {"cursor": "x", "_meta": META}}, 400, -32602),
        ({}, {"id": None}, 400, -32600), ({}, {"id": True}, 400, -32600), ({}, {"id": "\ud800"}, 400, -32600),
        ({}, {"jsonrpc": "1.0"}, 400, -32600), ({}, {"method": 5}, 400, -32600), ({}, {"params": []}, 400, -32600),
    ],
)  # fmt: skip
def test_what_is_no_message_of_the_newest_revision_is_refused(
    api: Api, headers: dict[str, str], body: dict[str, Any], status: int, code: int
) -> None:
    """With the status and the code of the specification; what headers say is what the message says."""
    answer = post(api.key(), {**CALLED, **body}, {**HEADERS, **headers})

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert answer.json().get("id") == (None if code == -32600 else 1)
    if code == -32022:
        assert answer.json()["error"]["data"] == {"supported": list(VERSIONS), "requested": LATER}


def test_a_name_may_be_written_in_base64(api: Api) -> None:
    """As the specification has it for what no header can say."""
    written = base64.b64encode(b"status").decode()

    assert post(api.key(), CALLED, {**HEADERS, "Mcp-Name": f"=?base64?{written}?="}).status_code == 200


def test_revisions_with_a_handshake_are_spoken_too(api: Api) -> None:
    """Statelessly: no session is begun, an unknown revision is answered with the newest of these, errors are 200."""
    caller = api.key()
    agreed = {
        asked: legacy(caller, "initialize", {"protocolVersion": asked}).json()["result"]["protocolVersion"]
        for asked in (*LEGACY, "2024-11-05", MODERN)
    }
    begun = legacy(caller, "initialize", {"protocolVersion": LEGACY[0]})
    notified = post(caller, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    listed = legacy(caller, "tools/list").json()["result"]

    assert agreed == {LEGACY[0]: LEGACY[0], LEGACY[1]: LEGACY[1], "2024-11-05": LEGACY[0], MODERN: LEGACY[0]}
    assert "mcp-session-id" not in begun.headers
    assert (notified.status_code, notified.content) == (202, b"")
    assert legacy(caller, "ping").json() == {"jsonrpc": "2.0", "id": "a", "result": {}}
    assert ({tool["name"] for tool in listed["tools"]}, "resultType" in listed) == (SCHEMAS.keys(), False)
    unknown = legacy(caller, "resources/list")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (200, -32601)
    explode = legacy(caller, "tools/call", {"name": "explode"}).json()["error"]
    assert (explode["code"], explode["data"]["say"]) == (-32602, "I cannot do that here.")
    assert legacy(caller, "tools/list", version="2024-11-05").status_code == 400
    assert post(caller, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).status_code == 200


def test_no_stream_no_session_and_no_browser(api: Api) -> None:
    """GET and DELETE are 405; what has an Origin is 403, before its key is looked at; no answer is for a page."""
    caller = api.key()
    streams = [caller.call(method, address(caller, "/v1/mcp")) for method in ("GET", "DELETE")]
    page = post(Caller(api, "guessed", "page"), CALLED, {**HEADERS, "Origin": api.url})

    assert [(one.status_code, one.headers["Allow"]) for one in streams] == [(405, "POST")] * 2
    assert page.status_code == 403
    assert (page.json()["error"]["code"], "id" in page.json()) == (-32600, False)
    assert "access-control-allow-origin" not in page.headers


def test_a_body_that_is_no_json_is_a_parse_error(api: Api) -> None:
    """Also half of one; a large one and another type are refused as everywhere, with a sentence."""
    caller, path = api.key(), "/v1/mcp?type=101"

    def send(body: bytes, kind: str = "application/json") -> requests.Response:
        answer: requests.Response = caller.call("POST", path, data=body, headers={"Content-Type": kind})
        return answer

    wrong = [send(body) for body in (b"", b'{"jsonrpc": "2.0"', b'{"a": "\xff"}', b'{"a":1,"a":2}')]
    others = [send(b'{"a":"' + b"x" * 70_000 + b'"}'), send(b"{}", "text/plain")]

    assert [(one.status_code, one.json()["error"]["code"]) for one in wrong] == [(400, -32700)] * 4
    assert [(one.status_code, one.json()["say"]) for one in others] == [
        (413, "I cannot do that here."), (415, "I cannot do that here."),
    ]  # fmt: skip


def test_a_used_up_rate_is_429_but_for_a_call_which_has_a_sentence(api: Api) -> None:
    """A model says something true, and a client waits."""
    caller = api.key(rate=1)
    rpc(caller, "tools/list", {})

    listed = rpc(caller, "tools/list", {})
    called = rpc(caller, "tools/call", {"name": "book", "arguments": some_arguments()}).json()["result"]

    assert (listed.status_code, "Retry-After" in listed.headers) == (429, True)
    assert (called["isError"], called["structuredContent"]["status"]) == (True, "not_accepted")
