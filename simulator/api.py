"""Route a call the way NestJS does: body, route, rate limit, key, version, then the work."""

from __future__ import annotations

import json
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator import booking, changes, listing, old_version, shapes, slots
from simulator.messages import HTML_TYPE, Answer, Call, Refusal

if TYPE_CHECKING:
    from simulator.world import World

BOOKINGS, SLOTS = "2024-08-13", "2024-09-04"
NO_LOGIN = (
    "PermissionsGuard - no authentication provided. Provide either authorization bearer token containing managed user "
    "access token or oAuth client id in 'x-cal-client-id' header."
)
OF_ONE = {
    "cancel": changes.cancel,
    "reschedule": changes.reschedule,
    "confirm": changes.confirm,
    "decline": changes.decline,
}


async def answer(world: World, call: Call) -> Answer:
    """Answer a call to API v2, faults apart."""
    try:
        read_body(call)
        _check_route(call)
        _check_key(world, call)
        given = await _serve(world, call)
    except Refusal as refusal:
        await world.work(call)
        given = shapes.refusal_answer(refusal, path=call.request.target, now=world.now)
    except Exception:  # noqa: BLE001 - what nobody foresaw is a 500 B there as well; the trace is for us
        traceback.print_exc()
        given = shapes.refusal_answer(shapes.broken(), path=call.request.target, now=world.now)
    return replace(given, headers=tuple(call.headers))


def read_body(call: Call) -> None:
    """Parse the body if it says that it is JSON; anything else counts as an empty one (seen). Raises Refusal."""
    raw = call.request.body
    if not raw or "json" not in call.request.headers.get("content-type", ""):
        call.body = {}
        return
    try:
        call.body = json.loads(raw)
    except ValueError as error:
        raise Refusal(400, _in_node_words(raw)) from error


def _in_node_words(raw: bytes) -> str:
    if raw.lstrip().startswith(b"{"):
        return "Expected property name or '}' in JSON at position 1"
    return f"Unexpected token '{raw[:1].decode(errors='replace')}' is not valid JSON"


def _check_route(call: Call) -> None:
    method, parts = call.request.method, call.request.path.strip("/").split("/")
    if call.request.path == "/health" and method == "GET":
        return
    version = call.request.headers.get("cal-api-version")
    known = (
        (method in ("GET", "POST") and parts == ["v2", "bookings"])
        or (method == "GET" and parts[:2] == ["v2", "bookings"] and len(parts) == 3)
        or (method == "POST" and parts[:2] == ["v2", "bookings"] and len(parts) == 4 and parts[3] in OF_ONE)
        or (method == "GET" and parts == ["v2", "slots"] and version == SLOTS)
    )
    if not known:
        raise Refusal(404, f"Cannot {method} {call.request.target}")


def _check_key(world: World, call: Call) -> None:
    """Count the call, then look at its key. A key is optional, but a bad one is refused all the same (seen)."""
    given = call.request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    view = world.settings.keys.get(given)
    if given.startswith("cal_") and view is None:
        raise Refusal(401, "CustomThrottlerGuard - Invalid API Key")
    settings = world.settings
    verdict = world.rate_limit.count(
        given or "anonymous",
        limit=settings.rate_limit,
        window=settings.rate_window,
        block=settings.rate_block,
        now=world.seconds,
    )
    call.headers += verdict.headers
    if not verdict.allowed:
        raise shapes.throttled()
    if given and view is None:
        raise Refusal(401, "Invalid Access Token.")
    if view == "expired":
        raise Refusal(401, "ApiAuthStrategy - api key - Your api key is expired")
    if view == "deleted":
        raise Refusal(401, "ApiAuthStrategy - api key - Your api key is not valid")
    call.key = call.entry.key = given or None


async def _serve(world: World, call: Call) -> Answer:
    method, parts = call.request.method, call.request.path.strip("/").split("/")
    current = call.request.headers.get("cal-api-version") == BOOKINGS
    if parts == ["health"]:
        return Answer(200, b"OK", content_type=HTML_TYPE)
    if parts[1] == "slots":
        return await slots.list_slots(world, call)
    if len(parts) == 3:
        return await changes.show(world, call, parts[2], current=current)
    if len(parts) == 4:
        return await OF_ONE[parts[3]](world, call, parts[2])
    if method == "GET":
        if call.key is None:
            raise Refusal(403, NO_LOGIN)
        return await listing.list_bookings(world, call, current=current)
    return await (booking.create if current else old_version.create)(world, call)
