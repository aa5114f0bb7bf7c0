"""Kinds of event types, as far as it matters what a second POST would do there."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class EventKind(StrEnum):
    """What Cal.com does with a second POST of the same booking depends on this (docs/calcom.md)."""

    PLAIN = "plain"
    COLLECTIVE = "collective"
    ROUND_ROBIN = "round_robin"
    SEATS = "seats"
    ROUND_ROBIN_SEATS = "round_robin_seats"
    CONFIRMATION = "confirmation"  # one set of hosts who confirm each booking
    ROUND_ROBIN_SERIES = "round_robin_series"
    OTHER = "other"  # a combination for which nothing proves that a booking is not there
    UNKNOWN = "unknown"  # this key may not read the event type


# What becomes of a kind where a host confirms some bookings, or may: a pending booking takes no time and no seat, and
# Cal.com, which looks for it as long as it is pending, does not find it once it was accepted. The others stay the same.
_IF_CONFIRMED: Mapping[EventKind, EventKind] = MappingProxyType(
    {
        EventKind.PLAIN: EventKind.CONFIRMATION,
        EventKind.COLLECTIVE: EventKind.CONFIRMATION,
        EventKind.ROUND_ROBIN: EventKind.OTHER,
        EventKind.SEATS: EventKind.OTHER,
        EventKind.ROUND_ROBIN_SEATS: EventKind.OTHER,
        EventKind.ROUND_ROBIN_SERIES: EventKind.OTHER,
    }
)


def if_confirmed(kind: EventKind) -> EventKind:
    """Return the kind of an event type of this kind whose host confirms some bookings, or may."""
    return _IF_CONFIRMED.get(kind, kind)
