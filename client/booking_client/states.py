"""The states of a booking, and the reasons why one is held."""

from enum import StrEnum

DEFAULT_ACCOUNT = 1
"""The account at Cal.com that the settings name: `default`."""


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
    PAUSED = "paused"  # release_held, once an operator has resumed its account: nothing is called while that is paused


FINAL = frozenset({Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
LIVE = frozenset(Status) - FINAL
