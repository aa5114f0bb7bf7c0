"""Errors as Cal.com has them: whatever fails below /v2 is told in its shape, with our problem as the details."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.api.calcom_shape.bodies import calcoms_name

PREFIX = "/v2/"
Handler = Callable[[Request, Exception], Awaitable[Response]]
_CODES: Mapping[int, str] = MappingProxyType(
    {
        400: "BadRequestException",
        401: "UnauthorizedException",
        403: "ForbiddenException",
        404: "NotFoundException",
        409: "ConflictException",
        413: "PayloadTooLargeException",
        422: "UnprocessableEntityException",
        429: "ThrottlerException",
        503: "ServiceUnavailableException",
    }
)


def in_calcoms_shape(handler: Handler) -> Handler:
    """Have what a handler answers below /v2 in Cal.com's shape; elsewhere as it is."""

    async def handled(request: Request, error: Exception) -> Response:
        answer = await handler(request, error)
        if not request.url.path.startswith(PREFIX):
            return answer
        problem = json.loads(bytes(answer.body))
        kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        for one in problem.get("errors", ()):
            one["field"] = calcoms_name(request.url.path, one["field"])
        wrong = "; ".join(f"{one['field']} {one['message']}" for one in problem.get("errors", ()))
        is_form = problem["type"] == "/problems/invalid"  # which Cal.com answers 400
        status = HTTPStatus.BAD_REQUEST if is_form else HTTPStatus(problem["status"])
        return error_answer(request, status, wrong or problem.get("detail") or problem["title"], problem, kept)

    return handled


_KEPT = ("allow", "connection", "retry-after", "www-authenticate")


def error_answer(
    request: Request, status: int, message: str, details: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as Cal.com writes it; the path is told without its query, and no value of a request."""
    error = {"code": _CODES.get(status, "HttpException"), "message": message, "details": dict(details)}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {"status": "error", "timestamp": now, "path": request.url.path, "error": error}
    return JSONResponse(told, status, dict(headers or {}))
