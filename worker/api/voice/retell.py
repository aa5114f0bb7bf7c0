"""Retell's custom functions: signed by its API key over the raw body; the answer is an object with a sentence in it.

With "args only" the body is the arguments alone: its address names the tool and the call.
"""

import time
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from db.lifecycle import Status
from worker.api.answers import json_response, written
from worker.api.bodies import parsed_object, raw, require_json
from worker.api.gate import services_of
from worker.api.problems import ApiError
from worker.api.voice.answering import Answering, Asking, Spoken
from worker.api.voice.signatures import is_retells
from worker.api.voice.tools import TOOLS


class RetellAnswer(BaseModel):
    """What a custom function returns."""

    say: str = Field(description="The one sentence to say.")
    status: Status | None = Field(description="How the booking stands that the sentence is about; null: about none.")
    booking: int | None
    start: datetime | None


async def call(request: Request) -> Response:
    """Answer a function that the body names."""
    return await _answered(request, None)


async def function(request: Request) -> Response:
    """Answer the function that the address names."""
    return await _answered(request, request.path_params["tool"])


async def _answered(request: Request, tool: str | None) -> Response:
    services, body = services_of(request), await raw(request)
    header, keys = request.headers.get("x-retell-signature"), services.settings.retell_api_keys
    if not is_retells(body, header, keys, now_ms=time.time() * 1000):
        why = "X-Retell-Signature is missing, wrong or of another time" if keys else "RETELL_API_KEYS is not set"
        raise await services.gate.refused(request, why)
    require_json(request)
    if tool is not None and tool not in TOOLS:
        raise ApiError("no-such-tool", f"There are {', '.join(TOOLS)}.")
    answering, data = Answering.of(request, "retell"), parsed_object(body)
    whole = isinstance(data.get("args"), dict) and isinstance(data.get("call"), dict)
    arguments, told = (data["args"], data["call"].get("call_id")) if whole else (data, None)
    asked = Asking(str(data.get("name")) if tool is None else tool, arguments)
    async with answering.admitted(proven=True) as admission:
        [spoken] = await answering.answers(admission, told, [asked])
    return json_response(_document(spoken))


def _document(spoken: Spoken) -> dict[str, Any]:
    view = spoken.view
    if view is None:
        return {"say": spoken.say, "status": None, "booking": None, "start": None}
    return {"say": spoken.say, "status": view.status, "booking": view.id, "start": written(view.start)}
