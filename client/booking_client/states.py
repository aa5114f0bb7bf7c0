"""The states of a booking and of a change of it, and the reasons why one is held."""

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
    IN_LINE = "in_line"  # release_held, as those before it: it came while they waited, and met nothing itself
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


LINE = "line"
"""What `held_for` says of a booking that is held(in_line).

Its `hold_reason` is that of those before it, breaker_open or throttled: so it is released as they are, also by
processes of 0.1.0, which know no in_line.
"""
HELD_BY = f"CASE WHEN held_for = '{LINE}' THEN '{HoldReason.IN_LINE}' ELSE hold_reason END"
"""The hold reason of a row as it is shown, in SQL; the index `appointments_held_by` has it to the letter."""


def held_by(reason: str | None, held_for: str | None) -> HoldReason | None:
    """Return the hold reason of a row as it is shown; None: it is not held."""
    if reason is None:
        return None
    return HoldReason.IN_LINE if held_for == LINE else HoldReason(reason)


FINAL = frozenset({Status.CONFIRMED, Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
LIVE = frozenset(Status) - FINAL


class ChangeKind(StrEnum):
    """What a change does with its booking."""

    CANCEL = "cancel"
    RESCHEDULE = "reschedule"


class ChangeStatus(StrEnum):
    """Where a wish to cancel or to move a booking stands; each comment says who moves it on."""

    WAITING = "waiting"  # the move that ends the open outcome of its booking or of an earlier change; the sweeper
    PENDING = "pending"  # a worker claims it; the sweeper sends it again when its message is gone
    CHANGING = "changing"  # the worker that holds the lease; the sweeper when that worker is gone
    RETRYING = "retrying"  # its own message at next_attempt_at; the sweeper when that message is gone
    HELD = "held"  # as a booking: see HoldReason
    DONE = "done"  # nobody
    REFUSED = "refused"  # nobody: Cal.com refused it, or it is over; the booking stands as before
    FAILED = "failed"  # the operator (`booking retry`): Cal.com kept answering with errors
    EXPIRED = "expired"  # nobody: the wanted start of a reschedule came nearer than the lead
    WITHDRAWN = "withdrawn"  # nobody: a cancel, or a newer wish, came before it was sent


OVER = frozenset(
    {
        ChangeStatus.DONE,
        ChangeStatus.REFUSED,
        ChangeStatus.FAILED,
        ChangeStatus.EXPIRED,
        ChangeStatus.WITHDRAWN,
    }
)
"""The states in which a change is over."""

CHANGE_WORDS = {
    ChangeStatus.WAITING: "waits until the outcome of the booking, or of the change before it, is known",
    ChangeStatus.PENDING: "waits for a worker",
    ChangeStatus.CHANGING: "is with a worker, which calls Cal.com now",
    ChangeStatus.RETRYING: "is tried again soon",
    ChangeStatus.HELD: "is held",
    ChangeStatus.DONE: "is done",
    ChangeStatus.REFUSED: "is refused; the booking stands as before",
    ChangeStatus.FAILED: "has failed; the booking stands as before",
    ChangeStatus.EXPIRED: "was not made in time; the booking stands as before",
    ChangeStatus.WITHDRAWN: "was withdrawn before it was sent",
}
"""How a change stands, after "Its cancel" or "Its move to ..."."""
