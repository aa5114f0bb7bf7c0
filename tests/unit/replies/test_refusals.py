"""A refusal of what was never unknown: no rejected before a look, none of a series before its end (rules 6, 7)."""

import pytest

from db.event_kind import EventKind
from tasks.attempts.evidence import Refused, after_refusal
from tasks.calcom.reply import ReplyKind
from tasks.calcom.slots import Slot


@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize(
    "reply_kind",
    sorted({ReplyKind.TAKEN, ReplyKind.EVENT_TYPE_LIMIT, ReplyKind.BOUNDS, ReplyKind.ATTENDEE_LIMIT, ReplyKind.FULL}),
)
def test_no_refusal_is_told_before_a_look(kind: EventKind, reply_kind: ReplyKind) -> None:
    """And of what recurs, or is of unknown kind, not before its end: weeks may be booked."""
    first = after_refusal(reply_kind, kind, recurs=False, looked=False)
    assert first is (Refused.UNKNOWN if kind is EventKind.UNKNOWN else Refused.LOOKUP)
    assert after_refusal(reply_kind, kind, recurs=True, looked=False) is Refused.UNKNOWN


@pytest.mark.parametrize(
    ("reply_kind", "status", "first"),
    [
        *((ReplyKind.REFUSED, status, Refused.LOOKUP) for status in (401, 403, 404, 422)),
        (ReplyKind.REFUSED, 400, Refused.UNKNOWN),
        (ReplyKind.EXISTING_BOOKING, 201, Refused.LOOKUP),
    ],
)
def test_what_is_refused_before_any_week_is_made_needs_no_kind(
    reply_kind: ReplyKind, status: int, first: Refused
) -> None:
    """A type that is not there, a login: no week can be booked, so one look is enough. A 400 may be week five's."""
    assert after_refusal(reply_kind, EventKind.UNKNOWN, recurs=False, looked=False, status=status) is first
    if first is Refused.LOOKUP:
        assert after_refusal(reply_kind, EventKind.UNKNOWN, recurs=False, looked=True, status=status) is Refused.REJECT


@pytest.mark.parametrize(
    ("slot", "may_retry", "after"),
    [
        (Slot.OFFERED, True, Refused.RETRY),
        (Slot.UNASKED, True, Refused.RETRY),
        (Slot.UNASKED, False, Refused.REJECT),
        (Slot.UNAVAILABLE, True, Refused.REJECT),
        (Slot.UNPROVEN, True, Refused.REJECT),
        (None, True, Refused.REJECT),
    ],
)
def test_taken_is_believed_unless_cal_com_still_offers_the_slot(
    slot: Slot | None,
    may_retry: bool,  # noqa: FBT001 - a column
    after: Refused,
) -> None:
    """Row 9: the same words also stand for a fault of Cal.com's database or calendar, which the slots may share."""
    assert (
        after_refusal(ReplyKind.TAKEN, EventKind.PLAIN, recurs=False, looked=True, slot=slot, may_retry=may_retry)
        is after
    )
