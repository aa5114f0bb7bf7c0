"""Write the error shapes A, B and C of docs/calcom.md, with the real server's codes and messages."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from simulator.http.messages import HTML_TYPE, Answer, Refusal, dump
from simulator.instants import stamp

if TYPE_CHECKING:
    from datetime import datetime

MASKED_DATABASE_ERROR = "An error occurred while querying the database."
TAKEN = "User either already has booking at this time or is not available"
HOSTS_TAKEN = "One of the hosts either already has booking at this time or is not available"
THROTTLED = "CustomThrottlerGuard - Too many requests. Please try again later."

EXCEPTIONS = {
    400: ("BadRequestException", "Bad Request"),
    401: ("UnauthorizedException", "Unauthorized"),
    403: ("ForbiddenException", "Forbidden"),
    404: ("NotFoundException", "Not Found"),
    409: ("ConflictException", "Conflict"),
    422: ("UnprocessableEntityException", "Unprocessable Entity"),
    500: ("InternalServerErrorException", "Internal Server Error"),
    502: ("BadGatewayException", "Bad Gateway"),
    503: ("ServiceUnavailableException", "Service Unavailable"),
    504: ("GatewayTimeoutException", "Gateway Timeout"),
}


def refusal_answer(refusal: Refusal, *, path: str, now: datetime) -> Answer:
    """Turn a refusal into bytes; `path` is the target with its query, as the real server echoes it."""
    if refusal.shape == "B":
        return Answer(refusal.status, dump({"statusCode": refusal.status, "message": refusal.message}))
    name, title = EXCEPTIONS.get(refusal.status, ("HttpException", "Error"))
    error: dict[str, Any] = {"code": refusal.code or name, "message": refusal.message}
    if refusal.details == "standard":
        error["details"] = {"message": refusal.message, "error": title, "statusCode": refusal.status}
    elif refusal.details is not None:
        error["details"] = refusal.details
    return Answer(refusal.status, dump({"status": "error", "timestamp": stamp(now), "path": path, "error": error}))


def proxy_page(status: int) -> Answer:
    """Answer as a proxy before Cal.com does (shape C): an HTML page that knows nothing of the API."""
    try:
        title = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        title = f"{status} Web server is returning an unknown error"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    return Answer(status, page.encode(), content_type=HTML_TYPE)


def throttled() -> Refusal:
    """Refuse as the rate limit does (429 A)."""
    return Refusal(429, THROTTLED, code="ThrottlerException", details=THROTTLED)


def unsaid(message: str) -> Refusal:
    """Refuse as the zod checks behind the controller do: 400 A without details."""
    return Refusal(400, message, code="BAD_REQUEST", details=None)


def broken() -> Refusal:
    """Refuse as an unhandled exception does: 500 B."""
    return Refusal(500, "Internal server error", shape="B")


def race_lost() -> Refusal:
    """Refuse as the unique index does when another POST was faster: 400 B, the masked database error."""
    return Refusal(400, MASKED_DATABASE_ERROR, shape="B")
