"""A refusal of what was never unknown: no rejected before a look, none of a series before its end (rules 6, 7)."""

import pytest

from db.event_kind import EventKind
from tasks.calcom.reply import Meaning
from tasks.calcom.slots import Slot
from tasks.unknown.evidence import Refused, after_refusal


@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize(
    "meaning", sorted({Meaning.TAKEN, Meaning.LIMIT, Meaning.BOUNDS, Meaning.MAXIMUM, Meaning.FULL})
)
def test_no_refusal_is_told_before_a_look(kind: EventKind, meaning: Meaning) -> None:
    """And of what recurs, or is of unknown kind, not before its end: weeks may be booked."""
    first = after_refusal(meaning, kind, recurs=False, looked=False)
    assert first is (Refused.UNKNOWN if kind is EventKind.UNKNOWN else Refused.LOOK)
    assert after_refusal(meaning, kind, recurs=True, looked=False) is Refused.UNKNOWN


@pytest.mark.parametrize(
    ("meaning", "status", "first"),
    [
        *((Meaning.REFUSED, status, Refused.LOOK) for status in (401, 403, 404, 422)),
        (Meaning.REFUSED, 400, Refused.UNKNOWN),
        (Meaning.ANOTHERS, 201, Refused.LOOK),
    ],
)
def test_what_is_refused_before_any_week_is_made_needs_no_kind(meaning: Meaning, status: int, first: Refused) -> None:
    """A type that is not there, a login: no week can be booked, so one look is enough. A 400 may be week five's."""
    assert after_refusal(meaning, EventKind.UNKNOWN, recurs=False, looked=False, status=status) is first
    if first is Refused.LOOK:
        assert after_refusal(meaning, EventKind.UNKNOWN, recurs=False, looked=True, status=status) is Refused.REJECT


@pytest.mark.parametrize(
    ("slot", "may_retry", "told"),
    [
        (Slot.OFFERED, True, Refused.RETRY),
        (Slot.UNASKED, True, Refused.RETRY),
        (Slot.UNASKED, False, Refused.REJECT),
        (Slot.GONE, True, Refused.REJECT),
        (Slot.UNPROVEN, True, Refused.REJECT),
        (None, True, Refused.REJECT),
    ],
)
def test_taken_is_believed_unless_cal_com_still_offers_the_slot(
    slot: Slot | None,
    may_retry: bool,  # noqa: FBT001 - a column
    told: Refused,
) -> None:
    """Row 9: the same words also stand for a fault of Cal.com's database or calendar, which the slots may share."""
    assert (
        after_refusal(Meaning.TAKEN, EventKind.PLAIN, recurs=False, looked=True, slot=slot, may_retry=may_retry) is told
    )
