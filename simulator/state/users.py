"""Know who is behind a key, and which event types and bookings that user may read.

A key's view is a username, or one of the words below. Nobody of the open-source server sees everything; `all` is the
one key that a caller may dream of: its user is shown as the owner of every personal type, and as a fixed host of every
team's, and its list has every booking. `admin` is what the hosted service may do: a list of everything by no such role.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.state.bookings import View
    from simulator.state.event_types import EventType
    from simulator.state.world import World

ALL, ADMIN, NOTHING, EXPIRED, DELETED = "all", "admin", "nothing", "expired", "deleted"
WORDS = (ALL, ADMIN, NOTHING, EXPIRED, DELETED)
TEAM_OWNER, TEAM_ADMIN, TEAM_MEMBER, STRANGER = "teamowner", "teamadmin", "teammember", "stranger"  # none is a host
PREFIX = "cal_test_"


@dataclass(frozen=True)
class User:
    """One user of Cal.com, as an order of `PATCH /_users` changes it; his id stays.

    `address`: another one than at first. `locked`: left out of what is booked, without a word. `leads`: usernames whose
    bookings his list shows as well, as the hosted service does for the admin of a team.
    """

    username: str
    address: str | None = None
    locked: bool = False
    leads: tuple[str, ...] = ()

    @property
    def id(self) -> int:
        """Give host12 the id 112, chair3 the id 1003, and a name without a number one of its own."""
        digits = "".join(letter for letter in self.username if letter.isdigit())
        if not digits:
            return 10_000 + zlib.crc32(self.username.encode()) % 80_000
        return (100 if self.username.startswith("host") else 1000) + int(digits)

    @property
    def name(self) -> str:
        """Give host1 the name Host1 Fake."""
        return f"{self.username.capitalize()} Fake"

    @property
    def email(self) -> str:
        """Give the address, under which a host also attends the bookings that others organize."""
        return self.address or f"{self.username}@example.test"


class UserError(ValueError):
    """The order for a user cannot be read; the message says what is wrong."""


def changed(user: User, order: dict[str, Any]) -> User:
    """Change what an order names, and leave the rest. Raises UserError."""
    kinds = {"username": str, "address": str | None, "locked": bool, "leads": list}
    wrong = [name for name, value in order.items() if not isinstance(value, kinds.get(name, ()))]
    if wrong or "username" not in order:
        raise UserError(
            "a user has a username, and of address (a text or null), locked (true or false), leads (a list) "
            "what is to be changed"
        )
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in order.items()}
    return replace(user, **values)


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
