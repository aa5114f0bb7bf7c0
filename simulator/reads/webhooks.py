"""Serve the webhooks of a key's user: POST, GET and DELETE of /v2/webhooks; booking/webhooks.py sends them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from simulator.http.messages import Answer, Call, Refusal, success
from simulator.reads.event_types import key_of
from simulator.state.sight import user_of

if TYPE_CHECKING:
    from simulator.state.world import World

# What the server knows; its document names more, which are a 400 (seen).
TRIGGERS = frozenset({
    "BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REJECTED",
    "BOOKING_PAID", "BOOKING_NO_SHOW_UPDATED", "MEETING_STARTED", "MEETING_ENDED",
})  # fmt: skip
MOST = 250


async def webhooks(world: World, call: Call) -> Answer:
    """Serve GET and POST /v2/webhooks: a user has one webhook an address (seen). Raises Refusal."""
    user = user_of(world, key_of(call))
    await world.work(call)
    own = [one for one in world.webhooks.values() if one["userId"] == user.id]
    if call.request.method == "GET":
        query = call.request.query
        skip, take = int(query.get("skip", 0)), int(query.get("take", MOST))
        return success(200, own[skip : skip + take])
    number = str(uuid.UUID(int=world.rng.getrandbits(128), version=4))
    made = _made(call.body, number, user.id)
    if made["subscriberUrl"] in {one["subscriberUrl"] for one in own}:
        raise Refusal(409, "Webhook with this subscriber url already exists for this user")
    world.webhooks[number] = made
    return success(201, made)


async def delete(world: World, call: Call, number: str) -> Answer:
    """Serve DELETE /v2/webhooks/{id} (read in its source). Raises Refusal."""
    user = user_of(world, key_of(call))
    await world.work(call)
    one = world.webhooks.get(number)
    if one is None:
        raise Refusal(404, f"Webhook ({number}) not found")
    if one["userId"] != user.id:
        raise Refusal(
            403, f"IsUserWebhookGuard - user with id=({user.id}) is not the owner of webhook with id=({number})"
        )
    return success(200, world.webhooks.pop(number))


def _made(body: Any, number: str, user_id: int) -> dict[str, Any]:
    given = body if isinstance(body, dict) else {}
    triggers, address = given.get("triggers"), given.get("subscriberUrl")
    known = isinstance(triggers, list) and triggers and TRIGGERS.issuperset(map(str, triggers))
    if not known or not isinstance(address, str) or not isinstance(given.get("active"), bool):
        raise Refusal(400, "Bad Request Exception", details={"errors": [{"property": "triggers"}]})
    return {
        "id": number,
        "payloadTemplate": given.get("payloadTemplate"),
        "triggers": triggers,
        "subscriberUrl": address,
        "active": given["active"],
        "secret": given.get("secret"),
        "userId": user_id,
    }
