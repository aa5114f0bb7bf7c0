"""Retell's custom functions: signed by its API key over the raw body; the answer is an object with a sentence in it.

With "args only" the body is the arguments alone: its address names the tool and the call.
"""

import time
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from db.models.api_keys import Platform
from worker.api.answers import json_response
from worker.api.bodies import require_json
from worker.api.gate import services_of
from worker.api.voice.answering import Answering, Asking
from worker.api.voice.answers import speaking
from worker.api.voice.arguments import caller_number
from worker.api.voice.payloads import payloads_of
from worker.api.voice.proving import WRONG, require_proof
from worker.api.voice.signatures import is_fresh, is_retells
from worker.api.voice.tools import require_tool


@speaking
async def call(request: Request) -> Response:
    """Answer a function that the body names."""
    return await _answered(request, None)


@speaking
async def function(request: Request) -> Response:
    """Answer the function that the address names."""
    return await _answered(request, request.path_params["tool"])


async def _answered(request: Request, tool: str | None) -> Response:
    payloads = payloads_of(request)
    header = request.headers.get("x-retell-signature")
    if not is_fresh(header, now_ms=_now_ms()):  # nothing is read for a header that no body can make right
        raise await services_of(request).gate.refused(request, WRONG[Platform.RETELL])
    async with payloads.whole(request) as body:
        answering = Answering.of(request, "retell")
        read = await answering.named()
        if read is None:
            return json_response(answering.not_stored().document)
        proof = partial(is_retells, body, header, now_ms=_now_ms())
        await require_proof(request, read, Platform.RETELL, proof)
        require_json(request)
        if tool is not None:
            require_tool(tool)
        asked, told = _read(await payloads.parsed(body), tool)
    async with answering.admitted_for(read) as admission:
        [spoken] = await answering.answers(admission, told, [asked])
    return json_response(spoken.document)


def _now_ms() -> float:
    return time.time() * 1000


def _read(data: dict[str, Any], tool: str | None) -> tuple[Asking, Any]:
    """Return the use of a tool in a body, and what the body names its call."""
    whole = isinstance(data.get("args"), dict) and isinstance(data.get("call"), dict)
    arguments, call = (data["args"], data["call"]) if whole else (data, {})
    # of a call that the agent has made the person is at the other end
    number = call.get("to_number") if call.get("direction") == "outbound" else call.get("from_number")
    name = str(data.get("name")) if tool is None else tool
    return Asking(name, arguments, caller_number(number)), call.get("call_id")
