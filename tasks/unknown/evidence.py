"""What may end a booking whose outcome is unknown: the whole rule, pure (docs/promises.md, "What may end a booking").

No clock, no network, no database: from what is known of the event type, what the lookup and the slots said, what a
second POST was answered with, and which moments have passed, to what may be done. Weak evidence ends nothing: a list
that shows others' bookings proves nothing, and a refusal may be our own booking's doing.
"""

from dataclasses import dataclass
from enum import StrEnum

from db.event_kind import EventKind
from tasks.calcom.reply import Reply, ReplyKind
from tasks.calcom.slots import Slot


class Act(StrEnum):
    """Say what may be done next with a booking whose outcome is unknown."""

    LOOKUP = "look"  # nothing is certain yet: look again later
    ASK_SLOTS = "ask slots"  # decide again, with what they say
    POST_WHILE_UNKNOWN = "post"  # once more, at the price of a retry; its outcome is as open as the first one's
    POST_AS_EVIDENCE = "evidence"  # the same bytes once more: the answer says whether the first is there
    POST_WHEN_NOT_BOOKED = "afresh"  # nothing is booked, for certain: a POST like the first, at the price of a retry
    CONFIRM = "confirm"
    CANCEL = "cancel"
    EXPIRE = "expire"
    REJECT_TAKEN = "reject as taken"
    REJECT = "reject"  # by the refusal that is known
    FAIL = "fail"
    UNREACHABLE = "unreachable"  # an outage ate the retries
    BLIND = "blind"  # it cannot be told: held until somebody can
    ASK_UID = "ask uid"  # the refusal names a booking: is it ours?
    UNKNOWN = "unknown"  # the second POST settles nothing: settle anew


# Kinds of which a second POST can never make a second booking, once no earlier one can still be working.
NEVER_TWICE = frozenset(EventKind) - {EventKind.OTHER, EventKind.UNKNOWN}
# Kinds whose slots tell: a free slot is none of ours, for the slots read the primary database.
BY_SLOTS = frozenset({EventKind.PLAIN, EventKind.COLLECTIVE})
# Kinds where Cal.com's own checks tell: it looks for the attendee's booking before it looks for a free host or seat.
BY_EVIDENCE = NEVER_TWICE - BY_SLOTS
SEATED = frozenset({EventKind.SEATS, EventKind.ROUND_ROBIN_SEATS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Hold what is known of a booking that a deciding lookup did not find.

    `sight`: the list shows this key every booking of the type. `settled`: no POST of ours can still be working
    (settle_at). `ended`: absence may end it (ends_at). `slots_fresh`: what the slots say is newer than the settle time.
    `refusal`: what the latest POST was refused with; `unclear` when that was an evidence POST's and settles nothing.
    `near`: its start is within the lead, or past, or its answer_by is. `waited`: longer than HOLD_MAX_AGE while Cal.com
    could be asked.
    `taker`: the lookup lists an accepted booking of the type, not ours, with our very start and end.
    """

    kind: EventKind
    sight: bool
    settled: bool
    ended: bool
    slot: Slot | None = None  # None: not asked yet
    slots_fresh: bool = True
    refusal: ReplyKind | None = None
    unclear: bool = False
    cancel: bool = False
    near: bool = False
    may_retry: bool = True
    outage: bool = False
    waited: bool = False
    taker: bool = False


def after_absence(case: Case) -> Act:
    """Return what may be done with a booking that a deciding lookup did not find."""
    if not case.settled:
        return Act.LOOKUP
    if not case.sight:
        return _without_sight(case)
    return _not_booked(case) if case.ended else _before_the_end(case)


def _before_the_end(case: Case) -> Act:
    """With sight: absence ends nothing yet (a replica may lag), but another POST may go where it is harmless."""
    again = case.kind in NEVER_TWICE and case.may_retry and not (case.cancel or case.near)
    if not again or case.refusal not in {None, ReplyKind.TAKEN}:
        return Act.LOOKUP
    if case.slot is None:
        return Act.ASK_SLOTS
    if case.slot is Slot.UNAVAILABLE or (case.refusal is ReplyKind.TAKEN and case.slot is not Slot.OFFERED):
        return Act.LOOKUP
    return Act.POST_WHILE_UNKNOWN


def _not_booked(case: Case) -> Act:
    """With sight, and after the end: what is not listed is not booked."""
    if case.cancel:
        return Act.CANCEL
    if case.refusal not in {None, ReplyKind.TAKEN}:
        return Act.REJECT
    if case.near:  # slots of a time that has come are never offered: they say nothing
        return Act.EXPIRE
    if case.slot is None:
        return Act.ASK_SLOTS
    if case.slot is Slot.UNAVAILABLE:
        return Act.REJECT_TAKEN
    silent = case.slot is Slot.UNPROVEN or (case.slot is Slot.UNASKED and not case.may_retry)
    if case.refusal is ReplyKind.TAKEN and silent:
        return Act.REJECT_TAKEN
    if case.may_retry:
        return Act.POST_WHEN_NOT_BOOKED
    return Act.UNREACHABLE if case.outage else Act.FAIL


def _without_sight(case: Case) -> Act:
    if case.unclear or case.cancel or case.near:
        return _blind(case)
    if case.kind in BY_SLOTS:
        return _by_slots(case)
    return Act.POST_AS_EVIDENCE if case.kind in BY_EVIDENCE and not case.waited else _blind(case)


def _by_slots(case: Case) -> Act:
    """Plain and collective types: a slot that is offered is not taken by us; one that is gone may be.

    One is accepted of several at once, never two (6 of 6): that another's is shows that ours is not.
    """
    if case.slot is None:
        return Act.ASK_SLOTS if case.slots_fresh else Act.LOOKUP
    if case.slot is Slot.UNAVAILABLE and case.taker and case.ended:
        return Act.REJECT_TAKEN
    if case.slot is not Slot.OFFERED:
        return _blind(case)
    if case.may_retry:
        return Act.POST_WHILE_UNKNOWN
    if not case.ended:
        return Act.LOOKUP
    return Act.UNREACHABLE if case.outage else Act.FAIL


def _blind(case: Case) -> Act:
    return Act.BLIND if case.ended else Act.LOOKUP


# What an evidence POST is refused with where Cal.com has looked for the attendee's booking first: ours is not there.
# Not of a series: its weeks are looked at one by one, and what refuses week 5 leaves weeks 1 to 4.
_NOT_THERE: dict[ReplyKind, frozenset[EventKind]] = {
    ReplyKind.TAKEN: BY_EVIDENCE - {EventKind.CONFIRMATION, EventKind.ROUND_ROBIN_SERIES},
    ReplyKind.BOUNDS: frozenset({EventKind.ROUND_ROBIN, EventKind.ROUND_ROBIN_SEATS}),
    ReplyKind.EVENT_TYPE_LIMIT: frozenset({EventKind.ROUND_ROBIN, EventKind.ROUND_ROBIN_SEATS}),
    ReplyKind.FULL: SEATED,
}
_BEFORE_ANY_CHECK = frozenset({401, 403, 404, 422})  # a login, a deleted type, no hosts: before any check of ours


def after_evidence(
    kind: EventKind,
    reply: Reply,
    *,
    foreign: bool = False,
    address_seated: bool = False,
    named_is_ours: bool | None = None,
) -> Act:
    """Return what the answer to an evidence POST, sent after the settle time, says of the first one.

    `foreign`: the other request that a 201 shows is somebody's own booking, or one of ours that was never in flight
    with this one. `address_seated`: another row of ours, never in flight with this one, has a seat for this address.
    `named_is_ours`: whether the booking that a refusal names is ours (None: not asked yet).
    """
    reply_kind = reply.kind
    if reply_kind is ReplyKind.BOOKED:
        return Act.CONFIRM
    if reply_kind is ReplyKind.EXISTING_BOOKING:
        return Act.REJECT if reply.is_attendee and foreign and not reply.owner_hidden else Act.BLIND
    if reply_kind is ReplyKind.ATTENDEE_LIMIT:
        return _maximum(reply, named_is_ours=named_is_ours)
    if reply_kind in _NOT_THERE and (reply_kind is not ReplyKind.TAKEN or reply.http_status == 400):
        if kind in _NOT_THERE[reply_kind]:
            return Act.REJECT if reply_kind in {ReplyKind.BOUNDS, ReplyKind.EVENT_TYPE_LIMIT} else Act.REJECT_TAKEN
        return Act.UNKNOWN if reply_kind is ReplyKind.FULL else Act.BLIND
    if reply_kind is ReplyKind.SIGNED_UP and kind in SEATED:
        return Act.REJECT if address_seated and kind is EventKind.SEATS else Act.BLIND
    if reply_kind is ReplyKind.REFUSED and reply.http_status in _BEFORE_ANY_CHECK:
        return Act.BLIND
    return Act.UNKNOWN


def _maximum(reply: Reply, *, named_is_ours: bool | None) -> Act:
    if reply.uid is None:
        return Act.BLIND
    if named_is_ours is None:
        return Act.ASK_UID
    return Act.CONFIRM if named_is_ours else Act.BLIND


class Refused(StrEnum):
    """Say what a refusal of a request that was never unknown may do, before and after the one lookup."""

    UNKNOWN = "unknown"  # a series may be booked in part: look until its end
    LOOKUP = "look"  # once, for our reference: then the refusal ends it
    RETRY = "retry"  # a fault of Cal.com: it still offers the slot
    REJECT = "reject"


def after_refusal(
    reply_kind: ReplyKind,
    kind: EventKind,
    *,
    recurs: bool,
    looked: bool,
    status: int | None = None,
    slot: Slot | None = None,
    may_retry: bool = True,
) -> Refused:
    """Return what a refusal (its HTTP `status`) may do to a booking of which no POST was ever unknown.

    No `rejected` before a lookup for our reference; a series is made week by week, so a refusal may leave some. What
    Cal.com refuses before it looks at any week (a type that is not there, a login, no hosts) leaves none, whatever the
    kind.
    """
    before_any_week = reply_kind is ReplyKind.REFUSED and status in _BEFORE_ANY_CHECK
    leaves_none = before_any_week or reply_kind is ReplyKind.EXISTING_BOOKING
    if recurs or (kind is EventKind.UNKNOWN and not leaves_none):
        return Refused.UNKNOWN
    if not looked:
        return Refused.LOOKUP
    fault = slot is Slot.OFFERED or (slot is Slot.UNASKED and may_retry)
    return Refused.RETRY if reply_kind is ReplyKind.TAKEN and fault else Refused.REJECT
