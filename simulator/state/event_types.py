"""Know the event types: what can be booked, with whom, under which rules."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class Kind(StrEnum):
    """How an event type finds its hosts and treats a second attendee; kinds are joined by a plus."""

    PLAIN = "plain"  # one host, one booking a slot
    CONFIRM = "confirm"  # the host must confirm: pending bookings block nobody
    THRESHOLD = "threshold"  # the host must confirm what starts soon (`threshold_hours`)
    SEATS = "seats"  # several attendees share one booking
    ROUND_ROBIN = "round_robin"  # any one of the hosts, beside the fixed ones
    COLLECTIVE = "collective"  # all hosts at once
    RECURRING = "recurring"  # a booking a week, answered with an array


@dataclass(frozen=True)
class EventType:
    """One event type. Times in minutes unless the name says otherwise; 0 means no such rule.

    `kind` is one kind or several: "round_robin+seats".
    """

    id: int
    slug: str
    kind: str = Kind.PLAIN
    hosts: tuple[str, ...] = ("host1",)
    fixed_hosts: tuple[str, ...] = ()
    team_slug: str | None = None
    length: int = 30
    lengths: tuple[int, ...] = ()
    seats: int = 3
    attendees_shown: bool = True  # False: only the organizer sees who has a seat
    recurrences: int = 3
    threshold_hours: int = 48
    confirms_free_email: bool = False  # the column that version 2024-04-15 alone shows: see `needs_confirmation`
    price: int = 0
    exclusive: bool = True  # False: every POST books, the trap for a caller who posts twice
    office_hours: bool = False  # Monday to Friday, 9 to 17 UTC; else always open
    email_required: bool = True
    phone_required: bool = False
    required_fields: tuple[str, ...] = ()
    locations: tuple[str, ...] = ("address",)
    bookings_a_day: int = 0
    bookings_a_week: int = 0
    minutes_a_day: int = 0
    active_bookings: int = 0
    offers_reschedule: bool = False  # the refusal of one too many active bookings names the first of them
    notice: int = 0
    window_days: int = 0
    host_locked: bool = False
    verifies_email: bool = False
    needs_login: bool = False
    cancellation_reason: bool = True
    no_cancelling: bool = False
    no_rescheduling: bool = False  # it is shown, and not checked
    reschedule_notice: int = 0  # who is not the organizer may not move a booking to a nearer start

    @cached_property
    def kinds(self) -> frozenset[Kind]:
        """Give all of its kinds."""
        return frozenset(Kind(name) for name in self.kind.split("+"))

    @property
    def seated(self) -> bool:
        """Say whether attendees have seats."""
        return Kind.SEATS in self.kinds

    @property
    def recurs(self) -> bool:
        """Say whether one POST makes a booking a week."""
        return Kind.RECURRING in self.kinds

    @property
    def round_robin(self) -> bool:
        """Say whether any one of the hosts will do."""
        return Kind.ROUND_ROBIN in self.kinds

    @property
    def collective(self) -> bool:
        """Say whether all hosts come."""
        return Kind.COLLECTIVE in self.kinds

    @property
    def everybody(self) -> tuple[str, ...]:
        """List the hosts, the fixed ones first."""
        return (*self.fixed_hosts, *self.hosts)

    @property
    def organizer(self) -> str:
        """Name the host whose calendar leads."""
        return self.everybody[0]

    @property
    def of_team(self) -> bool:
        """Say whether a team owns it."""
        return self.team_slug is not None

    def needs_confirmation(self, start: datetime, now: datetime, *, free_email: bool) -> bool:
        """Say whether a booking for `start`, asked now, waits for its host.

        `free_email`: the booker's address is of a free provider. Where the column is on, that alone decides, whatever
        the policy says (seen: accepted though "always" is shown); a threshold still lets far starts through (read).
        """
        far = start >= now + timedelta(hours=self.threshold_hours)
        if Kind.THRESHOLD in self.kinds and far:
            return False
        return free_email if self.confirms_free_email else bool({Kind.CONFIRM, Kind.THRESHOLD} & self.kinds)


class EventTypeError(ValueError):
    """The order for an event type cannot be read; the message says what is wrong."""


def from_order(order: dict[str, Any]) -> EventType:
    """Read an event type from JSON; what it does not say is as at a plain type with hosts of its own.

    Raises EventTypeError.
    """
    if not isinstance(order, dict):
        raise EventTypeError("an event type is a JSON object")
    number, slug = order.get("id"), order.get("slug", f"type-{order.get('id')}")
    if not isinstance(number, int) or not isinstance(slug, str):
        raise EventTypeError("id must be an integer, slug a string")
    plain = EventType(number, slug, kind=str(order.get("kind", Kind.PLAIN)), hosts=(f"host{number}",))
    if _kinds_are_known(plain) and (plain.round_robin or plain.collective):
        plain = replace(plain, hosts=(f"host{number}", f"host{number}0"), team_slug="team")
    return changed(plain, order)


def changed(event_type: EventType, order: dict[str, Any]) -> EventType:
    """Change what an order names, and leave the rest. Raises EventTypeError."""
    known = {field.name: type(field.default) for field in fields(EventType)}
    if unknown := set(order) - set(known):
        raise EventTypeError(f"unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in order.items()}
    for name in set(values) - {"id", "slug", "kind", "team_slug"}:
        if not isinstance(values[name], known[name]):
            raise EventTypeError(f"{name} must be of the kind of {getattr(EventType, name)!r}")
    made = replace(event_type, **values)
    if not _kinds_are_known(made):
        raise EventTypeError(f"kind must be one of {', '.join(Kind)}, or several joined by +")
    return made


def _kinds_are_known(event_type: EventType) -> bool:
    return isinstance(event_type.kind, str) and set(event_type.kind.split("+")) <= set(Kind)


class Catalogue:
    """All event types, by id and by slug."""

    def __init__(self, types: tuple[EventType, ...]) -> None:
        self._types: dict[int, EventType] = {}
        self._members: defaultdict[str | None, set[str]] = defaultdict(set)
        for event_type in types:
            self.put(event_type)

    def __iter__(self) -> Iterator[EventType]:
        return iter(sorted(self._types.values(), key=lambda event_type: event_type.id))

    def get(self, event_type_id: int) -> EventType | None:
        """Find by id."""
        return self._types.get(event_type_id)

    def by_slug(self, slug: str, owner: str) -> EventType | None:
        """Find by slug and the username or team slug of its owner."""
        for event_type in self._types.values():
            owners = (event_type.team_slug,) if event_type.of_team else event_type.hosts
            if event_type.slug == slug and owner in owners:
                return event_type
        return None

    def owner_exists(self, owner: str) -> bool:
        """Say whether any event type belongs to this username or team slug."""
        return any(owner in (*event_type.everybody, event_type.team_slug) for event_type in self._types.values())

    def put(self, event_type: EventType) -> None:
        """Add or replace one; who was ever a host of it stays a user, and a member of its team."""
        self._types[event_type.id] = event_type
        self._members[event_type.team_slug].update(event_type.everybody)

    def has_member(self, team_slug: str | None, username: str) -> bool:
        """Say whether a user hosts or has ever hosted an event type of a team."""
        return username in self._members[team_slug]

    def has_user(self, username: str) -> bool:
        """Say whether a user hosts or has ever hosted any event type."""
        return any(username in members for members in self._members.values())

    def forget_user(self, username: str) -> None:
        """Let a user no longer be a member of any team, or an owner."""
        for members in self._members.values():
            members.discard(username)

    def delete(self, event_type_id: int) -> EventType | None:
        """Delete one; its bookings stay. None: there was none."""
        return self._types.pop(event_type_id, None)

    def listed(self) -> list[dict[str, Any]]:
        """List all of them as orders would put them."""
        return [asdict(event_type) for event_type in self]
