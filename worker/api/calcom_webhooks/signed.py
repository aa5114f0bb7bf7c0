"""The body of a webhook, and the account whose secret has signed it; nothing is parsed before that is known."""

import asyncio
from typing import NamedTuple

from starlette.requests import Request

from tasks import dependencies
from tasks.calcom_webhooks.secrets import account_of, is_signed
from worker.api.bodies import raw
from worker.api.gate import services_of
from worker.api.problems import ApiError

MAX_BODY = 256 * 1024  # bytes
COUNTED_WITHIN = 0.2  # seconds for Redis: a Cal.com that has another secret waits for the answer, too


class Signed(NamedTuple):
    """Hold a body that an account's secret has signed."""

    account: int
    body: bytes


async def signed_body(request: Request) -> Signed:
    """Return the body and its account.

    Raises:
        ApiError: 401, the address or the signature is wrong: no more is said; 429, too many of this caller's were; or
            the body is too large or too slow.
    """
    secrets = dependencies.current().webhook_secrets
    account = account_of(request.path_params["token"], secrets)
    if account is None:
        raise await _refused(request, "no account's webhook has this address", closes=True)
    body = await raw(request, MAX_BODY)
    if not is_signed(body, request.headers.get("x-cal-signature-256", ""), secrets, account):
        raise await _refused(request, "the webhook's signature is wrong")
    return Signed(account, body)


async def _refused(request: Request, why: str, *, closes: bool = False) -> ApiError:
    """Count a wrong address or signature, as a wrong key is counted, and return its problem; a right one always counts.

    `closes`: the body was not read.
    """
    try:
        async with asyncio.timeout(COUNTED_WITHIN):
            problem = await services_of(request).gate.refused(request, why)
    except TimeoutError:
        problem = ApiError("unauthorized")
    except ApiError as limited:
        problem = limited
    if closes:
        problem.headers["Connection"] = "close"
    return problem
