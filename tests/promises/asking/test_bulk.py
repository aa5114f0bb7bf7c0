"""Promise 1 for a bulk of any size: it is kept in parts, each line has its answer, and what failed half-way says so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from booking_client import asking
from resilience.exceptions import AppointmentDatabaseException
from tasks import dependencies
from tests.support.fleet import request, row
from worker import Receipt, enqueue_bookings

LOST = psycopg.OperationalError("the connection is lost")


@pytest.fixture
def parts(settings: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a bulk kept three requests at a time."""
    settings()
    for name in ("FIRST_PART", "PART"):
        monkeypatch.setattr(asking, name, 3)


def receipts(*numbers: int) -> list[Receipt]:
    """Ask for these slots at once; none is a conflict."""
    answers = enqueue_bookings([request(number) for number in numbers])
    return [one for one in answers if isinstance(one, Receipt)]


@pytest.mark.usefixtures("parts")
def test_a_bulk_of_any_size_is_kept_and_answered_line_by_line() -> None:
    """New or known, in the order of the input, and in that order they are released; a line twice is one booking."""
    known = receipts(2)[0].appointment_id

    answers = receipts(0, 1, 2, 3, 4, 5, 6, 0)

    assert [one.duplicate for one in answers] == [False, False, True, False, False, False, False, True]
    assert (answers[2].appointment_id, answers[7].appointment_id) == (known, answers[0].appointment_id)
    assert receipts(*range(7)) == [replace(one, duplicate=True) for one in answers[:7]]
    asked_at = [row(one.appointment_id).requested_at for one in answers if not one.duplicate]
    assert asked_at == sorted(asked_at)


@pytest.mark.usefixtures("parts")
def test_a_bulk_that_failed_half_way_says_what_is_kept() -> None:
    """Who sends the same again gets the receipts of what was kept, and the rest is kept then."""
    engine, inserts = dependencies.current().engine, list[str]()

    def die_at_the_third(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "INSERT INTO appointments" in statement:
            inserts.append(statement)
            if len(inserts) == 3:
                raise LOST

    event.listen(engine, "before_cursor_execute", die_at_the_third)
    try:
        with pytest.raises(AppointmentDatabaseException, match="the first 6 of 8 requests are kept: send the same"):
            receipts(*range(8))
    finally:
        event.remove(engine, "before_cursor_execute", die_at_the_third)

    assert [one.duplicate for one in receipts(*range(8))] == [True] * 6 + [False] * 2
