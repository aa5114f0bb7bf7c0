"""The body of a webhook, and the account whose secret has signed it; nothing is parsed before that is known."""

from typing import NamedTuple

from starlette.requests import Request

from tasks import dependencies
from tasks.calcom_webhooks.secrets import account_of, is_signed
from worker.api.bodies import raw
from worker.api.problems import ApiError

MAX_BODY = 256 * 1024  # bytes


class Signed(NamedTuple):
    """Hold a body that an account's secret has signed."""

    account: int
    body: bytes


async def signed_body(request: Request) -> Signed:
    """Return the body and its account.

    Raises:
        ApiError: 401, the address or the signature is wrong: no more is said; or the body is too large or too slow.
    """
    secrets = dependencies.current().webhook_secrets
    account = account_of(request.path_params["token"], secrets)
    if account is None:
        raise ApiError("unauthorized", closes=True)
    body = await raw(request, MAX_BODY)
    if not is_signed(body, request.headers.get("x-cal-signature-256", ""), secrets, account):
        raise ApiError("unauthorized")
    return Signed(account, body)
