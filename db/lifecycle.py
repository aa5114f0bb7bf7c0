"""The states of a booking and of a change of it, and the legal moves between them, as data.

`docs/states.md` draws this file and a test holds the two together. A booking's only door is `db.appointments.move`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from booking_client.states import FINAL, LIVE, OVER, ChangeStatus, HoldReason, Status

__all__ = [
    "CHANGE_MOVES",
    "FINAL",
    "HALF_MADE",
    "LIVE",
    "MOVES",
    "NEVER_KNOWN",
    "OVER",
    "PROBES_BEFORE_REST",
    "SHORT_HOLDS",
    "UNASKABLE",
    "WAIT_FOR_NO_TIME",
    "ChangeStatus",
    "HoldReason",
    "Status",
    "Strategy",
    "strongest",
]


# Holds in which Cal.com could not be asked about a booking, as the column has them (IN_LINE is one of the first two).
# Not UNREACHABLE: it is short, a lookup that failed has counted for itself, and a second POST that failed says nothing
# of the lookups.
UNASKABLE = frozenset(
    {
        HoldReason.BREAKER_OPEN,
        HoldReason.THROTTLED,
        HoldReason.CREDENTIALS,
        HoldReason.CONFIGURATION,
        HoldReason.PAUSED,
    }
)


WAIT_FOR_NO_TIME = frozenset(
    {HoldReason.SUSPECT, HoldReason.BLIND_KEY, HoldReason.CREDENTIALS, HoldReason.CONFIGURATION}
)
"""Holds that no time ends: a person does, or what has caused them is over."""
SHORT_HOLDS = frozenset({HoldReason.THROTTLED})
"""Holds that mostly end within a second or two: who waits goes on waiting, also in the line behind them."""


class Strategy(StrEnum):
    """Which pattern helped a booking through, weakest first."""

    IMMEDIATE_RETRY = "immediate_retry"
    EXPONENTIAL_BACKOFF = "exponential_backoff"
    CIRCUIT_BREAKER_OPEN = "circuit_breaker_open"
    GRACEFUL_DEGRADATION = "graceful_degradation"


def strongest(first: Strategy | None, second: Strategy | None) -> Strategy | None:
    """Return the stronger of two strategies; None is weaker than any."""
    order = list(Strategy)
    return max(first, second, key=lambda strategy: -1 if strategy is None else order.index(strategy))


_MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.BOOKING, Status.HELD, Status.EXPIRED, Status.CANCELLED}),
    Status.BOOKING: frozenset(
        {
            Status.CONFIRMED,
            Status.REJECTED,
            Status.FAILED,
            Status.RETRYING,
            Status.HELD,
            Status.EXPIRED,
            Status.CANCELLED,
            Status.PENDING,  # nothing was sent: given back
        }
    ),
    Status.RETRYING: frozenset({Status.BOOKING, Status.HELD, Status.EXPIRED, Status.CANCELLED, Status.PENDING}),
    Status.HELD: frozenset(
        {
            Status.PENDING,
            Status.CONFIRMED,  # a late 201, or found at Cal.com
            Status.REJECTED,  # another request got its time (sql/taken.sql)
            Status.EXPIRED,
            Status.CANCELLED,
            Status.FAILED,  # never_known: a day after its slot nobody knew whether it was booked
        }
    ),
    Status.FAILED: frozenset(
        {
            Status.PENDING,  # the operator's retry
            Status.CONFIRMED,  # found at Cal.com later (record_late_uid), which is an incident
        }
    ),
    Status.CONFIRMED: frozenset(
        {
            Status.CANCELLED,
            Status.PENDING,  # Cal.com lost its seat while it was moved: it is booked again
        }
    ),
    # Found at Cal.com later (a late 201, a lookup, the audit): record_late_uid moves them, and opens an incident.
    Status.REJECTED: frozenset({Status.CONFIRMED}),
    Status.EXPIRED: frozenset({Status.CONFIRMED}),
    # Final for good: a uid that is found later is recorded on such a row without a move.
    Status.CANCELLED: frozenset(),
}

MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(_MOVES)

NEVER_KNOWN = "never_known"
"""The error type of a failed booking whose outcome was never known (sql/never_known.sql writes it)."""
HALF_MADE = "half_made"
"""The error type of a seat that Cal.com has made only in part."""
PROBES_BEFORE_REST = 3
"""Failed probes in a row; then the booking leaves the line for a while."""


_UNSENT = frozenset({ChangeStatus.HELD, ChangeStatus.EXPIRED, ChangeStatus.WITHDRAWN})  # where what was not sent may go
_ENDS = frozenset({ChangeStatus.DONE, ChangeStatus.REFUSED, ChangeStatus.FAILED, ChangeStatus.EXPIRED})

CHANGE_MOVES: Mapping[ChangeStatus, frozenset[ChangeStatus]] = MappingProxyType(
    {
        ChangeStatus.WAITING: _ENDS - {ChangeStatus.FAILED} | {ChangeStatus.PENDING, ChangeStatus.WITHDRAWN},
        ChangeStatus.PENDING: _UNSENT | {ChangeStatus.CHANGING},
        ChangeStatus.CHANGING: _ENDS | {ChangeStatus.RETRYING, ChangeStatus.HELD, ChangeStatus.PENDING},
        ChangeStatus.RETRYING: _UNSENT | {ChangeStatus.CHANGING, ChangeStatus.PENDING},
        ChangeStatus.HELD: _ENDS | {ChangeStatus.PENDING, ChangeStatus.WITHDRAWN},
        ChangeStatus.FAILED: frozenset({ChangeStatus.PENDING}),
        ChangeStatus.DONE: frozenset(),
        ChangeStatus.REFUSED: frozenset(),
        ChangeStatus.EXPIRED: frozenset(),
        ChangeStatus.WITHDRAWN: frozenset(),
    }
)
