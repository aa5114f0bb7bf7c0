"""What may end a booking whose outcome is unknown: the whole rule (docs/evidence.md, "What may end a booking").

The rule is a pure function of the event type, the lookup, the slots, the answer to a second POST, and the times that
have passed; it uses no clock, network or database. Weak evidence ends nothing: a list that shows only others' bookings
proves nothing, and our own booking may be the cause of a refusal.
"""

from dataclasses import dataclass
from enum import StrEnum

from db.event_kind import EventKind
from tasks.calcom.reply import Reply, ReplyKind
from tasks.calcom.slots import Slot


class Act(StrEnum):
    """The next step that the rule allows for a booking whose outcome is unknown."""

    LOOKUP = "look"  # nothing is certain yet: look the booking up again later
    ASK_SLOTS = "ask slots"  # decide again with the slots
    ASK_ANOTHER = "ask another"  # is this our Cal.com? Look for another booking of ours, then decide again
    POST_WHILE_UNKNOWN = "post"  # costs a retry; the first POST stays unknown, and this one may be unknown, too
    POST_AS_EVIDENCE = "evidence"  # the same bytes once more: the answer shows whether the first POST has booked
    POST_WHEN_NOT_BOOKED = "afresh"  # it is certainly not booked: a POST like the first, which costs a retry
    CONFIRM = "confirm"
    CANCEL = "cancel"
    EXPIRE = "expire"
    REJECT_TAKEN = "reject as taken"
    REJECT = "reject"  # by the stored refusal
    FAIL = "fail"
    UNREACHABLE = "unreachable"  # an outage has used up the retries
    BLIND = "blind"  # this key cannot find the outcome: held until another source shows it
    ASK_UID = "ask uid"  # the refusal names a booking, which may be ours
    UNKNOWN = "unknown"  # the second POST is unknown, too: its settle time begins again


# Kinds for which a second POST never makes a second booking, once no earlier POST can still be at work.
NEVER_TWICE = frozenset(EventKind) - {EventKind.OTHER, EventKind.UNKNOWN}
# Kinds whose slots are proof: an offered slot is not booked by us, because slots are read from the primary database.
BY_SLOTS = frozenset({EventKind.PLAIN, EventKind.COLLECTIVE})
# Kinds whose POST is proof: Cal.com looks for the attendee's booking before it looks for a free host or seat.
BY_EVIDENCE = NEVER_TWICE - BY_SLOTS
SEATED = frozenset({EventKind.SEATS, EventKind.ROUND_ROBIN_SEATS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Hold what is known about a booking that a deciding lookup did not find.

    `sight`: the list shows this key every booking of the type. `settled`: no POST of ours can still be at work
    (settle_at). `ended`: absence may end the booking (ends_at). `slots_fresh`: Cal.com's cached slots are by now from
    after `settle_at`. `refusal`: the kind of the latest POST's refusal; `unclear`: that was an evidence POST, and its
    refusal proves nothing. `near`: the start is within the lead or past, or `answer_by` is past. `waited`: the booking
    has waited longer than HOLD_MAX_AGE while Cal.com could be asked. `taker`: the lookup lists an accepted booking of
    the type that is not ours, with our exact start and end. `missing`: Cal.com says that it has no such event type.
    `another`: whether Cal.com showed another confirmed booking of ours, after an earlier lookup said the same.
    `unseen`: a gateway answered the latest POST (502, 503), and the first one is so young that nobody at Cal.com has
    changed yet what it may have made.
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
    missing: bool = False
    another: bool | None = None  # None: not asked yet
    unseen: bool = False


def before_lookup(case: Case) -> Act:
    """Return the step for a booking that is settled, before a deciding lookup: LOOKUP, or the POST that stands for it.

    Before `ends_at` the list's absence proves nothing, so what makes another POST safe is its kind alone: of plain and
    collective types Cal.com keeps one of two POSTs, even while both are at work (45 of 45).
    """
    late = case.ended or case.waited or case.near or case.missing
    again = case.kind in BY_SLOTS and case.settled and case.unseen and case.may_retry
    return Act.LOOKUP if late or case.cancel or case.refusal or not again else Act.POST_WHILE_UNKNOWN


def after_absence(case: Case) -> Act:
    """Return the step for a booking that a deciding lookup did not find."""
    if not case.settled:
        return Act.LOOKUP
    if case.missing and not (case.sight and case.another):
        return _of_missing_type(case)
    if not case.sight:
        return _without_sight(case)
    return _not_booked(case) if case.ended else _before_the_end(case)


def _of_missing_type(case: Case) -> Act:
    """Judge absence of a booking whose event type Cal.com does not have: it was deleted, or another Cal.com answers.

    Our Cal.com would still list the booking, and the sight from before counts; another one lists nothing of ours.
    """
    is_asked = case.another is None and case.sight and case.ended
    return Act.ASK_ANOTHER if is_asked else _blind(case)


def _before_the_end(case: Case) -> Act:
    """Judge absence with sight, before `ends_at`: a replica may lag, but a NEVER_TWICE kind may be posted again."""
    again = case.kind in NEVER_TWICE and case.may_retry and not (case.cancel or case.near)
    if not again or case.refusal not in {None, ReplyKind.TAKEN}:
        return Act.LOOKUP
    if case.slot is None:
        return Act.ASK_SLOTS
    if case.slot is Slot.UNAVAILABLE or (case.refusal is ReplyKind.TAKEN and case.slot is not Slot.OFFERED):
        return Act.LOOKUP
    return Act.POST_WHILE_UNKNOWN


def _not_booked(case: Case) -> Act:
    """Judge absence with sight, from `ends_at` on: a booking that is not listed is not booked."""
    if case.cancel:
        return Act.CANCEL
    if case.refusal not in {None, ReplyKind.TAKEN}:
        return Act.REJECT
    if case.near:  # a slot in the past is never offered: that proves nothing
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
    """Judge plain and collective types by their slots: an offered slot is not booked by us, a missing slot may be.

    If several bookings are made at once, Cal.com accepts one (6 of 6): if that is another one, ours is not booked.
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


# Before these refusals of an evidence POST Cal.com has looked for the attendee's booking: our booking is not there.
# A series is excluded: its weeks are checked one by one, and a refusal of week 5 leaves weeks 1 to 4 booked.
_NOT_THERE: dict[ReplyKind, frozenset[EventKind]] = {
    ReplyKind.TAKEN: BY_EVIDENCE - {EventKind.CONFIRMATION, EventKind.ROUND_ROBIN_SERIES},
    ReplyKind.BOUNDS: frozenset({EventKind.ROUND_ROBIN, EventKind.ROUND_ROBIN_SEATS}),
    ReplyKind.EVENT_TYPE_LIMIT: frozenset({EventKind.ROUND_ROBIN, EventKind.ROUND_ROBIN_SEATS}),
    ReplyKind.FULL: SEATED,
}
# A missing login, a deleted type, no hosts: Cal.com refuses these before it looks for a booking.
_BEFORE_ANY_CHECK = frozenset({401, 403, 404, 422})


def after_evidence(
    kind: EventKind,
    reply: Reply,
    *,
    foreign: bool = False,
    address_seated: bool = False,
    named_is_ours: bool | None = None,
) -> Act:
    """Return what the answer to an evidence POST, sent after the settle time, proves about the first POST.

    `foreign`: the booking in a 201 is not ours, or belongs to another row that was never in flight together with this
    one. `address_seated`: a row that was never in flight with this one has a seat for this address. `named_is_ours`:
    whether the booking that a refusal names is ours (None: not asked yet).
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
    """The next step after a refusal of a booking whose outcome was never unknown."""

    UNKNOWN = "unknown"  # a series may be booked in part: look it up until `ends_at`
    LOOKUP = "look"  # look once for our reference; then the refusal ends the booking
    RETRY = "retry"  # a fault of Cal.com's, which still offers the slot
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
    """Return the step after a refusal with HTTP `status`, for a booking whose outcome was never unknown.

    Nothing is rejected before a lookup of our reference. A series is made week by week, so a refusal may leave some
    weeks booked; none is booked if Cal.com refuses before it looks at any week (a missing type, a login, no hosts).
    """
    before_any_week = reply_kind is ReplyKind.REFUSED and status in _BEFORE_ANY_CHECK
    leaves_none = before_any_week or reply_kind is ReplyKind.EXISTING_BOOKING
    if recurs or (kind is EventKind.UNKNOWN and not leaves_none):
        return Refused.UNKNOWN
    if not looked:
        return Refused.LOOKUP
    fault = slot is Slot.OFFERED or (slot is Slot.UNASKED and may_retry)
    return Refused.RETRY if reply_kind is ReplyKind.TAKEN and fault else Refused.REJECT
