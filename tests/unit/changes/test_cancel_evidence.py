"""What the evidence about a cancel proves: every cell of its tables in docs/evidence.md, "What may end a change"."""

from typing import Any

import pytest

from tasks.calcom.changes.reply import ChangeAnswer
from tasks.changes.evidence.cancel import after_cancel, after_cancel_look
from tasks.changes.evidence.case import ChangeCase, ChangeStep, Shown
from tests.unit.changes.tables import document, rendered

A, Act = ChangeAnswer, ChangeStep
Row = tuple[ChangeAnswer, dict[str, Any], tuple[ChangeStep, ChangeStep, ChangeStep]]

COLUMNS: tuple[dict[str, bool], ...] = ({}, {"unknown": True}, {"series": True})
LOOK = (Act.LOOK,) * 3
HOLD = (Act.HOLD,) * 3
ANSWERS: dict[str, Row] = {
    "200 that shows it cancelled, or without the seat": (A.CANCELLED, {}, (Act.DONE, Act.DONE, Act.LOOK)),
    "200 that shows it alive, or with the seat": (A.PROBABLY_DONE, {}, LOOK),
    "400 cancelled already": (A.CANCELLED_BEFORE, {}, LOOK),
    "400 no such seat": (A.SEAT_GONE, {}, LOOK),
    "400 a seat of another booking": (A.SEAT_ELSEWHERE, {}, LOOK),
    "404 Invalid Query": (A.PROBABLY_DONE, {}, LOOK),
    "400 not part of a recurring booking": (A.PROBABLY_DONE, {}, LOOK),
    "404 not found, changed within 130 s": (A.NOT_FOUND, {"young": True}, LOOK),
    "404 not found": (A.NOT_FOUND, {}, (Act.ASK_ANOTHER, Act.ASK_ANOTHER, Act.LOOK)),
    "404 not found, another of ours is found": (
        A.NOT_FOUND,
        {"another": True},
        (Act.DONE_NOT_FOUND, Act.DONE_NOT_FOUND, Act.LOOK),
    ),
    "404 not found, no other of ours is found": (
        A.NOT_FOUND,
        {"another": False},
        (Act.HOLD_UNKNOWN, Act.HOLD_UNKNOWN, Act.LOOK),
    ),
    "400 has already ended": (A.OVER, {}, (Act.REFUSE_OVER, Act.LOOK, Act.LOOK)),
    "400 does not allow cancellations": (A.NOT_ALLOWED, {}, (Act.REFUSE_NOT_ALLOWED, Act.LOOK, Act.REFUSE_NOT_ALLOWED)),
    "401 not a host, 400 a reason is required": (A.FAULTY, {}, HOLD),
    "201, an older version": (A.OLD_VERSION, {}, (Act.HOLD_UNKNOWN,) * 3),
    "401 our key": (A.CREDENTIALS, {}, HOLD),
    "429": (A.THROTTLED, {}, HOLD),
    "404 Cannot POST": (A.CONFIGURATION, {}, HOLD),
    "no connection": (A.NOT_SENT, {}, (Act.RETRY, Act.LOOK, Act.RETRY)),
    "reset, time-out, 5xx, cut, a page, a 2xx without a booking, other words": (A.UNKNOWN, {}, LOOK),
}

MOMENTS = (
    {"settled": False, "ended": False},
    {"settled": True, "ended": False},
    {"settled": True, "ended": True},
)
USED_UP = {"may_retry": False, "waited": True}
LOOKS: dict[str, tuple[Shown, dict[str, Any], tuple[ChangeStep, ChangeStep, ChangeStep]]] = {
    "cancelled, never moved": (Shown.CANCELLED, {}, (Act.DONE,) * 3),
    "moved, or a seat in another booking": (Shown.MOVED, {}, (Act.FOLLOW,) * 3),
    "alive, retries are left": (Shown.ALIVE, {}, (Act.LOOK, Act.POST_AGAIN, Act.POST_AGAIN)),
    "a series, alive, and no POST has named the week that is to be cancelled next": (
        Shown.ALIVE, USED_UP | {"next_week": True, "refusal": A.OVER}, (Act.LOOK, Act.NEXT_WEEK, Act.NEXT_WEEK)),
    "alive, retries used up": (Shown.ALIVE, USED_UP, (Act.LOOK, Act.LOOK, Act.FAIL)),
    "alive, retries used up before HOLD_MAX_AGE": (
        Shown.ALIVE, {"may_retry": False}, (Act.LOOK, Act.LOOK, Act.UNREACHABLE)),
    "alive, retries used up by an outage": (
        Shown.ALIVE, USED_UP | {"outage": True}, (Act.LOOK, Act.LOOK, Act.UNREACHABLE)),
    "alive, the later POST: has already ended": (
        Shown.ALIVE, {"refusal": A.OVER}, (Act.LOOK, Act.LOOK, Act.REFUSE_OVER)),
    "alive, the later POST: does not allow cancellations": (
        Shown.ALIVE, {"refusal": A.NOT_ALLOWED}, (Act.LOOK, Act.LOOK, Act.REFUSE_NOT_ALLOWED)),
    "a series, no week of it begins then, changed within 130 s": (
        Shown.NO_WEEK, {"young": True}, (Act.LOOK,) * 3),
    "a series, no week of it begins then": (Shown.NO_WEEK, {}, (Act.REFUSE_NO_WEEK,) * 3),
    "a series, the week has begun and lives, and no POST has named it": (
        Shown.BEGUN, {"next_week": True}, (Act.LOOK, Act.REFUSE_BEGUN, Act.REFUSE_BEGUN)),
    "a series, the week has begun and lives, and a POST has named it": (
        Shown.BEGUN, {}, (Act.LOOK, Act.LOOK, Act.REFUSE_BEGUN)),
    "404 to its uid, changed within 130 s": (Shown.NOT_FOUND, {"young": True}, (Act.LOOK,) * 3),
    "404 to its uid": (Shown.NOT_FOUND, {}, (Act.ASK_ANOTHER,) * 3),
    "404 to its uid, another of ours is found": (
        Shown.NOT_FOUND, {"another": True}, (Act.DONE_NOT_FOUND,) * 3),
    "404 to its uid, no other of ours is found": (
        Shown.NOT_FOUND, {"another": False}, (Act.HOLD_UNKNOWN,) * 3),
    "404 to the seat": (Shown.NOT_FOUND, {"seat": True}, (Act.ASK_LIST,) * 3),
    "404 to the seat, our reference listed": (Shown.NOT_FOUND, {"seat": True, "listed": True}, (Act.FOLLOW,) * 3),
    "404 to the seat, our reference unlisted": (
        Shown.NOT_FOUND, {"seat": True, "listed": False}, (Act.LOOK, Act.LOOK, Act.DONE)),
    "no clear answer": (Shown.UNREADABLE, {}, (Act.LOOK,) * 3),
}  # fmt: skip


@pytest.mark.parametrize("row", ANSWERS)
def test_each_answer_to_a_cancel_leads_on(row: str) -> None:
    """A "cancelled already" proves that a uid is dead, and no more; a series is read again."""
    answer, facts, acts = ANSWERS[row]
    assert tuple(after_cancel(answer, **facts, **column) for column in COLUMNS) == acts


def test_no_answer_to_a_cancel_is_left_out() -> None:
    """Each that is not of a reschedule alone has its row."""
    names = list(A)
    of_a_reschedule = set(names[names.index(A.MOVED) :])
    assert {answer for answer, _, _ in ANSWERS.values()} == set(A) - of_a_reschedule


@pytest.mark.parametrize("row", LOOKS)
def test_each_lookup_after_an_unknown_cancel_leads_on(row: str) -> None:
    """Nothing is posted before `settle_at`, and what still lives ends nothing before `ends_at`."""
    shown, facts, acts = LOOKS[row]
    assert tuple(after_cancel_look(ChangeCase(shown=shown, **facts, **moment)) for moment in MOMENTS) == acts


def test_a_cancel_needs_no_sight() -> None:
    """Whatever is known, it is never held(blind_key)."""
    acts = {act for _, _, acts in (*ANSWERS.values(), *LOOKS.values()) for act in acts}
    assert Act.BLIND not in acts


def test_the_document_has_the_same_tables() -> None:
    """docs/evidence.md says of each answer and lookup what the product does."""
    answers = rendered(
        ("answer to a cancel", "first POST", "after an unknown one", "of a series, of a week"),
        {row: acts for row, (_, _, acts) in ANSWERS.items()},
    )
    looks = rendered(
        ("the lookup after an unknown cancel shows", "before `settle_at`", "from `settle_at` on", "from `ends_at` on"),
        {row: acts for row, (_, _, acts) in LOOKS.items()},
    )
    assert answers in document()
    assert looks in document()
