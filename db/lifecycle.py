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
    CONFIRMED = "confirmed"  # a look that finds it cancelled at Cal.com; otherwise it stays
    REJECTED = "rejected"  # nobody: Cal.com refused it for good
    FAILED = "failed"  # the operator (`booking retry`); a late 201, which confirms it
    EXPIRED = "expired"  # nobody: its slot came nearer than the lead
    CANCELLED = "cancelled"  # nobody: the operator or Cal.com ended it


class HoldReason(StrEnum):
    """Why a booking is held; each comment says who moves it on. No hold costs a retry."""

    BREAKER_OPEN = "breaker_open"  # release_held, paced
    THROTTLED = "throttled"  # release_held, at the limit's pace
    UNREACHABLE = "unreachable"  # release_held, when hold_until has come
    SETTLING = "settling"  # the sweeper at hold_until (= settle_at): the settled look
    BLIND_KEY = "blind_key"  # the sweeper once visibility is proven; the operator
    CREDENTIALS = "credentials"  # a new key's fingerprint; `booking breaker reset`
    CONFIGURATION = "configuration"  # new settings; the operator
    SUSPECT = "suspect"  # the operator only: it failed three probes, or lost three leases in a row


class Strategy(StrEnum):
    """Which pattern helped a booking through, weakest first."""

    IMMEDIATE_RETRY = "immediate_retry"
    EXPONENTIAL_BACKOFF = "exponential_backoff"
    CIRCUIT_BREAKER_OPEN = "circuit_breaker_open"
    GRACEFUL_DEGRADATION = "graceful_degradation"


def strongest(one: Strategy | None, other: Strategy | None) -> Strategy | None:
    """Return the stronger of two strategies; None is weaker than any."""
    order = list(Strategy)
    return max(one, other, key=lambda strategy: -1 if strategy is None else order.index(strategy))


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
            Status.CONFIRMED,  # a late 201
            Status.EXPIRED,
            Status.CANCELLED,
        }
    ),
    Status.FAILED: frozenset(
        {
            Status.PENDING,  # the operator's retry
            Status.CONFIRMED,  # a late 201
        }
    ),
    Status.CONFIRMED: frozenset({Status.CANCELLED}),
    # Final for good. A late 201's uid is recorded on such a row without a move.
    Status.REJECTED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.CANCELLED: frozenset(),
}

MOVES: Mapping[Status, frozenset[Status]] = MappingProxyType(_MOVES)

FINAL = frozenset({Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
LIVE = frozenset(Status) - FINAL
