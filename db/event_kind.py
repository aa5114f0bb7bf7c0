"""Kinds of event types, as far as it matters what a second POST would do there."""

from enum import StrEnum


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
