"""Describe the users of Cal.com, and the words that stand for what a key may see.

A key's view is a username, or one of the words below. Nobody of the open-source server sees everything; `all` is the
one key that a caller may dream of: its user is shown as the owner of every personal type, and as a fixed host of every
team's, and its list has every booking. `admin` is what the hosted service may do: a list of everything by no such role.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any

ALL, ADMIN, NOTHING, EXPIRED, DELETED = "all", "admin", "nothing", "expired", "deleted"
WORDS = (ALL, ADMIN, NOTHING, EXPIRED, DELETED)
TEAM_OWNER, TEAM_ADMIN, TEAM_MEMBER, STRANGER = "teamowner", "teamadmin", "teammember", "stranger"  # none is a host


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
