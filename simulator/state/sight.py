"""Know whose a key is, and which event types and bookings that user may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.state.users import ADMIN, ALL, NOTHING, STRANGER, TEAM_ADMIN, TEAM_MEMBER, TEAM_OWNER, WORDS, User

if TYPE_CHECKING:
    from simulator.state.bookings import View
    from simulator.state.event_types import EventType
    from simulator.state.world import World

PREFIX = "cal_test_"


def view_of(world: World, key: str) -> str | None:
    """Say what a key may see; None: there is no such key. cal_test_<username> is the key of any user there is."""
    view = world.settings.keys.get(key)
    username = key.removeprefix(PREFIX)
    if view is None and key.startswith(PREFIX) and _exists(world, username):
        return username
    return view


def user_of(world: World, key: str) -> User:
    """Say whose a key is: the same user, also when the key has lost its permission."""
    view = view_of(world, key) or NOTHING
    return world.user(view if view not in WORDS else world.settings.users.get(key, key.removeprefix(PREFIX)))


def _exists(world: World, username: str) -> bool:
    roles = (TEAM_OWNER, TEAM_ADMIN, TEAM_MEMBER, STRANGER)
    return username in roles or world.catalogue.has_user(username)


def may_read_event_type(world: World, key: str, event_type: EventType) -> bool:
    """Let hosts and owners read an event type, and the team's owner and admin (seen)."""
    view = view_of(world, key)
    return view in (ALL, ADMIN, TEAM_OWNER, TEAM_ADMIN) or view in event_type.everybody


def belongs_to(world: World, key: str, team_slug: str | None) -> bool:
    """Say whether the key's user is an accepted member of a team, in whatever role."""
    view = view_of(world, key)
    if team_slug is None or view is None:
        return False
    return view in (ALL, TEAM_OWNER, TEAM_ADMIN, TEAM_MEMBER) or world.catalogue.has_member(team_slug, view)


def lists_booking(world: World, key: str, view: View, *, filtered: bool) -> bool:
    """Say whether the list shows a booking to a key: what its user organizes or attends, of others nothing (seen).

    Who attends is told by the address of today, letter by letter (seen: 3 of 3, only the case changed 3 of 3).
    `filtered`: by an attendee's address or name; then what the user only attends is not shown either (11 of 11).
    """
    username = view_of(world, key) or NOTHING
    if username in (ALL, ADMIN) or username in WORDS:
        return username in (ALL, ADMIN)
    user = world.user(username)
    addresses = {world.user(name).email for name in user.leads} | (set() if filtered else {user.email})
    return view["hosts"][0]["username"] in (username, *user.leads) or any(
        attendee["email"] in addresses for attendee in view["attendees"]
    )


def organizes(world: World, key: str | None, view: View) -> bool:
    """Say whether a booking by uid is shown whole, with attendees that are hidden from others."""
    username = NOTHING if key is None else view_of(world, key)
    return username in (ALL, ADMIN) or username == view["hosts"][0]["username"]
