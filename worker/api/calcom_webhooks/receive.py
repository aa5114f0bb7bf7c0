"""`POST /v1/calcom/webhook/{token}`: Cal.com waits for the answer within a call that we may be waiting for."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from tasks.calcom_webhooks import hints
from worker.api.bodies import parsed_object
from worker.api.calcom_webhooks.signed import signed_body
from worker.api.gate import services_of
from worker.api.problems import ApiError

WITHIN = 0.22  # seconds after the body; Postgres has less


async def webhook(request: Request) -> Response:
    """Store what a webhook tells, and answer 204; 503: it is lost, for Cal.com repeats none."""
    account, body = await signed_body(request)
    hint = hints.read(account, body, parsed_object(body))
    if hint is not None:
        try:
            async with asyncio.timeout(WITHIN):
                await services_of(request).threads.run(partial(hints.keep, hint))
        except TimeoutError:
            raise ApiError("not-kept") from None
    return Response(status_code=204)
