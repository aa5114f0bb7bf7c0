"""What the API answers with: the documents of bookings, and how OpenAPI describes them."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from db.api_keys.keys import ApiKey, Scope
from db.appointments.views import BookingView
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import ChangeKind, SeriesScope
from tasks.callers.sentences import say

_HAS_CAUSE = frozenset({Status.REJECTED, Status.FAILED})
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ChangeDocument(BaseModel):
    """How a cancel or a move of a booking stands."""

    model_config = ConfigDict(title="Change")

    id: int | None = Field(description="Null: the booking was not at Cal.com, and is cancelled.")
    booking: int
    kind: ChangeKind
    status: ChangeStatus
    hold_reason: HoldReason | None = Field(description="Why it is held; null: it is not held.")
    start: datetime | None = Field(description="The start that is wanted, in UTC; null: it is a cancel.")
    scope: SeriesScope | None = Field(description="Of a cancel of some weeks of a series: which ones; else null.")
    week: datetime | None = Field(description="The start of the week that `scope` names, in UTC.")
    final: bool = Field(description="Whether nothing of it is sent any more.")
    error_type: str | None = Field(description="`taken`: it was refused since the wanted start is taken; else null.")
    say: str = Field(description="A sentence for the person who waits, in the attendee's language (en or de).")
    requested_at: datetime | None


class BookingDocument(BaseModel):
    """How a booking stands."""

    model_config = ConfigDict(title="Booking")

    id: int
    reference: str = Field(description="Its other id, which counts nothing; each address takes either.")
    status: Status
    ahead: int = Field(description="Who asked for its time before and may still get it, where one may have it.")
    hold_reason: HoldReason | None = Field(description="Why it is held; null: it is not held.")
    start: datetime = Field(description="In UTC; the present one, also when it was moved at Cal.com.")
    final: bool = Field(description="Whether it will not change any more by itself.")
    needs_host: bool = Field(description="Cal.com has it, and its host must confirm it, or its payment is open.")
    error_type: str | None = Field(description="Why it was rejected or has failed, as `taken`; null: it was not.")
    say: str = Field(description="A sentence for the person who waits, in the attendee's language (en or de).")
    requested_at: datetime
    uid: str | None = Field(None, description="Cal.com's uid of it; only for keys of the scope `uid`.")
    change: ChangeDocument | None = Field(
        None,
        description="The cancel or the move that was asked for last; only where one booking is read, or is known.",
    )


class BookingList(BaseModel):
    """Bookings of one person, the earliest first."""

    bookings: list[BookingDocument]


class OwnBookings(BaseModel):
    """A page of the bookings that a key has asked for, the newest first."""

    bookings: list[BookingDocument]
    next: str | None = Field(description="The `cursor` of the next page, which may have none; null: there is none.")


class FieldProblem(BaseModel):
    """What is wrong with one field; the value is never repeated."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """A problem (RFC 9457); `type` says which."""

    model_config = ConfigDict(title="Problem")

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[FieldProblem] | None = None
    say: str | None = Field(None, description="A sentence for the person who waits.")


class BatchBooking(BaseModel):
    """One request of a batch that is stored, or was known."""

    status: Literal[200, 202]
    booking: BookingDocument


class BatchResults(BaseModel):
    """The result of each request of a batch, in their order."""

    results: list[BatchBooking | ProblemDocument]


def document(view: BookingView, key: ApiKey, *, again: bool = False, asked: datetime | None = None) -> dict[str, Any]:
    """Return the document of a booking for the holder of a key.

    `again`: the holder has asked for it before; `asked`: the start that was asked for now, if one was.
    """
    shown = {
        "id": view.id,
        "reference": view.reference,
        "status": view.status,
        "ahead": view.ahead,
        "hold_reason": view.hold_reason,
        "start": written(view.start),
        "final": view.final,
        "needs_host": bool(view.awaits_host),
        "error_type": view.error_type if view.status in _HAS_CAUSE else None,
        "say": say(view, again=again, is_moved=again and asked not in {None, view.start}),
        "requested_at": None if view.requested_at is None else written(view.requested_at),
    }
    return shown | {"uid": view.uid} if Scope.UID in key.scopes else shown


def json_response(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(_encode(content), status, None if headers is None else dict(headers), "application/json")


def unless_known(request: Request, answer: Response) -> Response:
    """Return an answer with its ETag, or 304 in its place where If-None-Match names that (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    known = ",".join(request.headers.getlist("if-none-match"))
    if tag in {one.strip().removeprefix("W/") for one in known.split(",")} or known.strip() == "*":
        return Response(status_code=304, headers={"ETag": tag})
    answer.headers["ETag"] = tag
    return answer


def written(at: datetime) -> str:
    """Return a time in UTC as the API writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
