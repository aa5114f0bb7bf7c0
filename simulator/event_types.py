"""Know the event types: what can be booked, with whom, under which rules."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(StrEnum):
    """How an event type finds its hosts and treats a second attendee."""

    PLAIN = "plain"  # one host, one booking a slot
    CONFIRM = "confirm"  # the host must confirm: pending bookings block nobody
    SEATS = "seats"  # several attendees share one booking
    ROUND_ROBIN = "round_robin"  # any one of the hosts, beside the fixed ones
    COLLECTIVE = "collective"  # all hosts at once
    RECURRING = "recurring"  # a booking a week, answered with an array


@dataclass(frozen=True)
class EventType:
    """One event type. Times in minutes unless the name says otherwise; 0 means no such rule."""

    id: int
    slug: str
    kind: Kind = Kind.PLAIN
    hosts: tuple[str, ...] = ("host1",)
    fixed_hosts: tuple[str, ...] = ()
    team_slug: str | None = None
    length: int = 30
    lengths: tuple[int, ...] = ()
    seats: int = 3
    recurrences: int = 3
    exclusive: bool = True  # False: every POST books, the trap for a caller who posts twice
    office_hours: bool = False  # Monday to Friday, 9 to 17 UTC; else always open
    email_required: bool = True
    phone_required: bool = False
    required_fields: tuple[str, ...] = ()
    locations: tuple[str, ...] = ("address",)
    bookings_a_day: int = 0
    minutes_a_day: int = 0
    active_bookings: int = 0
    notice: int = 0
    window_days: int = 0
    host_locked: bool = False
    verifies_email: bool = False
    needs_login: bool = False
    cancellation_reason: bool = True

    @property
    def organizer(self) -> str:
        """Name the host whose calendar leads."""
        return (self.fixed_hosts or self.hosts)[0]

    @property
    def of_team(self) -> bool:
        """Say whether a team owns it."""
        return self.team_slug is not None


class EventTypeError(ValueError):
    """The order for an event type cannot be read; the message says what is wrong."""


def from_order(order: dict[str, Any]) -> EventType:
    """Read an event type from JSON; what it does not say is as at a plain type with hosts of its own.

    Raises EventTypeError.
    """
    if not isinstance(order, dict):
        raise EventTypeError("an event type is a JSON object")
    known = {field.name: type(field.default) for field in fields(EventType)}
    if unknown := set(order) - set(known):
        raise EventTypeError(f"unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    number, slug = order.get("id"), order.get("slug", f"type-{order.get('id')}")
    if not isinstance(number, int) or not isinstance(slug, str):
        raise EventTypeError("id must be an integer, slug a string")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in order.items()}
    for name in set(values) - {"id", "slug", "kind", "team_slug"}:
        if not isinstance(values[name], known[name]):
            raise EventTypeError(f"{name} must be of the kind of {getattr(EventType, name)!r}")
    try:
        kind = Kind(order.get("kind", "plain"))
    except ValueError as error:
        raise EventTypeError(f"kind must be one of {', '.join(Kind)}") from error
    of_team = kind in (Kind.ROUND_ROBIN, Kind.COLLECTIVE)
    hosts = (f"host{number}", f"host{number}0") if of_team else (f"host{number}",)
    own = {"hosts": hosts, "team_slug": "team" if of_team else None}
    return EventType(**{**own, **values, "slug": slug, "kind": kind})


TEAM = ("host4", "host5")
CHAIRS = tuple(EventType(200 + n, f"chair-{n}", hosts=(f"chair{n}",)) for n in range(1, 21))

DEFAULTS: tuple[EventType, ...] = (
    EventType(101, "plain"),
    EventType(102, "confirm", Kind.CONFIRM, hosts=("host2",)),
    EventType(103, "seats", Kind.SEATS, hosts=("host3",)),
    EventType(104, "rr", Kind.ROUND_ROBIN, hosts=TEAM, team_slug="team"),
    EventType(105, "plain-60", length=60),
    EventType(106, "coll", Kind.COLLECTIVE, hosts=("host6", "host9"), team_slug="team"),
    EventType(
        107,
        "phone-first",
        hosts=("host7",),
        email_required=False,
        phone_required=True,
        locations=("address", "attendeePhone"),
    ),
    EventType(108, "dayone", hosts=("host8",), bookings_a_day=1),
    EventType(109, "multi", hosts=("host10",), lengths=(15, 30, 60)),
    EventType(110, "open", hosts=("host11",), exclusive=False),
    EventType(111, "recur", Kind.RECURRING, hosts=("host12",)),
    EventType(112, "window", hosts=("host12",), notice=24 * 60, window_days=30),
    EventType(113, "office", hosts=("host13",), office_hours=True),
    EventType(114, "maxactive", hosts=("host13",), active_bookings=1),
    EventType(115, "custom", hosts=("host13",), required_fields=("company",)),
    EventType(116, "dayminutes", hosts=("host14",), minutes_a_day=30),
    EventType(117, "rrfixed", Kind.ROUND_ROBIN, hosts=("host16",), fixed_hosts=("host15",), team_slug="team"),
    EventType(118, "nohosts", Kind.ROUND_ROBIN, hosts=(), team_slug="team"),
    EventType(119, "verify", hosts=("host17",), verifies_email=True),
    EventType(120, "login", hosts=("host17",), needs_login=True),
    EventType(121, "locked", hosts=("host18",), host_locked=True),
    *CHAIRS,
)


class Catalogue:
    """All event types, by id and by slug."""

    def __init__(self, types: tuple[EventType, ...] = DEFAULTS) -> None:
        self._types = {event_type.id: event_type for event_type in types}

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
        return any(owner in (*event_type.hosts, event_type.team_slug) for event_type in self._types.values())

    def put(self, event_type: EventType) -> None:
        """Add or replace one."""
        self._types[event_type.id] = event_type
