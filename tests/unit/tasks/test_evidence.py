"""Weak evidence ends nothing: every cell of the tables in docs/evidence.md, "What may end a booking"."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from db.event_kind import EventKind
from resilience.circuit_breaker.types import CallOutcome
from tasks.attempts.evidence import BY_EVIDENCE, BY_SLOTS, NEVER_TWICE, Act, Case, after_absence, after_evidence
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.calcom.slots import Slot

EVIDENCE = Path(__file__).parents[3] / "docs" / "evidence.md"
K = EventKind
LAST_ROW = (K.OTHER, K.UNKNOWN)  # what no row names: round robin x confirmation, a price, a kind that is not known ...


def case(kind: EventKind, **more: Any) -> Case:
    """Describe a booking that a deciding look, at its settle time or later, did not find."""
    return Case(**({"kind": kind, "sight": False, "settled": True, "ended": False} | more))


def reply(reply_kind: ReplyKind, status: int | None = None, **more: Any) -> Reply:
    """Say what Cal.com said."""
    return Reply(
        kind=reply_kind,
        outcome=CallOutcome.SUCCESS,
        error_type=ErrorType.REFUSED,
        http_status=status,
        message="no",
        **more,
    )


# -- order, rule 2: before the settle time -----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "sight"), list(product(EventKind, (False, True))))
def test_nothing_is_posted_and_nothing_ends_before_the_settle_time(kind: EventKind, sight: bool) -> None:  # noqa: FBT001
    """A POST of ours may still be working: a second one would double, and refusals would be false."""
    for slot in (None, *Slot):
        assert after_absence(case(kind, sight=sight, settled=False, slot=slot)) is Act.LOOKUP


# -- order, rule 3: with sight -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(NEVER_TWICE))
def test_with_sight_another_post_goes_where_it_can_never_double(kind: EventKind) -> None:
    """From the settle time on, before absence may end it: at the price of a retry."""
    seen = case(kind, sight=True)
    assert after_absence(seen) is Act.ASK_SLOTS
    assert {slot: after_absence(case(kind, sight=True, slot=slot)) for slot in Slot} == {
        Slot.OFFERED: Act.POST_WHILE_UNKNOWN,
        Slot.UNPROVEN: Act.POST_WHILE_UNKNOWN,
        Slot.UNASKED: Act.POST_WHILE_UNKNOWN,
        Slot.UNAVAILABLE: Act.LOOKUP,
    }


@pytest.mark.parametrize("kind", LAST_ROW)
def test_with_sight_what_could_double_waits_for_the_end(kind: EventKind) -> None:
    """A second POST of these makes a second booking: only proven absence allows one."""
    assert {after_absence(case(kind, sight=True, slot=slot)) for slot in (None, *Slot)} == {Act.LOOKUP}


@pytest.mark.parametrize("stop", [{"cancel": True}, {"near": True}, {"may_retry": False}])
@pytest.mark.parametrize("kind", list(EventKind))
def test_with_sight_nothing_is_posted_that_is_cancelled_near_or_used_up(kind: EventKind, stop: dict[str, bool]) -> None:
    """And nothing ends before the end."""
    assert {after_absence(case(kind, sight=True, slot=slot, **stop)) for slot in (None, *Slot)} == {Act.LOOKUP}


@pytest.mark.parametrize(
    "refusal",
    sorted(
        set(ReplyKind) & {ReplyKind.EVENT_TYPE_LIMIT, ReplyKind.FULL, ReplyKind.EXISTING_BOOKING, ReplyKind.REFUSED}
    ),
)
def test_a_refusal_of_the_second_post_is_unknown_until_the_end(refusal: ReplyKind) -> None:
    """Our own booking may be what refuses it."""
    assert after_absence(case(K.PLAIN, sight=True, refusal=refusal, slot=Slot.OFFERED)) is Act.LOOKUP
    assert after_absence(case(K.PLAIN, sight=True, refusal=refusal, ended=True)) is Act.REJECT


def test_taken_is_posted_again_only_while_the_slot_is_still_offered() -> None:
    """The same words also stand for a fault of Cal.com's database (docs/calcom.md, row 9)."""
    acts = {slot: after_absence(case(K.PLAIN, sight=True, refusal=ReplyKind.TAKEN, slot=slot)) for slot in Slot}
    assert acts == {
        Slot.OFFERED: Act.POST_WHILE_UNKNOWN,
        Slot.UNAVAILABLE: Act.LOOKUP,
        Slot.UNPROVEN: Act.LOOKUP,
        Slot.UNASKED: Act.LOOKUP,
    }


@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize(
    ("more", "act"),
    [
        ({}, Act.ASK_SLOTS),
        ({"cancel": True, "slot": Slot.UNAVAILABLE, "near": True}, Act.CANCEL),
        ({"slot": Slot.UNAVAILABLE}, Act.REJECT_TAKEN),
        ({"near": True}, Act.EXPIRE),
        ({"slot": Slot.OFFERED}, Act.POST_WHEN_NOT_BOOKED),
        ({"slot": Slot.UNPROVEN}, Act.POST_WHEN_NOT_BOOKED),
        ({"slot": Slot.OFFERED, "may_retry": False}, Act.FAIL),
        ({"slot": Slot.OFFERED, "may_retry": False, "outage": True}, Act.UNREACHABLE),
        ({"slot": Slot.OFFERED, "refusal": ReplyKind.TAKEN}, Act.POST_WHEN_NOT_BOOKED),
        ({"slot": Slot.UNPROVEN, "refusal": ReplyKind.TAKEN}, Act.REJECT_TAKEN),
        ({"slot": Slot.UNASKED, "refusal": ReplyKind.TAKEN}, Act.POST_WHEN_NOT_BOOKED),
        ({"slot": Slot.UNASKED, "refusal": ReplyKind.TAKEN, "may_retry": False}, Act.REJECT_TAKEN),
        ({"refusal": ReplyKind.ATTENDEE_LIMIT}, Act.REJECT),
    ],
)
def test_with_sight_absence_ends_it_from_ends_at_on(kind: EventKind, more: dict[str, Any], act: Act) -> None:
    """Cancelled, taken, expired, posted afresh, failed or unreachable: in this order."""
    assert after_absence(case(kind, sight=True, ended=True, **more)) is act


# -- order, rule 4: without sight --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(BY_SLOTS))
@pytest.mark.parametrize(
    ("more", "act"),
    [
        ({"slots_fresh": False}, Act.LOOKUP),
        ({}, Act.ASK_SLOTS),
        ({"slot": Slot.OFFERED}, Act.POST_WHILE_UNKNOWN),
        ({"slot": Slot.OFFERED, "may_retry": False}, Act.LOOKUP),
        ({"slot": Slot.OFFERED, "may_retry": False, "ended": True}, Act.FAIL),
        ({"slot": Slot.OFFERED, "may_retry": False, "ended": True, "outage": True}, Act.UNREACHABLE),
        ({"slot": Slot.UNAVAILABLE}, Act.LOOKUP),
        ({"slot": Slot.UNAVAILABLE, "ended": True}, Act.BLIND),
        ({"slot": Slot.UNPROVEN, "ended": True}, Act.BLIND),
        ({"slot": Slot.UNASKED, "ended": True}, Act.BLIND),
        ({"slot": Slot.OFFERED, "waited": True}, Act.POST_WHILE_UNKNOWN),
        ({"slot": Slot.UNAVAILABLE, "taker": True}, Act.LOOKUP),
        ({"slot": Slot.UNAVAILABLE, "taker": True, "ended": True}, Act.REJECT_TAKEN),
        ({"slot": Slot.UNPROVEN, "taker": True, "ended": True}, Act.BLIND),
        ({"slot": Slot.UNASKED, "taker": True, "ended": True}, Act.BLIND),
        ({"slot": Slot.OFFERED, "taker": True, "ended": True}, Act.POST_WHILE_UNKNOWN),
        ({"slot": Slot.UNAVAILABLE, "taker": True, "ended": True, "cancel": True}, Act.BLIND),
    ],
)
def test_without_sight_slots_tell_of_plain_and_collective_types(
    kind: EventKind, more: dict[str, Any], act: Act
) -> None:
    """Offered: it is not ours that took it. Gone: ours or a stranger's, unless another's is listed as accepted."""
    assert after_absence(case(kind, **more)) is act


@pytest.mark.parametrize("kind", sorted(BY_EVIDENCE))
@pytest.mark.parametrize("ended", [False, True])
def test_without_sight_one_evidence_post_tells_of_the_kinds_that_cal_com_checks_itself(
    kind: EventKind,
    ended: bool,  # noqa: FBT001
) -> None:
    """Whatever the slots say, and without the slots being asked; not after a long wait, nor twice for one answer."""
    assert after_absence(case(kind, ended=ended)) is Act.POST_AS_EVIDENCE
    stopped = Act.BLIND if ended else Act.LOOKUP
    assert after_absence(case(kind, ended=ended, waited=True)) is stopped
    assert after_absence(case(kind, ended=ended, unclear=True)) is stopped


@pytest.mark.parametrize("kind", LAST_ROW)
@pytest.mark.parametrize("slot", [None, *Slot])
def test_without_sight_nothing_is_posted_that_could_double(kind: EventKind, slot: Slot | None) -> None:
    """It is looked for until the end, and then held."""
    assert after_absence(case(kind, slot=slot)) is Act.LOOKUP
    assert after_absence(case(kind, slot=slot, ended=True)) is Act.BLIND


@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize("stop", [{"cancel": True}, {"near": True}])
def test_without_sight_nothing_is_posted_that_is_cancelled_or_near(kind: EventKind, stop: dict[str, bool]) -> None:
    """Held, never cancelled, expired or rejected: it may be booked."""
    for slot in (None, *Slot):
        assert after_absence(case(kind, slot=slot, **stop)) is Act.LOOKUP
        assert after_absence(case(kind, slot=slot, ended=True, **stop)) is Act.BLIND


@pytest.mark.parametrize("kind", list(EventKind))
def test_without_sight_no_kind_ends_by_absence(kind: EventKind) -> None:
    """Rejected, cancelled, expired: never; but where the slots show that nothing is there, or that another's is."""
    endings = {
        Act.CANCEL,
        Act.EXPIRE,
        Act.REJECT,
        Act.REJECT_TAKEN,
        Act.POST_WHEN_NOT_BOOKED,
        Act.FAIL,
        Act.UNREACHABLE,
    }
    names = ("cancel", "near", "may_retry", "outage", "waited", "unclear", "slots_fresh", "taker")
    flags = [dict(zip(names, bits, strict=True)) for bits in product((False, True), repeat=len(names))]
    for ended, slot, refusal, more in product(
        (False, True), (None, *Slot), (None, ReplyKind.TAKEN, ReplyKind.EVENT_TYPE_LIMIT), flags
    ):
        act = after_absence(case(kind, ended=ended, slot=slot, refusal=refusal, **more))
        allowed = set()
        if kind in BY_SLOTS and ended:
            allowed = {Slot.OFFERED: {Act.FAIL, Act.UNREACHABLE}, Slot.UNAVAILABLE: {Act.REJECT_TAKEN}}.get(slot, set())
        assert act not in endings - allowed


# -- a type that Cal.com does not have ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(EventKind))
def test_absence_of_a_missing_type_counts_where_another_booking_of_ours_is_shown(kind: EventKind) -> None:
    """A deleted type's bookings are listed; another Cal.com, at a wrong URL, says the same and lists none of ours."""
    unproven = [(False, None), (False, False), (False, True), (True, False)]
    for sight, another in [*unproven, (True, None)]:
        assert after_absence(case(kind, missing=True, sight=sight, another=another)) is Act.LOOKUP
    ended = {after_absence(case(kind, missing=True, ended=True, sight=sight, another=it)) for sight, it in unproven}
    assert ended == {Act.BLIND}
    assert after_absence(case(kind, missing=True, ended=True, sight=True)) is Act.ASK_ANOTHER
    for more in ({}, {"cancel": True}, {"near": True}, {"refusal": ReplyKind.FULL}, {"slot": Slot.UNASKED}):
        proven = case(kind, missing=True, another=True, ended=True, sight=True, **more)
        assert after_absence(proven) is after_absence(case(kind, ended=True, sight=True, **more))


# -- rule 5 and its table: the evidence POST ---------------------------------------------------------------------------

COLUMNS = (K.ROUND_ROBIN, K.SEATS, K.ROUND_ROBIN_SEATS, K.CONFIRMATION, K.ROUND_ROBIN_SERIES)
THERE, TAKEN, REFUSED, BLIND, OPEN = Act.CONFIRM, Act.REJECT_TAKEN, Act.REJECT, Act.BLIND, Act.UNKNOWN
ANSWERS: dict[str, tuple[Reply, dict[str, Any], tuple[Act, ...]]] = {
    "201 ours": (reply(ReplyKind.BOOKED, 201, uid="u"), {}, (THERE,) * 5),
    "201 another's, our address first, never in flight with this one": (
        reply(ReplyKind.EXISTING_BOOKING, 201, uid="u", is_attendee=True), {"foreign": True}, (REFUSED,) * 5),
    "201 another's, our address first, in flight with this one": (
        reply(ReplyKind.EXISTING_BOOKING, 201, uid="u", is_attendee=True), {"foreign": False}, (BLIND,) * 5),
    "201 another's, our address a guest's": (
        reply(ReplyKind.EXISTING_BOOKING, 201, uid="u", is_attendee=False), {"foreign": True}, (BLIND,) * 5),
    "201 that hides its attendees": (
        reply(ReplyKind.EXISTING_BOOKING, 201, uid="u", is_attendee=True, owner_hidden=True),
        {"foreign": True}, (BLIND,) * 5),
    "400 taken": (reply(ReplyKind.TAKEN, 400), {}, (TAKEN, TAKEN, TAKEN, BLIND, BLIND)),
    "409 taken": (reply(ReplyKind.TAKEN, 409), {}, (OPEN,) * 5),
    "400 out of bounds": (reply(ReplyKind.BOUNDS, 400), {}, (REFUSED, BLIND, REFUSED, BLIND, BLIND)),
    "401 limit": (reply(ReplyKind.EVENT_TYPE_LIMIT, 401), {}, (REFUSED, BLIND, REFUSED, BLIND, BLIND)),
    "409 signed up, by another row of ours": (
        reply(ReplyKind.SIGNED_UP, 409), {"address_seated": True}, (OPEN, REFUSED, BLIND, OPEN, OPEN)),
    "409 signed up": (reply(ReplyKind.SIGNED_UP, 409), {}, (OPEN, BLIND, BLIND, OPEN, OPEN)),
    "409 no more seats": (reply(ReplyKind.FULL, 409), {}, (OPEN, TAKEN, TAKEN, OPEN, OPEN)),
    "400 maximum, its uid not asked": (reply(ReplyKind.ATTENDEE_LIMIT, 400, uid="u"), {}, (Act.ASK_UID,) * 5),
    "400 maximum, its uid ours": (reply(ReplyKind.ATTENDEE_LIMIT, 400, uid="u"), {"named_is_ours": True}, (THERE,) * 5),
    "400 maximum, its uid another's": (
        reply(ReplyKind.ATTENDEE_LIMIT, 400, uid="u"), {"named_is_ours": False}, (BLIND,) * 5),
    "400 maximum, without a uid": (reply(ReplyKind.ATTENDEE_LIMIT, 400), {}, (BLIND,) * 5),
    "401 login": (reply(ReplyKind.REFUSED, 401), {}, (BLIND,) * 5),
    "403 login": (reply(ReplyKind.REFUSED, 403), {}, (BLIND,) * 5),
    "404": (reply(ReplyKind.REFUSED, 404), {}, (BLIND,) * 5),
    "422": (reply(ReplyKind.REFUSED, 422), {}, (BLIND,) * 5),
    "another 400": (reply(ReplyKind.REFUSED, 400), {}, (OPEN,) * 5),
    "400 B, 500, reset, none": (reply(ReplyKind.UNKNOWN), {}, (OPEN,) * 5),
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "kind"), list(product(ANSWERS, COLUMNS)), ids=lambda value: str(value).replace(" ", "-")
)
def test_each_answer_to_the_evidence_post_is_read_by_kind(answer: str, kind: EventKind) -> None:
    """Where Cal.com looks for the attendee's booking first, a refusal says that ours is not there."""
    answered, facts, acts = ANSWERS[answer]
    assert after_evidence(kind, answered, **facts) is acts[COLUMNS.index(kind)]


WORDS = {
    "confirmed": {Act.CONFIRM},
    "rejected": {Act.REJECT, Act.REJECT_TAKEN},
    "held(blind_key)": {Act.BLIND},
    "unknown": {Act.UNKNOWN},
    "ask for that uid": {Act.ASK_UID},
}


def table(title: str) -> Iterator[list[str]]:
    """Yield the rows of the table that follows a line of docs/evidence.md."""
    lines = EVIDENCE.read_text("utf-8").split(title)[1].split("\n\n")[1].splitlines()
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_document_has_the_same_table() -> None:
    """docs/evidence.md says of each answer and kind what the product does."""
    rows = {cells[0]: cells[1:] for cells in table("The answer to the evidence POST")}
    assert rows.keys() == ANSWERS.keys()
    for answer, (_, _, acts) in ANSWERS.items():
        for cell, act in zip(rows[answer], acts, strict=True):
            assert act in WORDS[re.sub(r"[:,].*", "", cell)], f"{answer}: {cell}"
