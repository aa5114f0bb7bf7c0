"""The endpoint by which a key reads what its callbacks said, also those that its receiver never took."""

import re
from datetime import datetime
from functools import partial

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from db.api_keys.keys import Scope
from db.lifecycle import ChangeStatus, Status
from db.models.changes import ChangeKind, SeriesScope
from tasks.callbacks.events import events_since
from worker.api.answers import json_response
from worker.api.gate import services_of
from worker.api.problems import invalid

MOST, DEFAULT = 100, 20  # events of a page
_PARAMETERS = frozenset({"cursor", "limit"})
_NUMBER = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


class ToldChange(BaseModel):
    """The cancel or the move that a callback is about."""

    id: int
    kind: ChangeKind
    status: ChangeStatus
    scope: SeriesScope | None = Field(None, description="Of the cancel of some weeks of a series: which ones.")


class EventData(BaseModel):
    """What a callback says of its booking; nothing of a person."""

    id: int
    key: str | None = Field(description="The idempotency key that the caller chose; null: none, or it is forgotten.")
    status: Status
    start: datetime = Field(description="In UTC.")
    needs_host: bool
    corrects: str | None = Field(description="The `type` before it that was not true; null: it was.")
    error_type: str | None
    say: str = Field(description="A sentence for the person who waits.")
    change: ToldChange | None = Field(None, description="Where it is about a change.")


class EventDocument(BaseModel):
    """What a callback said: its body, and its `webhook-id`."""

    model_config = ConfigDict(title="Event")

    webhook_id: str = Field(description="The same as in the header of the callback.")
    type: str = Field(description="As booking.confirmed.")
    timestamp: datetime
    sequence: int = Field(description="In its booking, from 1: it orders the events of one.")
    data: EventData


class EventList(BaseModel):
    """Events, in the order of their transactions."""

    events: list[EventDocument]
    next: str = Field(description="The `cursor` of the next page, which may have no event yet: ask again later.")


async def events(request: Request) -> Response:
    """Return what callbacks of the key said since a cursor; without one all that is kept, the oldest first."""
    async with await services_of(request).gate.admit(request, Scope.READ) as admission:
        given, key = request.query_params, admission.key
        errors = {name: f"is none of {', '.join(sorted(_PARAMETERS))}" for name in given if name not in _PARAMETERS}
        limit = given.get("limit", str(DEFAULT))
        if not _NUMBER.fullmatch(limit) or int(limit) > MOST:
            errors["limit"] = f"must be a number from 1 to {MOST}"
        if errors:
            raise invalid(errors)
        try:
            page = await admission.run(partial(events_since, key, given.get("cursor") or None, int(limit)))
        except ValueError:
            raise invalid({"cursor": "must be the `next` of a page"}) from None
    return json_response({"events": page.events, "next": page.cursor})
