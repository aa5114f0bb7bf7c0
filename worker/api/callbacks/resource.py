"""The endpoint by which a key asks for a sample of its callbacks."""

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from db.api_keys.keys import Scope
from tasks.callbacks.signing import SigningError
from worker.api.answers import json_response
from worker.api.callbacks.samples import samples_of
from worker.api.calls import call_of
from worker.api.gate import services_of
from worker.api.problems import ApiError


class SampleDocument(BaseModel):
    """What came of a sample."""

    model_config = ConfigDict(title="CallbackTest")

    delivered: bool = Field(description="Whether the receiver has answered it with 2xx.")
    trouble: str | None = Field(description="Its other status, or why it has not answered; null: it was delivered.")
    webhook_id: str = Field(description="The `webhook-id` that was sent.")


async def test(request: Request) -> Response:
    """Send a sample to the callback address of the key now, and return what came of it."""
    async with await services_of(request).gate.admit(request, Scope.READ) as admission:
        key = admission.key
        await admission.run(int)
    if key.callback_url is None or key.callback_off_at is not None:
        raise ApiError("no-callback", "`booking keys callback` sets the address.")
    try:
        sent = await samples_of(request).send(key, key.callback_url)
    except SigningError as error:
        call_of(request.scope).why = str(error)
        raise ApiError("no-callback", "Callbacks cannot be signed here.") from None
    trouble = sent.came_of.trouble
    return json_response({"delivered": trouble is None, "trouble": trouble, "webhook_id": sent.name})
