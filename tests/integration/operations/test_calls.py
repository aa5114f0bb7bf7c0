"""The call list: a look is recorded before anybody is shown, once; a mark is one operator's, and can be taken back."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.monitoring import call_marks
from tasks.dependencies import Dependencies
from tasks.operations import calls
from tasks.operations.booking_actions import OtherActionError
from tasks.operations.calls import CALL_LIST, CallListOutcome, Contact
from tests.support.page.operating import asked, held, recorded

Marks = Callable[[], dict[int, str]]


@pytest.fixture
def marks(built: Dependencies, record: Any) -> Marks:
    """Return who has called, by booking."""

    def read() -> dict[int, str]:
        with built.engine.connect() as conn:
            found = call_marks.in_force(conn, range(1, next(record.numbers) + 1))
        return {booking: mark.who for booking, mark in found.items()}

    return read


def test_a_look_at_fifty_is_one_record_however_often_it_is_sent(built: Dependencies, record: Any) -> None:
    """In the order of the list; what is not there any more is counted as missing."""
    rows = [held(record) for _ in range(3)]
    ids = (rows[2].id, rows[0].id, 404, rows[1].id)
    look = asked("reveal", ids=ids, target=CALL_LIST)

    shown = [calls.reveal(built.engine, look) for _ in range(2)]

    assert shown[0] == shown[1]
    assert [one.id for one in shown[0]] == [one for one in ids if one != 404]
    assert shown[0][1] == Contact(rows[0].id, "Ann Example", None, rows[0].attendee_email)
    [action] = recorded(built)
    assert (action.who, action.ids, action.outcomes) == ("ann", ids, {"shown": 3, "missing": 1})
    assert (action.done, action.moved_on, action.target) == (3, 1, CALL_LIST)


def test_a_look_is_no_key_for_later_or_for_another_operator(built: Dependencies, record: Any) -> None:
    """Its request, sent again after ten minutes or by somebody else, shows nothing."""
    row = held(record)
    look = asked("reveal", ids=(row.id,), target=CALL_LIST)
    calls.reveal(built.engine, look)
    bobs = asked("reveal", ids=(row.id,), target=CALL_LIST, who="bob", request_id=look.request_id)
    with pytest.raises(OtherActionError):
        calls.reveal(built.engine, bobs)
    with built.engine.begin() as conn:
        conn.execute(text("UPDATE operator_actions SET asked_at = asked_at - interval '11 minutes'"))
    with pytest.raises(OtherActionError):
        calls.reveal(built.engine, look)
    assert timedelta(minutes=10) == calls.SHOWN


def test_of_two_operators_who_press_at_once_one_has_the_call(built: Dependencies, record: Any, marks: Marks) -> None:
    """The other one is told who; there is one record for each booking."""
    rows, together = [held(record) for _ in range(20)], threading.Barrier(2)

    def press(who: str) -> list[Any]:
        return [calls.mark(built.engine, row.id, who=who, via="page") for row in rows if together.wait(30) >= 0]

    with ThreadPoolExecutor(2) as pressing:
        ann, bob = (one.result(30) for one in [pressing.submit(press, who) for who in ("ann", "bob")])

    for first, second in zip(ann, bob, strict=True):
        assert {first.outcome, second.outcome} == {CallListOutcome.MARKED, CallListOutcome.MARKED_BEFORE}
        assert first.mark == second.mark
    assert marks().keys() == {row.id for row in rows}
    assert len(recorded(built)) == len(rows)


def test_a_mark_can_be_taken_back_and_set_again(built: Dependencies, record: Any, marks: Marks) -> None:
    """Each is recorded with its operator; what changes nothing is not."""
    row = held(record)
    outcomes = [
        calls.mark(built.engine, row.id, who=who, via="page", take_back=back).outcome
        for who, back in (("ann", True), ("ann", False), ("ann", False), ("bob", True), ("bob", False))
    ]
    assert outcomes == [
        CallListOutcome.NOT_MARKED,
        CallListOutcome.MARKED,
        CallListOutcome.MARKED_BEFORE,
        CallListOutcome.TAKEN_BACK,
        CallListOutcome.MARKED,
    ]
    assert marks() == {row.id: "bob"}
    assert [(one.action, one.who) for one in recorded(built)] == [
        ("called", "ann"),
        ("not_called", "bob"),
        ("called", "bob"),
    ]
    assert calls.mark(built.engine, 404, who="ann", via="page").outcome is CallListOutcome.MISSING
