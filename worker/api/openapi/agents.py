"""What the OpenAPI document says of the tools, in each of their envelopes."""

from collections.abc import Mapping
from typing import Any

from tasks.callers.languages import ACCEPTED, TAGS
from tasks.conversations.conversation import CALL_ID
from worker.api.mcp.messages import VERSIONS, RpcAnswer
from worker.api.openapi.parts import READ, answer, parameter, problems
from worker.api.voice.address import CALL_HEADERS
from worker.api.voice.answers import ToolAnswer
from worker.api.voice.schemas import SCHEMAS
from worker.api.voice.tools import TOOLS
from worker.api.voice.vapi import VapiAnswer

_ADDRESS = [
    parameter("type", "query", {"type": "integer", "minimum": 1}, "The id of the event type."),
    parameter("lang", "query", {"pattern": TAGS, "default": "en"}, f"The language of the sentences: {ACCEPTED}."),
    parameter("within", "query", {"type": "number", "minimum": 0.5, "maximum": 20, "default": 2.5}, "Seconds."),
    parameter("time_zone", "query", {"type": "string"}, "The zone of times without an offset (IANA)."),
    parameter("call_id", "query", {"type": "string", "pattern": CALL_ID.pattern}, "The call's id."),
]
_HANDLE = parameter("key", "query", {"type": "string"}, "The first 8 characters of an API key after bw_; no secret.")
_TOOL = parameter("tool", "path", {"enum": list(TOOLS)}, "The tool.", required=True)


def _body_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": dict(schema)}}}}


def _or_rpc(text: str, described: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe an error of JSON-RPC, beside the problem that has the same status."""
    known = described or {"description": "", "content": {}, "headers": _PROBLEMS[401]["headers"]}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/RpcAnswer"}}}
    description = " ".join(filter(None, (known["description"], text)))
    return {**known, "description": description, "content": known["content"] | content}


_PROBLEMS = problems(*READ)
_ANY_OBJECT = _body_of({"type": "object"})
_RPC = {
    "type": "object",
    "required": ["jsonrpc", "method"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "integer"]},
        "method": {"type": "string"},
        "params": {"type": "object"},
    },
}
RETELL: dict[str, Any] = {
    "response_model": None,
    "responses": {**problems(*READ), 200: answer(ToolAnswer, "A sentence for the caller.")},
    "openapi_extra": {**_ANY_OBJECT, "parameters": [_HANDLE, *_ADDRESS], "security": [{"retell": []}]},
}
RETELL_TOOL: dict[str, Any] = RETELL | {
    "responses": {**RETELL["responses"], **problems(*READ, "no-such-tool")},
    "openapi_extra": {**RETELL["openapi_extra"], "parameters": [_TOOL, _HANDLE, *_ADDRESS]},
}
VAPI: dict[str, Any] = {
    "response_model": None,
    "responses": {**problems(*READ), 200: answer(VapiAnswer, "A result for each tool call.")},
    "openapi_extra": {**_ANY_OBJECT, "parameters": [_HANDLE, *_ADDRESS], "security": [{"key": []}, {"vapi": []}]},
}
_CALL = [
    parameter(name, "header", {"type": "string", "pattern": CALL_ID.pattern}, "The call, or the conversation.")
    for name in CALL_HEADERS
]
MCP: dict[str, Any] = {
    "response_model": None,
    "responses": {
        **_PROBLEMS,
        200: answer(RpcAnswer, "The answer to a request."),
        202: {"description": "It is a notification.", "headers": _PROBLEMS[401]["headers"]},
        400: _or_rpc(
            "It is no message, or not of a revision that is spoken here, or its headers differ.", _PROBLEMS[400]
        ),
        403: _or_rpc("A browser has sent it.", _PROBLEMS[403]),
        404: _or_rpc("Its method is not offered."),
    },
    "openapi_extra": {
        **_body_of(_RPC),
        "parameters": [
            parameter("MCP-Protocol-Version", "header", {"enum": list(VERSIONS)}, "The revision of MCP."),
            parameter("Mcp-Method", "header", {"type": "string"}, "From 2026-07-28 on: the method of the message."),
            parameter("Mcp-Name", "header", {"type": "string"}, "From 2026-07-28 on: the tool that is called."),
            *_CALL,
            *_ADDRESS,
        ],
    },
}


def plain(tool: str) -> dict[str, Any]:
    """Describe a tool over plain HTTP."""
    described = SCHEMAS[tool]
    return {
        "response_model": None,
        "summary": described.text,
        "responses": {**problems(*READ, "no-such-tool"), 200: answer(ToolAnswer, "A sentence for the person.")},
        "openapi_extra": {**_body_of(described.parameters), "parameters": [*_CALL, *_ADDRESS]},
    }
