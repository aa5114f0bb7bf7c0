"""The parameters of an address: how long to wait, an idempotency key, a booking's id."""

import math
import re
from uuid import UUID

from starlette.requests import Request

from db.appointments.views import BookingName
from worker.api.bodies import MAX_KEY
from worker.api.problems import ApiError, invalid

MOST_SECONDS = 20.0
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)  # what bigint holds, whatever the digits
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)  # as it is written here


def wait(request: Request, default: float = 0.0) -> float:
    """Return for how many seconds the caller waits: `?wait=`, else `default`.

    Raises:
        ApiError: It is no number from 0 to MOST_SECONDS.
    """
    text = request.query_params.get("wait") if request.scope["query_string"] else None
    if text is None:
        return default
    seconds = seconds_of(text)
    if not 0 <= seconds <= MOST_SECONDS:
        raise invalid({"wait": f"must be a number of seconds from 0 to {MOST_SECONDS:g}"})
    return seconds


def seconds_of(text: str) -> float:
    """Return a number; not-a-number where the text is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def key(request: Request) -> str:
    """Return the idempotency key that the caller asks for.

    Raises:
        ApiError: There is none.
    """
    text = request.query_params.get("key")
    if not text:
        raise invalid({"key": "is missing"})
    if len(text) > MAX_KEY or "\x00" in text:
        raise ApiError("no-such-booking")
    return text


def booking(request: Request) -> BookingName:
    """Return the id or the reference in the path.

    Raises:
        ApiError: It names no booking.
    """
    text = request.path_params["id"]
    return UUID(text) if _UUID.fullmatch(text) else _id(text, "no-such-booking")


def change_id(request: Request) -> int:
    """Return the id of a change in the path.

    Raises:
        ApiError: It names no change.
    """
    return _id(request.path_params["change"], "no-such-change")


def _id(text: str, problem: str) -> int:
    if not _ID.fullmatch(text):
        raise ApiError(problem)
    return int(text)
