"""The states of a booking and the legal moves between them, as data.

`docs/states.md` draws this file and a test holds the two together. `db.appointments.move` is the only door.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Status(StrEnum):
    """Where a booking stands; each comment says who moves it on."""

    PENDING = "pending"  # a worker claims it; the sweeper sends it again when its message is gone
    BOOKING = "booking"  # the worker that holds the lease; lost_leases when that worker is gone
    RETRYING = "retrying"  # its own message at next_attempt_at; the sweeper when that message is gone
    HELD = "held"  # see HoldReason: each reason has its own owner
    CONFIRMED = "confirmed"  # a lookup that finds it cancelled at Cal.com; otherwise it stays
    REJECTED = "rejected"  # nobody, unless it is found at Cal.com after all: Cal.com refused it for good
    FAILED = "failed"  # the operator (`booking retry`); found at Cal.com after all
    EXPIRED = "expired"  # nobody, unless it is found at Cal.com after all: its slot came nearer than the lead
    CANCELLED = "cancelled"  # nobody: the operator or Cal.com ended it


class HoldReason(StrEnum):
    """Why a booking is held; each comment says who moves it on. No hold costs a retry."""

    BREAKER_OPEN = "breaker_open"  # release_held, paced
    THROTTLED = "throttled"  # release_held, at the limit's pace
    # release_held, at hold_until; after three failed probes also once the breaker is closed
    UNREACHABLE = "unreachable"
    SETTLING = "settling"  # release_held at hold_until (settle_at, then ends_at): the deciding lookup
    # another key; a personal type's owner's key that has its rights again; a lookup at each hold_until, with growing
    # pauses; `booking resolve` or `booking retry --not-booked`; a day after its slot never_known makes it failed
    BLIND_KEY = "blind_key"
    # release_held: another key; today's, while the shared breaker does not block it. A harmless call, asked each minute
    # while any is held, lifts the block when it is answered well; so does `booking breaker reset`
    CREDENTIALS = "credentials"
    # release_held: other settings; today's, from hold_until on, while the shared breaker knows of nothing else than
    # Cal.com that answers there. When the harmless call is answered well one goes first, whose POST says so. What waits
    # for an event type that Cal.com had: ask_again, once it is found there
    CONFIGURATION = "configuration"
    # the operator; suspects_due looks for it each hour and never posts (it lost three leases in a row while no other
    # booking did, or is half made at Cal.com)
    SUSPECT = "suspect"


# Holds in which Cal.com could not be asked about a booking. Not UNREACHABLE: it is short, a lookup that failed has
# counted for itself, and a second POST that failed says nothing of the lookups.
UNASKABLE = frozenset(
    {
        HoldReason.BREAKER_OPEN,
        HoldReason.THROTTLED,
        HoldReason.CREDENTIALS,
        HoldReason.CONFIGURATION,
    }
)


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
    Status.CONFIRMED: frozenset({Status.CANCELLED}),
    # Found at Cal.com later (a late 201, a lookup, the audit): record_late_uid moves them, and opens an incident.
    Status.REJECTED: frozenset({Status.CONFIRMED}),
    Status.EXPIRED: frozenset({Status.CONFIRMED}),
    # Final for good: a uid that is found later is recorded on such a row without a move.
    Status.CANCELLED: frozenset(),
}

MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(_MOVES)

NEVER_KNOWN = "never_known"
"""The error type of a failed booking of which nobody knew whether it was booked (sql/never_known.sql writes it)."""

FINAL = frozenset({Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
LIVE = frozenset(Status) - FINAL
