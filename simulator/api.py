"""Route a call the way NestJS does: body, route, rate limit, key, version, then the work."""

from __future__ import annotations

import json
import re
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simulator.booking import book, cancels, changes, moves, old_version, slots
from simulator.http import shapes
from simulator.http.messages import HTML_TYPE, Answer, Call, Refusal
from simulator.reads import event_type_groups, event_types, listing, show, webhooks
from simulator.reads.event_types import NO_LOGIN
from simulator.state.sight import view_of
from simulator.state.steps import KilledError, SplitError
from simulator.state.users import DELETED, EXPIRED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.state.world import World

BOOKINGS, SLOTS = "2024-08-13", "2024-09-04"
OF_ONE = {
    "cancel": cancels.cancel,
    "reschedule": moves.reschedule,
    "confirm": changes.confirm,
    "decline": changes.decline,
}


@dataclass(frozen=True)
class Route:
    """A path that exists, for some methods and in some versions (None: all)."""

    path: re.Pattern[str]
    methods: tuple[str, ...]
    versions: tuple[str | None, ...] | None = None


ROUTES = (
    Route(re.compile("/v2/me"), ("GET",)),
    Route(re.compile("/v2/webhooks"), ("GET", "POST")),
    Route(re.compile("/v2/webhooks/[^/]+"), ("DELETE",)),
    Route(re.compile("/v2/slots"), ("GET",), (SLOTS,)),
    Route(re.compile("/v2/event-types"), ("GET",), (event_types.VERSION, *event_types.OLDER)),
    Route(re.compile("/v2/event-types/[^/]+"), ("GET",), (event_types.VERSION, *event_types.OLDER)),
    Route(re.compile("/v2/event-types/[^/]+"), ("DELETE",), (event_types.VERSION,)),
    Route(re.compile("/v2/bookings"), ("GET", "POST")),
    Route(re.compile("/v2/bookings/(by-seat/)?[^/]+"), ("GET",)),
    Route(re.compile("/v2/bookings/[^/]+/reschedule"), ("POST",), (BOOKINGS,)),
    Route(re.compile("/v2/bookings/[^/]+/(cancel|confirm|decline|reassign/[^/]+)"), ("POST",)),
)


async def answer(world: World, call: Call) -> Answer:
    """Answer a call to API v2, faults apart. Raises KilledError, SplitError where a fault breaks its work off."""
    try:
        read_body(call)
        _check_route(call)
        _check_key(world, call)
        given = await _serve(world, call)
    except Refusal as refusal:
        await world.work(call)
        given = shapes.refusal_answer(refusal, path=call.request.target, now=world.now)
    except (KilledError, SplitError):
        raise
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
    if call.request.path != "/health" and not _is_known(call):
        raise Refusal(404, f"Cannot {call.request.method} {call.request.target}")


def _is_known(call: Call) -> bool:
    """Know the paths; some exist in one version only (seen)."""
    version = call.request.headers.get("cal-api-version")
    return any(
        call.request.method in route.methods
        and (route.versions is None or version in route.versions)
        and route.path.fullmatch(call.request.path.rstrip("/"))
        for route in ROUTES
    )


def key_of(headers: Mapping[str, str]) -> str | None:
    """Return the key that a call was sent with, good or not; None: it was sent without one."""
    return headers.get("authorization", "").removeprefix("Bearer ").strip() or None


def _check_key(world: World, call: Call) -> None:
    """Count the call, then look at its key. A key is optional, but a bad one is refused all the same (seen)."""
    given = key_of(call.request.headers) or ""
    view = view_of(world, given)
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
    if view == EXPIRED:
        raise Refusal(401, "ApiAuthStrategy - api key - Your api key is expired")
    if view == DELETED:
        raise Refusal(401, "ApiAuthStrategy - api key - Your api key is not valid")
    call.key = given or None


async def _serve(world: World, call: Call) -> Answer:
    method, parts = call.request.method, call.request.path.strip("/").split("/")
    match parts:
        case ["health"]:
            return Answer(200, b"OK", content_type=HTML_TYPE)
        case ["v2", "me"]:
            return await event_types.me(world, call)
        case ["v2", "webhooks"]:
            return await webhooks.webhooks(world, call)
        case ["v2", "webhooks", number]:
            return await webhooks.delete(world, call, number)
        case ["v2", "slots"]:
            return await slots.list_slots(world, call)
        case ["v2", "event-types"]:
            current = call.request.headers.get("cal-api-version") == event_types.VERSION
            return await (event_types.several if current else event_type_groups.grouped)(world, call)
        case ["v2", "event-types", number]:
            return await (event_types.delete if method == "DELETE" else event_types.one)(world, call, number)
    return await _serve_bookings(world, call, parts[2:])


async def _serve_bookings(world: World, call: Call, parts: list[str]) -> Answer:
    current = call.request.headers.get("cal-api-version") == BOOKINGS
    match parts:
        case [] if call.request.method == "GET":
            if call.key is None:
                raise Refusal(403, NO_LOGIN)
            return await listing.list_bookings(world, call, current=current)
        case []:
            return await (book.create if current else old_version.create)(world, call)
        case ["by-seat", seat]:
            return await show.by_seat(world, call, seat)
        case [uid]:
            return await show.by_uid(world, call, uid, current=current)
        case [uid, "reassign", _]:
            return await changes.reassign(world, call, uid)
    return await OF_ONE[parts[1]](world, call, parts[0])
