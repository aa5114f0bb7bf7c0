"""Vapi's tool calls: several in one message, always answered with 200, each with text of one line."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from db.models.api_keys import Platform
from worker.api.answers import json_response
from worker.api.bodies import require_json
from worker.api.gate import KeyRead
from worker.api.problems import invalid
from worker.api.voice.answering import Answering, Asking
from worker.api.voice.answers import speaking
from worker.api.voice.arguments import caller_number
from worker.api.voice.payloads import payloads_of
from worker.api.voice.proving import require_proof
from worker.api.voice.signatures import is_vapis
from worker.json_object import UnreadableError, read_object


class VapiResult(BaseModel):
    """The result of one tool call."""

    toolCallId: str | int  # noqa: N815 - Vapi's name
    result: str = Field(description="The one sentence to say.")


class VapiAnswer(BaseModel):
    """The results of a message's tool calls, in their order; nothing for a message of another type."""

    results: list[VapiResult] | None = None


@speaking
async def call(request: Request) -> Response:
    """Answer the tool calls of a message; a message of another type is taken note of."""
    payloads, secret = payloads_of(request), request.headers.get("x-vapi-secret")
    answering = Answering.of(request, "vapi")
    admitting = answering.admitted() if secret is None else answering.admitted_for(await _proven(answering, secret))
    async with admitting as admission:
        require_json(request)
        async with payloads.whole(request) as body:
            calls, named = _read(await payloads.parsed(body))
        if calls is None:
            return json_response({})
        told = await answering.answers(admission, named, [one for _, one in calls])
    results = [{"toolCallId": number, "result": one.say} for (number, _), one in zip(calls, told, strict=True)]
    return json_response({"results": results})


async def _proven(answering: Answering, secret: str) -> KeyRead | None:
    """Return the key of the address, if the secret counts for it; None: Postgres does not answer, nothing is proven."""
    read = await answering.named()
    if read is not None:
        await require_proof(answering.request, read, Platform.VAPI, partial(is_vapis, secret))
    return read


def _read(data: dict[str, Any]) -> tuple[list[tuple[str | int, Asking]] | None, Any]:
    """Return the tool calls of a message, and what it names its call; None: it is of another type.

    Raises:
        ApiError: It is no message: else a model would take the empty answer to its arguments alone for success.
    """
    message = data.get("message")
    if not isinstance(message, dict):
        raise invalid({"message": "is missing; arguments alone are sent to /v1/tools/{tool}"})
    calls = list(_calls(message)) if message.get("type") == "tool-calls" else None
    return calls, _object(message.get("call")).get("id")


def _caller(message: dict[str, Any]) -> str | None:
    """Return the number of the person, which Vapi calls its customer's."""
    customers = (_object(one.get("customer")) for one in (message, _object(message.get("call"))))
    return caller_number(next((one["number"] for one in customers if "number" in one), None))


def _calls(message: dict[str, Any]) -> Iterator[tuple[str | int, Asking]]:
    """Yield the id and the tool of each call; Vapi has written them in three ways."""
    caller, listed = _caller(message), message.get("toolCallList") or message.get("toolCalls")
    for one in map(_object, listed if isinstance(listed, list) else []):
        function = _object(one.get("function"))
        number, name = one.get("id"), one.get("name") or function.get("name")
        parts = one.get("arguments"), one.get("parameters"), function.get("arguments")
        if isinstance(number, str | int) and str(number).isprintable():  # half of a surrogate pair cannot be written
            yield number, Asking(str(name), _object(next(filter(None, parts), None)), caller)


def _object(value: Any) -> dict[str, Any]:
    """Return an object of JSON, also one that is written as text; anything else is an empty one."""
    if isinstance(value, str):
        try:
            return read_object(value.encode("utf-8", "surrogatepass"))
        except UnreadableError:
            return {}
    return value if isinstance(value, dict) else {}
