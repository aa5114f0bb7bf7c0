"""`booking cancel --scope`: some weeks of a series; the record of the action, and the sentences about the weeks."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from db.changes import moves
from db.lifecycle import ChangeStatus, Status
from db.models.changes import SeriesScope
from tests.support.audits.scene import Scene
from tests.support.changes import held_change
from tests.support.fleet import request
from tests.support.refused_changes import LATER, booked, stored
from tests.support.stepping import accept, carry
from worker import outcome

Booking = Callable[..., Any]
WEEK, NAMED = LATER.isoformat(), "the week of 2031-03-05 09:00:00 UTC"
WEEKLY = 129


def recorded(record: Any) -> list[Any]:
    """Return what is recorded of each cancel."""
    with record.engine.connect() as conn:
        return list(conn.execute(text("SELECT target FROM operator_actions WHERE action = 'cancel'")).scalars())


@pytest.mark.parametrize(("scope", "more"), [("one", ""), ("following", " and all that follow")])
def test_weeks_are_cancelled_by_the_command(booking: Booking, record: Any, scope: str, more: str) -> None:
    """Its story and the client's outcome name them; the row does not say that the booking is to be cancelled."""
    row = booked(record, series_uid="series-1")

    ran = booking("cancel", row.id, "--scope", scope, "--week", WEEK)

    assert (ran.code, ran.out.startswith(f"{row.id}: the cancel of these weeks goes to Cal.com")) == (0, True)
    assert not record.read(row.id).cancel_requested
    shown = booking("show", row.id).out
    assert f"cancel of {NAMED}{more}, asked for" in " ".join(shown.split())
    now = outcome(row.id)
    assert now is not None
    assert now.changes[-1].sentence == f"Its cancel of the week of 2031-03-05T09:00:00Z{more} waits for a worker."
    assert recorded(record) == [{"not_booked": False, "scope": scope, "week": WEEK}]


@pytest.mark.parametrize(
    "given",
    [
        ["--scope", "one"],
        ["--week", WEEK],
        ["--scope", "some", "--week", WEEK],
        ["--scope", "one", "--week", "next"],
        ["--scope", "one", "--week", WEEK, "--not-booked"],
    ],
)
def test_what_does_not_go_together_is_no_order(booking: Booking, record: Any, given: list[str]) -> None:
    """Nothing is recorded, and nothing cancelled."""
    row = booked(record, series_uid="series-1")

    assert booking("cancel", row.id, *given).code == 1

    assert (stored(record), recorded(record)) == ([], [])


def test_weeks_that_cannot_be_cancelled_are_told(booking: Booking, record: Any) -> None:
    """And the refusal is recorded with why."""
    row = booked(record)

    ran = booking("cancel", row.id, "--scope", "one", "--week", WEEK)

    assert (ran.code, "the booking is no series" in ran.err) == (1, True)
    with record.engine.connect() as conn:
        why = conn.execute(text("SELECT outcomes, refused FROM operator_actions")).one()
    assert (list(why.outcomes), "no series" in (why.refused or "")) == (["no_series"], True)


@pytest.mark.parametrize(
    ("cancelled", "word", "ends", "row_is"),
    [
        ([2], "--done", ChangeStatus.DONE, Status.CONFIRMED),
        (range(8), "--done", ChangeStatus.DONE, Status.CANCELLED),
        ([], "--done", ChangeStatus.HELD, Status.CONFIRMED),
        ([], "--not-done", ChangeStatus.REFUSED, Status.CONFIRMED),
        ([3], "--not-done", ChangeStatus.REFUSED, Status.CONFIRMED),
        ([2], "--not-done", ChangeStatus.HELD, Status.CONFIRMED),
    ],
    ids=["it is", "all are", "none is", "none is, as told", "another is", "it is, and denied"],
)
def test_an_operators_word_about_a_week_is_held_beside_that_week(
    booking: Booking,
    record: Any,
    simulator: Any,
    cancelled: Any,
    word: str,
    ends: ChangeStatus,
    row_is: Status,
) -> None:
    """The booking ends with its last week, and not before."""
    [number] = accept(request(1, WEEKLY))
    row, scene = carry(number), Scene(record, simulator)
    weeks = sorted(simulator.bookings(), key=lambda week: str(week["start"]))
    start = datetime.fromisoformat(weeks[2]["start"])
    change = held_change(record, row, None, scope=SeriesScope.ONE, week=start, weeks_named=[weeks[2]["uid"]])
    for one in cancelled:
        scene.cancel(weeks[one]["uid"])

    booking("resolve", number, word)

    with record.engine.connect() as conn:
        now = moves.get(conn, change.id)
    assert now is not None
    assert (now.status, record.read(number).status) == (ends, row_is)
