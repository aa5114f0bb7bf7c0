"""Serve GET /v2/event-types at version 2024-04-15: the one answer that shows `requiresConfirmationForFreeEmail`.

A user's own types, and those of each team that has the user as an accepted member, in any role (seen); the types
of others are missing, also those that the user may read one by one. All in one answer, without pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.http.messages import Answer, Call, success
from simulator.reads.event_types import TEAM_ID, key_of
from simulator.state.event_types import Kind
from simulator.state.sight import belongs_to, user_of, view_of
from simulator.state.users import ALL, User

if TYPE_CHECKING:
    from simulator.state.event_types import EventType
    from simulator.state.world import World


async def grouped(world: World, call: Call) -> Answer:
    """Serve the groups: the user's own, then one a team. Raises Refusal."""
    key = key_of(call)
    await world.work(call)
    user = user_of(world, key)
    teams = {each.team_slug: None for each in world.catalogue if belongs_to(world, key, each.team_slug)}
    groups = [
        _group(None, user.name, [each for each in world.catalogue if _owns(world, key, each)]),
        *(_group(TEAM_ID, "Fake Team", [each for each in world.catalogue if each.team_slug == slug]) for slug in teams),
    ]
    profiles = [{**group["profile"], "teamId": group["teamId"]} for group in groups]
    return success(200, {"eventTypeGroups": groups, "profiles": profiles})


def _owns(world: World, key: str, event_type: EventType) -> bool:
    view = view_of(world, key)
    return not event_type.of_team and (view == ALL or view in event_type.hosts)


def _group(team_id: int | None, name: str, event_types: list[EventType]) -> dict[str, Any]:
    return {
        "teamId": team_id,
        "bookerUrl": "http://127.0.0.1:3000",
        "membershipRole": "MEMBER" if team_id else None,
        "profile": {"slug": f"team/{team_id}" if team_id else name.lower(), "name": name, "image": "/avatar.svg"},
        "metadata": {"membershipCount": 1, "readOnly": team_id is not None},
        "eventTypes": [_shown(event_type) for event_type in event_types],
    }


def _shown(event_type: EventType) -> dict[str, Any]:
    """Show an event type; the real server has ten times as many members, and names people as here (seen: 3 KB)."""
    users = [User(host) for host in event_type.everybody]
    return {
        "id": event_type.id,
        "title": event_type.slug,
        "slug": event_type.slug,
        "length": event_type.length,
        "hidden": False,
        "userId": None if event_type.of_team or not users else users[0].id,
        "teamId": TEAM_ID if event_type.of_team else None,
        "schedulingType": _scheduling(event_type),
        "requiresConfirmation": Kind.CONFIRM in event_type.kinds,
        "requiresConfirmationForFreeEmail": event_type.confirms_free_email,
        "seatsPerTimeSlot": event_type.seats if event_type.seated else None,
        "price": event_type.price,
        "metadata": {},
        "users": [{"id": user.id, "name": user.name, "username": user.username} for user in users],
    }


def _scheduling(event_type: EventType) -> str | None:
    if not event_type.of_team:
        return None
    return "COLLECTIVE" if event_type.collective else "ROUND_ROBIN"
