"""What the evidence about a change can lead to, and the rules that a cancel and a reschedule share.

The rules are pure functions (docs/evidence.md, "What may end a change"): no clock, network or database. A change is a
wish to cancel or to move a booking; `from` is the uid (and the seat's uid) that its POST names.
"""

from dataclasses import dataclass
from enum import StrEnum

from tasks.calcom.changes.reply import ChangeAnswer


class ChangeStep(StrEnum):
    """The next step that the rules allow for a change."""

    LOOK = "look"  # the outcome is unknown: look the booking up again later
    ASK_SLOTS = "ask slots"  # decide again with the slots
    ASK_LIST = "ask list"  # list the bookings with our reference, of a move at the wanted start; decide again with them
    ASK_ANOTHER = "ask another"  # ask for another confirmed booking of ours: is this our Cal.com at all?
    POST_AGAIN = "post again"  # costs a retry; the first POST stays unknown
    RETRY = "retry"  # nothing was changed: the same POST again, which costs a retry
    FOLLOW = "follow"  # the booking lives under another uid: cancel it there
    NEXT_WEEK = "next week"  # of a series: cancel from the next week on that lives; costs no retry
    HOLD = "hold"  # nothing was done: held as the reply says (throttled, credentials, configuration)
    HOLD_UNKNOWN = "hold unknown"  # held(configuration), an alert; look before anything else
    DONE = "done"
    DONE_NOT_FOUND = "done, not found"  # a cancel: Cal.com has the booking no more
    DONE_BESIDE = "done, the old one lives"  # Cal.com's transaction broke off: the old one is cancelled as a double
    DONE_TWICE = "done, lives twice"  # somebody else moved it as well: his booking is a double, an incident
    REFUSE = "refuse"  # by Cal.com's words; the booking stands as before
    REFUSE_OVER = "refuse: over"
    REFUSE_NOT_ALLOWED = "refuse: not allowed"  # an alert: the booking stands, the customer must be called
    REFUSE_FULL = "refuse: full"  # Cal.com would overbook
    REFUSE_OTHER_BOOKING = "refuse: another booking then"
    REFUSE_MOVED = "refuse: moved meanwhile"  # by somebody else; the row follows
    REFUSE_MOVED_UNSEEN = "refuse: moved meanwhile, unseen"  # the same; ours may be hidden: an incident asks a person
    REFUSE_CANCELLED = "refuse: cancelled"  # cancelled or declined at Cal.com: the row is cancelled
    REFUSE_NOT_FOUND = "refuse: not found"
    REFUSE_NO_WEEK = "refuse: no such week"  # of a series: no week of it begins then
    REFUSE_BEGUN = "refuse: begun"  # of a series: the week that was meant has begun
    BOOK_AGAIN = "book again"  # Cal.com has lost the seat between two steps: a first POST of the booking, an incident
    BLIND = "blind"  # this key cannot see the wanted start, or the seat: held(blind_key)
    EXPIRE = "expire"  # the wanted start came too near; the booking stands as before
    FAIL = "fail"  # the booking stands as before, an incident
    UNREACHABLE = "unreachable"  # retries used up by an outage, or not yet for HOLD_MAX_AGE: held(unreachable)


ENDINGS = frozenset(
    {
        ChangeStep.DONE,
        ChangeStep.DONE_NOT_FOUND,
        ChangeStep.DONE_BESIDE,
        ChangeStep.DONE_TWICE,
        ChangeStep.BOOK_AGAIN,
        ChangeStep.EXPIRE,
        ChangeStep.FAIL,
        *(step for step in ChangeStep if step.name.startswith("REFUSE")),
    }
)
"""Steps after which nothing of the change is sent any more."""


class Shown(StrEnum):
    """What a lookup shows of the booking, or the seat, that a change names."""

    ALIVE = "alive"  # under the uid that the POST names
    CANCELLED = "cancelled"  # cancelled or declined, and never moved
    MOVED = "moved"  # it has a successor
    NO_WEEK = "no week"  # a series without a week that begins when it is said
    BEGUN = "begun"  # the week of a series that is meant lives, and has begun
    NOT_FOUND = "not found"  # Cal.com's own "was not found"
    UNREADABLE = "unreadable"  # the lookup failed


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCase:
    """Hold what is known about a change after a lookup.

    `settled`: no POST of ours can still be at work (settle_at). `ended`: absence, and that the booking still lives
    unchanged, count (ends_at). `refusal`: the answer of the latest POST, if that was a refusal after a POST of unknown
    outcome. `young`: the booking was confirmed, moved or found under this uid so lately that a replica may not show it
    yet (130 s). `next_week`: of a series, no POST has named the week that is to be cancelled next; it was moved, or
    none was named yet. `another`: whether another confirmed booking of ours was found at this moment (None: not asked).
    `listed`: whether the list shows our reference, of a move at the wanted start (None: not asked); a seat's uid that
    the row had before does not count, for a replica may still list that seat. `outage`: an outage has used up the
    retries; `waited`: the change was asked for longer ago than HOLD_MAX_AGE.
    """

    shown: Shown
    settled: bool
    ended: bool
    seat: bool = False
    refusal: ChangeAnswer | None = None
    young: bool = False
    next_week: bool = False
    another: bool | None = None
    listed: bool | None = None
    may_retry: bool = True
    outage: bool = False
    waited: bool = False


def out_of_retries(case: ChangeCase) -> ChangeStep:
    """Return the step of a change without retries: it waits, or it ends once its booking certainly stands."""
    if not case.ended:
        return ChangeStep.LOOK
    return ChangeStep.UNREACHABLE if case.outage or not case.waited else ChangeStep.FAIL


def not_found(gone: ChangeStep, *, young: bool, another: bool | None) -> ChangeStep:
    """Return the step if Cal.com has no booking of this uid; `gone` is the end if the booking is certainly gone.

    The answer comes from a replica that lags, from another Cal.com (a wrong URL), or the organizer was deleted.
    """
    if young:
        return ChangeStep.LOOK
    if another is None:
        return ChangeStep.ASK_ANOTHER
    return gone if another else ChangeStep.HOLD_UNKNOWN


UNSENT: dict[ChangeAnswer, ChangeStep] = {
    ChangeAnswer.THROTTLED: ChangeStep.HOLD,
    ChangeAnswer.CREDENTIALS: ChangeStep.HOLD,
    ChangeAnswer.CONFIGURATION: ChangeStep.HOLD,
    ChangeAnswer.FAULTY: ChangeStep.HOLD,
    ChangeAnswer.OLD_VERSION: ChangeStep.HOLD_UNKNOWN,
}
"""What answers lead to that are no customer's matter, whatever was asked."""

UNCLEAR = frozenset(
    {
        ChangeAnswer.OTHER_BOOKING,
        ChangeAnswer.TAKEN,
        ChangeAnswer.REFUSED,
        ChangeAnswer.OVER,
        ChangeAnswer.NOT_ALLOWED,
    }
)
"""Refusals that prove nothing while an earlier POST is of unknown outcome: the lookup decides with them."""

VAGUE = frozenset({ChangeAnswer.UNKNOWN, ChangeAnswer.PROBABLY_DONE, ChangeAnswer.OLD_VERSION})
"""Answers that say neither that it is done nor that it is not: one late look follows, however the change ends."""

CLEAR = frozenset(
    {ChangeAnswer.MOVED_BEFORE, ChangeAnswer.SEAT_GONE, ChangeAnswer.ORIGINAL_GONE, ChangeAnswer.NOT_FOUND}
)
"""Answers to a POST that has certainly changed nothing, though a lookup must follow."""
