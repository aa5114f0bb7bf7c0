"""What the evidence about a reschedule proves: every cell of its tables in docs/evidence.md."""

from typing import Any

import pytest

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.calcom.slots import Slot
from tasks.changes.evidence.case import ENDINGS, ChangeStep, Shown
from tasks.changes.evidence.reschedule import (
    MoveCase,
    after_reschedule,
    after_reschedule_look,
    before_reschedule,
    goes_without_key,
)
from tests.unit.changes import test_cancel_evidence
from tests.unit.changes.tables import WORDS, document, rendered

A, Act = ChangeAnswer, ChangeStep
Acts = tuple[ChangeStep, ChangeStep, ChangeStep]

COLUMNS: tuple[dict[str, bool], ...] = ({}, {"seat": True}, {"unknown": True})
LOOK = (Act.LOOK,) * 3
HOLD = (Act.HOLD,) * 3
OFFERED, UNAVAILABLE = {"slot": Slot.OFFERED}, {"slot": Slot.UNAVAILABLE}
ANSWERS: dict[str, tuple[ChangeAnswer, dict[str, Any], Acts]] = {
    "201, our reference (a seat: a `seatUid`) and the wanted start": (A.MOVED, {}, (Act.DONE, Act.DONE, Act.LOOK)),
    "201 otherwise": (A.OTHER_BOOKING, {}, (Act.REFUSE_OTHER_BOOKING, Act.REFUSE_OTHER_BOOKING, Act.LOOK)),
    "400 rescheduled already": (A.MOVED_BEFORE, {}, LOOK),
    "400 cancelled; its host asked for another time": (
        A.CANCELLED_THERE, {}, (Act.REFUSE_CANCELLED, Act.REFUSE_CANCELLED, Act.LOOK)),
    "400, 409 taken": (A.TAKEN, {}, (Act.ASK_SLOTS, Act.ASK_SLOTS, Act.LOOK)),
    "400, 409 taken, the slot is offered": (A.TAKEN, OFFERED, (Act.RETRY, Act.RETRY, Act.LOOK)),
    "400, 409 taken, the slot is not offered": (A.TAKEN, UNAVAILABLE, (Act.REFUSE, Act.REFUSE, Act.LOOK)),
    "400 bounds or past, 401 limit, 403 notice, 409 signed up, 404 a seat that is pending": (
        A.REFUSED, {}, (Act.REFUSE, Act.REFUSE, Act.LOOK)),
    "404 no such seat": (A.SEAT_GONE, {}, LOOK),
    "404 no original booking, 400 a seated booking": (A.ORIGINAL_GONE, {}, LOOK),
    "404 Invalid Query": (A.PROBABLY_DONE, {}, LOOK),
    "404 not found, changed within 130 s": (A.NOT_FOUND, {"young": True}, LOOK),
    "404 not found": (A.NOT_FOUND, {}, (Act.ASK_ANOTHER,) * 3),
    "404 not found, another of ours is found": (A.NOT_FOUND, {"another": True}, (Act.REFUSE_NOT_FOUND,) * 3),
    "404 not found, no other of ours is found": (A.NOT_FOUND, {"another": False}, (Act.HOLD_UNKNOWN,) * 3),
    "401 our key": (A.CREDENTIALS, {}, HOLD),
    "429": (A.THROTTLED, {}, HOLD),
    "404 Cannot POST": (A.CONFIGURATION, {}, HOLD),
    "no connection": (A.NOT_SENT, {}, (Act.RETRY, Act.RETRY, Act.LOOK)),
    "400 B an error of the database, 500, reset, time-out, 502-504, cut, a page, a 2xx without a booking": (
        A.UNKNOWN, {}, LOOK),
}  # fmt: skip

MOMENTS = (
    {"settled": False, "ended": False},
    {"settled": True, "ended": False},
    {"settled": True, "ended": True},
)
USED_UP = {"may_retry": False, "waited": True}
SEAT: dict[str, Any] = {"seat": True}
ENDED: dict[str, Any] = {"lives": False}
UNSEEN: dict[str, Any] = {"listed": False}
UNLISTED: dict[str, Any] = {"listed": False, "sight": True}
LOOKS: dict[str, tuple[Shown, dict[str, Any], Acts]] = {
    "at the wanted start, ours": (Shown.ALIVE, {"wanted": True}, (Act.DONE,) * 3),
    "moved, and a successor was at the wanted start, ours": (Shown.MOVED, {"wanted": True}, (Act.DONE,) * 3),
    "the same, and more than one POST was sent": (
        Shown.MOVED, {"wanted": True, "repeated": True}, (Act.LOOK, Act.DONE, Act.DONE)),
    "the same, and it was cancelled or declined since": (
        Shown.MOVED, {"wanted": True, "lives": False}, (Act.REFUSE_CANCELLED,) * 3),
    "moved elsewhere": (Shown.MOVED, {}, (Act.ASK_LIST,) * 3),
    "moved elsewhere, ours listed at the wanted start": (Shown.MOVED, {"listed": True}, (Act.DONE_TWICE,) * 3),
    "moved elsewhere and cancelled there, ours listed": (
        Shown.MOVED, {"listed": True, "lives": False}, (Act.DONE,) * 3),
    "moved elsewhere, ours unlisted, the key has sight": (
        Shown.MOVED, {"listed": False, "sight": True}, (Act.LOOK, Act.LOOK, Act.REFUSE_MOVED)),
    "moved elsewhere, ours unlisted, no sight": (
        Shown.MOVED, {"listed": False}, (Act.LOOK, Act.LOOK, Act.REFUSE_MOVED_UNSEEN)),
    "moved elsewhere and cancelled there, ours unlisted, the key has sight": (
        Shown.MOVED, {"listed": False, "sight": True, "lives": False}, (Act.LOOK, Act.LOOK, Act.REFUSE_CANCELLED)),
    "moved elsewhere, and our first POST was refused": (Shown.MOVED, {"moved": False}, (Act.REFUSE_MOVED,) * 3),
    "cancelled or declined, never moved": (Shown.CANCELLED, {}, (Act.ASK_LIST,) * 3),
    "the same, ours listed at the wanted start": (Shown.CANCELLED, ENDED | {"listed": True}, (Act.DONE,) * 3),
    "the same, ours unlisted, the key has sight": (
        Shown.CANCELLED, ENDED | UNLISTED, (Act.LOOK, Act.LOOK, Act.REFUSE_CANCELLED)),
    "the same, ours unlisted, no sight": (Shown.CANCELLED, ENDED | UNSEEN, (Act.LOOK, Act.LOOK, Act.BLIND)),
    "the same, of a seat, or our first POST was refused": (
        Shown.CANCELLED, {"moved": False}, (Act.REFUSE_CANCELLED,) * 3),
    "as before": (Shown.ALIVE, {}, (Act.LOOK, Act.ASK_LIST, Act.ASK_LIST)),
    "as before, ours listed at the wanted start": (
        Shown.ALIVE, {"listed": True}, (Act.LOOK, Act.DONE_BESIDE, Act.DONE_BESIDE)),
    "as before, ours unlisted: retries are left": (
        Shown.ALIVE, UNLISTED, (Act.LOOK, Act.POST_AGAIN, Act.RETRY)),
    "as before, no sight: retries are left": (Shown.ALIVE, UNSEEN, (Act.LOOK, Act.POST_AGAIN, Act.POST_AGAIN)),
    "the same, and its type asks its host, or may": (
        Shown.ALIVE, UNSEEN | {"asks_host": True}, (Act.LOOK, Act.LOOK, Act.BLIND)),
    "as before, ours unlisted: retries used up": (
        Shown.ALIVE, UNLISTED | USED_UP, (Act.LOOK, Act.LOOK, Act.FAIL)),
    "as before, ours unlisted: retries used up before HOLD_MAX_AGE": (
        Shown.ALIVE, UNLISTED | {"may_retry": False}, (Act.LOOK, Act.LOOK, Act.UNREACHABLE)),
    "as before, ours unlisted: retries used up by an outage": (
        Shown.ALIVE, UNLISTED | USED_UP | {"outage": True}, (Act.LOOK, Act.LOOK, Act.UNREACHABLE)),
    "as before, ours unlisted: the wanted start is nearer than HOLD_LEAD": (
        Shown.ALIVE, UNLISTED | {"near": True}, (Act.LOOK, Act.LOOK, Act.EXPIRE)),
    "as before, ours unlisted: the later POST: another booking": (
        Shown.ALIVE, UNLISTED | {"refusal": A.OTHER_BOOKING}, (Act.LOOK, Act.LOOK, Act.REFUSE_OTHER_BOOKING)),
    "as before, ours unlisted: the later POST was refused": (
        Shown.ALIVE, UNLISTED | {"refusal": A.REFUSED}, (Act.LOOK, Act.LOOK, Act.REFUSE)),
    "as before, ours unlisted: the later POST: taken": (
        Shown.ALIVE, UNLISTED | {"refusal": A.TAKEN}, (Act.LOOK, Act.LOOK, Act.ASK_SLOTS)),
    "the same, the slot is offered": (
        Shown.ALIVE, UNLISTED | {"refusal": A.TAKEN, **OFFERED}, (Act.LOOK, Act.LOOK, Act.RETRY)),
    "the same, the slot is not offered": (
        Shown.ALIVE, UNLISTED | {"refusal": A.TAKEN, **UNAVAILABLE}, (Act.LOOK, Act.LOOK, Act.REFUSE)),
    "as before, no sight: the later POST: taken, and the slot is not offered": (
        Shown.ALIVE, UNSEEN | {"refusal": A.TAKEN, **UNAVAILABLE}, (Act.LOOK, Act.LOOK, Act.BLIND)),
    "as before, ours unlisted, no sight: it would be refused, expire or fail": (
        Shown.ALIVE, UNSEEN | USED_UP, (Act.LOOK, Act.LOOK, Act.BLIND)),
    "as before, of a seat, or our first POST was refused: retries are left": (
        Shown.ALIVE, SEAT, (Act.LOOK, Act.POST_AGAIN, Act.RETRY)),
    "the same, the later POST was refused": (
        Shown.ALIVE, SEAT | {"refusal": A.REFUSED}, (Act.LOOK, Act.LOOK, Act.REFUSE)),
    "404 to the seat": (Shown.NOT_FOUND, SEAT, (Act.ASK_LIST,) * 3),
    "404 to the seat, ours listed at the wanted start": (Shown.NOT_FOUND, SEAT | {"listed": True}, (Act.DONE,) * 3),
    "404 to the seat, ours unlisted, the key has sight": (
        Shown.NOT_FOUND, SEAT | {"listed": False, "sight": True}, (Act.LOOK, Act.LOOK, Act.BOOK_AGAIN)),
    "404 to the seat, ours unlisted, no sight": (
        Shown.NOT_FOUND, SEAT | {"listed": False}, (Act.LOOK, Act.LOOK, Act.BLIND)),
    "404 to the seat, ours listed at another start": (
        Shown.NOT_FOUND, SEAT | {"listed": False, "elsewhere": True}, (Act.REFUSE_MOVED,) * 3),
    "404 to the seat, ours unlisted, our first POST was refused, the key has sight": (
        Shown.NOT_FOUND, SEAT | {"listed": False, "moved": False, "sight": True},
        (Act.LOOK, Act.LOOK, Act.REFUSE_NOT_FOUND)),
    "404 to its uid, changed within 130 s": (Shown.NOT_FOUND, {"young": True}, (Act.LOOK,) * 3),
    "404 to its uid": (Shown.NOT_FOUND, {}, (Act.ASK_ANOTHER,) * 3),
    "404 to its uid, another of ours is found": (
        Shown.NOT_FOUND, {"another": True}, (Act.REFUSE_NOT_FOUND,) * 3),
    "404 to its uid, no other of ours is found": (
        Shown.NOT_FOUND, {"another": False}, (Act.HOLD_UNKNOWN,) * 3),
    "no clear answer": (Shown.UNREADABLE, {}, (Act.LOOK,) * 3),
}  # fmt: skip


@pytest.mark.parametrize("row", ANSWERS)
def test_each_answer_to_a_reschedule_leads_on(row: str) -> None:
    """After an unknown POST a refusal proves nothing: our own successor may be its cause."""
    answer, facts, acts = ANSWERS[row]
    assert tuple(after_reschedule(answer, **facts, **column) for column in COLUMNS) == acts


def test_no_answer_to_a_reschedule_is_left_out() -> None:
    """Each that is not of a cancel alone has its row."""
    names = list(A)
    of_a_cancel = set(names[names.index(A.CANCELLED) : names.index(A.MOVED)])
    assert {answer for answer, _, _ in ANSWERS.values()} == set(A) - of_a_cancel


@pytest.mark.parametrize("row", LOOKS)
def test_each_lookup_after_an_unknown_reschedule_leads_on(row: str) -> None:
    """Nothing is posted before `settle_at`; that the booking still is where it was ends nothing before `ends_at`."""
    shown, facts, acts = LOOKS[row]
    assert tuple(after_reschedule_look(MoveCase(shown=shown, **facts, **moment)) for moment in MOMENTS) == acts


@pytest.mark.parametrize("near", [False, True])
def test_a_transient_refusal_without_retries_ends_as_all_others_do(near: bool) -> None:  # noqa: FBT001
    """The slot is offered, but no retry is left, or the start has come too near."""
    more = {"near": True} if near else USED_UP
    facts = {"refusal": A.TAKEN, "slot": Slot.OFFERED, **UNLISTED, **more}
    case = MoveCase(shown=Shown.ALIVE, settled=True, ended=True, **facts)
    assert after_reschedule_look(case) is (Act.EXPIRE if near else Act.FAIL)


@pytest.mark.parametrize(
    ("known", "step"),
    [
        ({}, None),
        ({"over": True}, Act.REFUSE_OVER),
        ({"disabled": True, "full": True}, Act.REFUSE_NOT_ALLOWED),
        ({"disabled": True}, Act.REFUSE_NOT_ALLOWED),
        ({"full": True}, Act.REFUSE_FULL),
    ],
)
def test_what_cal_com_does_not_check_is_refused_without_a_call(known: dict[str, bool], step: ChangeStep | None) -> None:
    """It moves a booking that is over, overbooks a seated time, and makes a new uid for the start that it has."""
    assert before_reschedule(**known) is step


def test_types_that_may_ask_their_host_go_without_our_key() -> None:
    """With the organizer's key Cal.com takes the host himself to be moving it, and asks nobody."""
    assert {column: goes_without_key(column) for column in (True, None, False)} == {
        True: True,
        None: True,
        False: False,
    }


def test_each_act_has_its_word_and_is_reached() -> None:
    """By a row of one of the tables, or before any call; an ending is an end."""
    of_a_cancel = (*test_cancel_evidence.ANSWERS.values(), *test_cancel_evidence.LOOKS.values())
    rows = (*ANSWERS.values(), *LOOKS.values(), *of_a_cancel)
    reached = {act for _, _, acts in rows for act in acts} | {Act.REFUSE_FULL}
    assert reached == set(Act) == set(WORDS)
    assert {act for act in Act if act.name.startswith(("DONE", "REFUSE"))} < ENDINGS


def test_the_document_has_the_same_tables() -> None:
    """docs/evidence.md says of each answer and lookup what the product does."""
    answers = rendered(
        ("answer to a reschedule", "first POST", "the same, of a seat", "after an unknown one"),
        {row: acts for row, (_, _, acts) in ANSWERS.items()},
    )
    looks = rendered(
        (
            "the lookup after an unknown reschedule shows",
            "before `settle_at`",
            "from `settle_at` on",
            "from `ends_at` on",
        ),
        {row: acts for row, (_, _, acts) in LOOKS.items()},
    )
    assert answers in document()
    assert looks in document()
