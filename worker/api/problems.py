"""The errors of the API: problem documents of RFC 9457, a closed set of types."""

import json
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.responses import Response

from booking_client.request.model import BookingRequest
from tasks.callers.sentences import not_accepted, somebody_is_first

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2  # seconds until Postgres is worth another try


class ProblemType(NamedTuple):
    """Hold what is the same for all problems of one type."""

    status: int
    title: str


TYPES: Mapping[str, ProblemType] = MappingProxyType(
    {
        "not-json": ProblemType(400, "The body is not an object of JSON."),
        "not-utf8": ProblemType(400, "The body is not UTF-8."),
        "bad-key": ProblemType(400, "The Idempotency-Key cannot be used."),
        "unauthorized": ProblemType(401, "An API key, a secret or a signature that is in force is needed."),
        "scope": ProblemType(403, "The API key may not do this."),
        "no-such-booking": ProblemType(404, "There is no such booking."),
        "no-such-change": ProblemType(404, "There is no such change."),
        "no-such-tool": ProblemType(404, "There is no such tool."),
        "too-slow": ProblemType(408, "The body came too slowly."),
        "being-cancelled": ProblemType(409, "The booking is being cancelled, and cannot be changed any more."),
        "ended": ProblemType(409, "The booking has ended; there is nothing to cancel or to move."),
        "moved-on": ProblemType(409, "The booking's status changed meanwhile; send the request again."),
        "not-first": ProblemType(409, "Somebody asked for that time before, and may still get it; nothing was stored."),
        "no-callback": ProblemType(409, "The API key has no callback address, or it is switched off."),
        "not-booked-yet": ProblemType(409, "The booking is not booked yet; weeks of it can be cancelled once it is."),
        "over": ProblemType(409, "The booking has taken place; it can neither be cancelled nor moved."),
        "same-start": ProblemType(409, "The booking has this start already."),
        "series": ProblemType(409, "The booking is a series, which Cal.com cannot move."),
        "taken-by-own": ProblemType(409, "The same attendee has another request for that start."),
        "too-large": ProblemType(413, "The body is too large."),
        "invalid": ProblemType(422, "The request is not valid."),
        "key-reused": ProblemType(422, "The Idempotency-Key stands for another request."),
        "rate-limited": ProblemType(429, "Too many calls."),
        "not-kept": ProblemType(503, "Nothing was stored; please try again."),
        "perhaps-kept": ProblemType(503, "The request may have been stored; send the same one again."),
    }
)


class ApiError(Exception):
    """Carry a problem to the caller; `type` is one of TYPES."""

    def __init__(
        self,
        type: str,  # noqa: A002 - RFC 9457's name
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        say: str | None = None,
        wait: float | None = None,
        closes: bool = False,
    ) -> None:
        super().__init__(type)
        self.type, self.status = type, TYPES[type].status
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            say, wait = say or not_accepted(None), RETRY_AFTER
        more = {"detail": detail, "errors": list(errors) or None, "say": say}
        self.document: dict[str, Any] = {
            "type": f"/problems/{type}",
            "title": TYPES[type].title,
            "status": self.status,
            **{name: value for name, value in more.items() if value is not None},
        }
        self.headers: dict[str, str] = {}
        if wait is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(wait)))
        if self.status == HTTPStatus.UNAUTHORIZED:
            self.headers["WWW-Authenticate"] = "Bearer"
        if closes:  # the rest of a body is not read
            self.headers["Connection"] = "close"

    def response(self) -> Response:
        """Return the answer."""
        return problem_response(self.document, self.headers)


def invalid(errors: Mapping[str, str | list[str]]) -> ApiError:
    """Return the problem of wrong fields, each with its reason or reasons; no value is in them."""
    listed = [(field, why if isinstance(why, str) else "; ".join(why)) for field, why in errors.items()]
    return ApiError("invalid", errors=[{"field": field, "message": why} for field, why in listed])


def account_closed() -> ApiError:
    """Return the problem of a key whose account is closed: nothing goes to Cal.com for it any more."""
    return ApiError("scope", "The account of the API key is closed.")


def key_reused() -> ApiError:
    """Return the problem of a key that stands for another request."""
    return ApiError("key-reused", "Send the same request with it, or give a new key.")


def not_first(asked: BookingRequest) -> ApiError:
    """Return the problem of a request that is wanted only as the first for its time, and is not."""
    person = asked.attendee
    return ApiError("not-first", say=somebody_is_first(asked.start, person.time_zone, person.language))


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem that its status says all about, as 405."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return problem_response(document, headers or {})


def problem_response(document: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Return a problem document as an answer."""
    content = json.dumps(document, ensure_ascii=False)
    return Response(content, document["status"], dict(headers), MEDIA_TYPE)
