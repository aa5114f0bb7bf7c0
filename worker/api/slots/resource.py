"""The endpoint of the free times, and their document."""

from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from db.api_keys.keys import ApiKey, Scope
from tasks.slots import free
from tasks.slots.free import FreeSlots, SlotsQuestion
from worker.api.answers import json_response, written
from worker.api.concurrency import readings
from worker.api.gate import services_of
from worker.api.problems import ApiError
from worker.api.slots.asked import SlotsRequest


class SlotsDocument(BaseModel):
    """The free times of an event type, or that they are not known."""

    model_config = ConfigDict(title="Slots")

    known: bool = Field(description="false: Cal.com could not be asked; a booking is stored all the same.")
    slots: list[datetime] = Field(description="The free starts, in the zone that was asked for.")
    as_of: datetime | None = Field(None, description="When Cal.com was asked; at most 15 seconds ago.")
    held: int | None = Field(None, description="Not known: how many bookings of this key wait, 1,000 at most.")


async def free_times(
    request: Request, read: Callable[[Request, ApiKey], SlotsRequest]
) -> tuple[SlotsRequest, FreeSlots]:
    """Return the question that `read` makes of an address, and the free times, or that they are not known.

    Raises:
        ApiError: The key may not ask that.
    """
    async with await services_of(request).gate.admit(request, Scope.BOOK) as admission:
        key = admission.key
        asked = read(request, key)
        if key.event_types is not None and asked.question.event_type_id not in key.event_types:
            raise ApiError("scope", "The API key may read free times only of its own event types.")
        await admission.run(int)
        found = await within(asked.question, free.SECONDS)
        if found is None:
            found = await services_of(request).threads.run(lambda: free.not_known(key.id))
    return asked, found


async def slots(request: Request) -> Response:
    """Return the free times of an event type, or that they are not known."""
    asked, found = await free_times(request, SlotsRequest.read)
    if not found.known:
        held = {} if found.held is None else {"held": found.held}
        return json_response({"known": False, "slots": [], **held})
    as_of = None if found.as_of is None else written(found.as_of)
    starts = [start.astimezone(asked.zone).isoformat() for start in found.starts]
    return json_response({"known": True, "as_of": as_of, "slots": starts})


async def within(question: SlotsQuestion, seconds: float) -> FreeSlots | None:
    """Return the free times; None: they are not known within so many seconds."""
    return question.answered(await readings.within(free.asked(question), seconds))
