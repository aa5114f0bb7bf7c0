"""The resources of changes: cancel a booking, move it, and read how that stands."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from booking_client.request.fields import MAX_REASON, storable
from booking_client.request.model import instant, moment
from db.api_keys.keys import Scope
from db.changes.change import SeriesPart
from db.lifecycle import ChangeStatus
from db.models.changes import ChangeKind
from tasks.changes.ask import by_caller
from tasks.changes.ask.ask import Ask, AskOutcome, Via
from tasks.changes.ask.by_caller import ChangeOfCaller
from tasks.changes.ask.by_python import ChangeRefusedError
from tasks.changes.ask.spoken import say_change
from worker.api import parameters
from worker.api.answers import json_response, written
from worker.api.bodies import RequestBody, idempotency_key, json_object
from worker.api.gate import services_of
from worker.api.problems import ApiError, account_closed, invalid

Reason = Annotated[str, Field(max_length=MAX_REASON), AfterValidator(storable)]


class ChangeRequest(RequestBody):
    """Change a booking; `reason` is what Cal.com tells the attendee."""

    reason: Reason | None = None

    def ask(self, key: str | None) -> Ask:
        """Return what is asked for; the same `key` is the same change."""
        return Ask.of_caller(Via.HTTP, reason=self.reason, key=key)


class CancelRequest(ChangeRequest):
    """Cancel a booking; of a series `scope` says whether all weeks, one, or one and all that follow."""

    scope: Literal["all", "following", "one"] = Field("all", description="All but `all`: of a series, with `week`.")
    week: Annotated[datetime, BeforeValidator(moment)] | None = Field(
        None, description="The start of the week that is meant."
    )

    def ask(self, key: str | None) -> Ask:
        """Return the cancel that is asked for.

        Raises:
            ApiError: `scope` and `week` do not go together.
        """
        try:
            return replace(super().ask(key), part=SeriesPart.of(self.scope, self.week))
        except ValueError as error:
            raise invalid({"week": str(error)}) from None


class RescheduleRequest(ChangeRequest):
    """Move a booking to another start."""

    start: Annotated[datetime, BeforeValidator(instant)]

    def ask(self, key: str | None) -> Ask:
        """Return the move that is asked for."""
        return replace(super().ask(key), start=self.start)


_REFUSED: Mapping[AskOutcome, str] = MappingProxyType(
    {
        AskOutcome.MISSING: "no-such-booking",
        AskOutcome.BEING_CANCELLED: "being-cancelled",
        AskOutcome.ENDED: "ended",
        AskOutcome.OVER: "over",
        AskOutcome.SERIES: "series",
        AskOutcome.NOT_BOOKED_YET: "not-booked-yet",
        AskOutcome.SAME_START: "same-start",
        AskOutcome.TAKEN_BY_OWN: "taken-by-own",
        AskOutcome.MOVED_ON: "moved-on",
        AskOutcome.KEY_REUSED: "key-reused",
    }
)


async def cancel(request: Request) -> Response:
    """Cancel a booking of the key's own, or weeks of it. Once it is answered with 2xx, it is stored, and kept."""
    return await _ask(request, CancelRequest)


async def reschedule(request: Request) -> Response:
    """Move a booking of the key's own to another start; it stands as it is until Cal.com has moved it."""
    return await _ask(request, RescheduleRequest)


async def by_id(request: Request) -> Response:
    """Return how a change of a booking stands, as soon as it is over or held, at the latest after `wait` seconds."""
    services = services_of(request)
    async with await services.gate.admit(request, Scope.READ) as admission:
        seconds = parameters.wait(request)
        named, number = parameters.booking(request), parameters.change_id(request)
        found = await admission.run(by_caller.change, admission.key, named, number)
    if found is None:
        raise ApiError("no-such-change")
    return json_response(change_document(await services.change_waiters.wait(found, seconds)))


async def store(
    request: Request, read: Callable[[Request], Awaitable[ChangeRequest]], *, wait: float = 0.0
) -> ChangeOfCaller:
    """Store the change that `read` makes of a body, and return it once the time to wait is over.

    `wait`: where the address names no time.

    Raises:
        ApiError: It was not stored; or perhaps (`perhaps-kept`).
    """
    services = services_of(request)
    async with await services.gate.admit(request, Scope.CHANGE) as admission:
        seconds, named = parameters.wait(request, wait), parameters.booking(request)
        header = idempotency_key(request)
        ask = (await read(request)).ask(header)
        try:
            found = await admission.run(by_caller.change_booking, admission.key, named, ask)
        except ChangeRefusedError as refused:
            raise _problem(refused.outcome) from None
    return replace(await services.change_waiters.wait(found, seconds), again=found.again)


async def _ask(request: Request, body: type[ChangeRequest]) -> Response:
    async def read(request: Request) -> ChangeRequest:
        return body.parse(await json_object(request))

    found = await store(request, read)
    document, booking = change_document(found), found.view.id
    place = f"/v1/bookings/{booking}" if found.change is None else f"/v1/bookings/{booking}/changes/{found.change.id}"
    done = found.again or document["status"] == ChangeStatus.DONE
    return json_response(document, 200 if done else 202, {"Location": place})


_WRONG_FIELD: Mapping[AskOutcome, tuple[str, str]] = MappingProxyType(
    {
        AskOutcome.PAST: ("start", "is past or too near"),
        AskOutcome.NO_SERIES: ("scope", "the booking is no series"),
        AskOutcome.WEEK_BEGUN: ("week", "has begun already"),
    }
)


def _problem(outcome: AskOutcome) -> ApiError:
    if outcome is AskOutcome.ACCOUNT_CLOSED:
        return account_closed()
    if outcome in _WRONG_FIELD:
        field, why = _WRONG_FIELD[outcome]
        return invalid({field: why})
    return ApiError(_REFUSED[outcome])


def change_document(found: ChangeOfCaller) -> dict[str, Any]:
    """Return the document of a change."""
    change = found.change
    wanted = None if change is None else change.wanted
    part = None if change is None else change.part
    return {
        "booking": found.view.id,
        "id": None if change is None else change.id,
        "kind": ChangeKind.CANCEL if change is None else change.kind,
        "status": found.status,
        "hold_reason": found.held_by,
        "start": None if wanted is None else written(wanted),
        "scope": None if part is None else part.scope,
        "week": None if part is None else written(part.week),
        "final": found.final,
        "error_type": found.error_type,
        "say": say_change(found, found.view.language),
        "requested_at": None if change is None else written(change.requested_at),
    }
