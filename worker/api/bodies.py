"""Read a request's body in bounded time and memory, and an idempotency key from its header."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

from pydantic import ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from booking_client.request.fields import Strict
from booking_client.request.messages import problems
from worker.api.problems import ApiError, invalid
from worker.json_object import UnreadableError, read_object

SECONDS = 5.0  # for a whole body
MAX_BODY, MAX_BATCH = 64 * 1024, 1024 * 1024  # bytes
MAX_KEY = 255
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"', re.ASCII)  # a string of RFC 8941
_BARE = re.compile(r"[!#-~][ -~]*", re.ASCII)


class RequestBody(Strict):
    """What the body of a request asks for."""

    model_config = ConfigDict(defer_build=False)

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Return what `data` (an object of JSON) asks for.

        Raises:
            ApiError: A field is wrong.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise invalid(dict(problems(error))) from None


async def json_object(request: Request, limit: int = MAX_BODY) -> dict[str, Any]:
    """Return the object of JSON that the body is.

    Raises:
        ApiError: It is none, is longer than `limit` bytes, or takes more than SECONDS.
        HTTPException: 415, its type is not application/json.
    """
    require_json(request)
    return parsed_object(await raw(request, limit))


def require_json(request: Request) -> None:
    """Raise HTTPException (415) unless the body's type is application/json."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415)


def parsed_object(data: bytes) -> dict[str, Any]:
    """Return the object of JSON that bytes are.

    Raises:
        ApiError: They are none.
    """
    try:
        return read_object(data)
    except UnreadableError as error:
        raise ApiError("not-utf8" if error.not_utf8 else "not-json", f"The body {error}.") from None


async def raw(
    request: Request, limit: int = MAX_BODY, *, large: Callable[[], Awaitable[object]] | None = None
) -> bytes:
    """Return the body as it came; `large` is awaited once, when it has become longer than MAX_BODY.

    Raises:
        ApiError: It is longer than `limit` bytes, or takes more than SECONDS.
    """
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 10 or int(length) > limit):
        raise _too_large(limit)
    parts, size = [], 0
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                if size > MAX_BODY and large is not None:
                    await large()
                    large = None
                parts.append(part)
    except TimeoutError:
        raise ApiError("too-slow", f"A body has {SECONDS:g} s.", closes=True) from None
    except ClientDisconnect:
        raise ApiError("too-slow", "The connection ended within the body.", closes=True) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> ApiError:
    return ApiError("too-large", f"A body has {limit // 1024} KB at most here.", closes=True)


def idempotency_key(request: Request) -> str | None:
    """Return the key that the header Idempotency-Key holds, quoted or bare; None: there is no header.

    Raises:
        ApiError: It is not 1 to 255 printable characters of ASCII, or there are two such headers.
    """
    headers = request.headers.getlist("idempotency-key")
    if not headers:
        return None
    if len(headers) > 1:
        raise ApiError("bad-key", "Give one Idempotency-Key: there are two headers of that name.")
    text = headers[0].strip(" \t")
    if quoted := _QUOTED.fullmatch(text):
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    elif not _BARE.fullmatch(text):
        text = ""
    if not 0 < len(text) <= MAX_KEY:
        raise ApiError("bad-key", f"Give 1 to {MAX_KEY} printable characters of ASCII, in quotes or bare.")
    return text
