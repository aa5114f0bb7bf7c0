"""Answer MCP's messages: the tools that the API key may use are listed and called, and nothing else is offered.

No session and no stream: each message is answered with one object of JSON. A use of a tool that is repeated is the same
request by the call's id, or by person, type and start; no key of a model's is needed.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import json_response
from worker.api.bodies import json_object
from worker.api.gate import Admitted
from worker.api.mcp.messages import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    LEGACY,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    SERVER_KEY,
    VERSIONS,
    Message,
    RpcError,
)
from worker.api.problems import ApiError
from worker.api.voice.address import call_in
from worker.api.voice.answering import Answering, Asking
from worker.api.voice.answers import ToolAnswer, speaking
from worker.api.voice.schemas import INSTRUCTIONS, SCHEMAS
from worker.api.voice.sentences import Asked, ToolOutcome, asked_in
from worker.api.voice.tools import TOOLS
from worker.version import version

FRESH_MS = 300_000  # how long a client may use a list of tools without asking again
_FAILED = frozenset({ToolOutcome.NOT_DONE, ToolOutcome.NOT_ACCEPTED})


@speaking
async def message(request: Request) -> Response:
    """Answer one message."""
    if "origin" in request.headers:  # a page in a browser, perhaps by DNS rebinding: browsers hold no keys
        return _error(RpcError(INVALID_REQUEST, "Browsers are not served here."), 403)
    answering = Answering.of(request, "mcp")
    async with answering.admitted(None) as admission:
        try:
            asked = Message.of(await _object(request), request.headers)
        except RpcError as error:
            return _error(error, error.status or 400)
        if asked.id is None:
            return Response(status_code=202)
        try:
            asked.check(request.headers)
            result = await _result(asked, answering, admission)
        except RpcError as error:
            return _error(error, asked.status_of(error), asked.id)
        return json_response({"jsonrpc": "2.0", "id": asked.id, "result": result})


async def _object(request: Request) -> dict[str, Any]:
    try:
        return await json_object(request)
    except ApiError as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        raise RpcError(PARSE_ERROR, error.document["detail"]) from None


async def _result(asked: Message, answering: Answering, admission: Admitted | None) -> dict[str, Any]:
    if asked.method == "tools/call":
        return _of(asked, await _called(asked, answering, admission))
    if admission is None:
        raise ApiError("not-kept")
    if asked.method == "tools/list":
        return _of(asked, _listed(asked, admission), keeps=True)
    if asked.modern and asked.method == "server/discover":
        return _of(asked, {"supportedVersions": list(VERSIONS), **_SELF}, keeps=True)
    if not asked.modern and asked.method == "initialize":
        wanted = asked.params.get("protocolVersion")
        agreed = wanted if wanted in LEGACY else LEGACY[0]
        return {"protocolVersion": agreed, "serverInfo": _server(), **_SELF}
    if not asked.modern and asked.method == "ping":
        return {}
    raise RpcError(METHOD_NOT_FOUND, "Method not found")


_SELF: Mapping[str, Any] = MappingProxyType({"capabilities": {"tools": {}}, "instructions": INSTRUCTIONS})


def _server() -> dict[str, str]:
    return {"name": "booking-worker", "version": version()}


def _of(asked: Message, result: Mapping[str, Any], *, keeps: bool = False) -> dict[str, Any]:
    """Return a result as its revision has it; `keeps`: the client may keep it, for this key alone."""
    if not asked.modern:
        return dict(result)
    kept = {"ttlMs": FRESH_MS, "cacheScope": "private"} if keeps else {}
    return {"resultType": "complete", **result, **kept, "_meta": {SERVER_KEY: _server()}}


def _listed(asked: Message, admission: Admitted) -> dict[str, Any]:
    if asked.params.get("cursor") is not None:
        raise RpcError(INVALID_PARAMS, "There is one page, which has no cursor.")
    return {"tools": [_described(name) for name in SCHEMAS if TOOLS[name].scope in admission.key.scopes]}


async def _called(asked: Message, answering: Answering, admission: Admitted | None) -> dict[str, Any]:
    name, arguments = asked.params.get("name"), asked.params.get("arguments")
    say = asked_in(answering.address.language, Asked.CANNOT)
    if not isinstance(name, str) or name not in TOOLS:
        raise RpcError(INVALID_PARAMS, f"Unknown tool: there are {', '.join(TOOLS)}.", say=say)
    if arguments is not None and not isinstance(arguments, dict):
        raise RpcError(INVALID_PARAMS, "The arguments are no object.", say=say)
    asking = Asking(name, arguments or {})
    [spoken] = await answering.answers(admission, call_in(answering.request), [asking])
    content = [{"type": "text", "text": json.dumps(spoken.document, ensure_ascii=False)}]
    failed = spoken.view is None and spoken.outcome in _FAILED
    return {"content": content, "structuredContent": spoken.document, "isError": failed}


def _error(error: RpcError, status: int, number: str | int | None = None) -> Response:
    return json_response(error.document(number), status)


def _described(name: str) -> dict[str, Any]:
    described = SCHEMAS[name]
    hints = {"readOnlyHint": described.reads, "destructiveHint": name in _DESTROYS, "idempotentHint": True}
    return {
        "name": name,
        "description": described.text,
        "inputSchema": dict(described.parameters),
        "outputSchema": ToolAnswer.model_json_schema(),
        "annotations": hints | {"openWorldHint": True},
    }


_DESTROYS = frozenset({"cancel", "reschedule"})
