"""Some weeks of a series are to be cancelled: what is kept, what is refused, and what workers of before may not do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, text, update
from sqlalchemy.exc import IntegrityError

from db.changes import moves
from db.lifecycle import ChangeStatus, Status
from db.models.changes import SeriesScope, booking_changes
from tasks.booking import change_booking
from tasks.changes.ask.ask import AskOutcome
from tasks.maintenance.late_lookups import look_again
from tasks.operations import revoke
from tests.support.audits.scene import Scene
from tests.support.fleet import request, row
from tests.support.refused_changes import LATER, booked, stored
from tests.support.stepping import accept, carry, let_pass, write
from worker import ChangeRefusedError, cancel_booking, enqueue_booking

ONE, FOLLOWING = SeriesScope.ONE, SeriesScope.FOLLOWING
WEEK, WEEKLY = timedelta(days=7), 129
_O = AskOutcome


@pytest.fixture
def series(settings: Callable[..., dict[str, str]], record: Any) -> Any:
    """Make a series that Cal.com has."""
    settings()
    return booked(record, series_uid="series-1", start_at=LATER)


def refusal(booking: int, **asked: Any) -> AskOutcome:
    """Return why weeks are not cancelled."""
    with pytest.raises(ChangeRefusedError) as refused:
        cancel_booking(booking, **asked)
    return refused.value.outcome


def test_which_weeks_are_meant_is_kept(series: Any, record: Any) -> None:
    """Its place in the line is that of its week, and the row does not say that the booking is to be cancelled."""
    week = LATER + 3 * WEEK

    receipt = cancel_booking(series.id, scope="following", week=week)

    with record.engine.connect() as conn:
        change = moves.get(conn, receipt.change_id or 0)
    assert change is not None
    assert (change.scope, change.week, change.start_at, change.ends_booking) == (FOLLOWING, week, week, False)
    assert (change.from_uid, record.read(series.id).cancel_requested) == ("series-1", False)
    assert receipt.said.startswith("the cancel of these weeks goes to Cal.com")


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        ({"week": datetime(2020, 1, 1, tzinfo=UTC)}, _O.WEEK_BEGUN),
        ({"week": LATER.replace(tzinfo=None)}, _O.NO_OFFSET),
    ],
)
def test_a_week_that_cannot_be_meant_is_refused(
    series: Any, record: Any, asked: dict[str, Any], outcome: AskOutcome
) -> None:
    """Nothing is kept."""
    assert refusal(series.id, scope=ONE, **asked) is outcome
    assert stored(record) == []


def test_weeks_of_what_is_no_series_at_cal_com_are_refused(
    settings: Callable[..., dict[str, str]], record: Any
) -> None:
    """Each in its own words; nothing is kept."""
    settings()
    rows = booked(record), record.keep(), record.moved(Status.REJECTED)

    outcomes = [refusal(row.id, scope=ONE, week=LATER) for row in rows]

    assert outcomes == [_O.NO_SERIES, _O.NOT_BOOKED_YET, _O.ENDED]
    assert stored(record) == []


@pytest.mark.parametrize(
    "asked", [{"scope": "one"}, {"week": LATER}, {"scope": "all", "week": LATER}, {"scope": "none"}]
)
def test_a_scope_and_a_week_go_together(series: Any, asked: dict[str, Any]) -> None:
    """Else nobody knows what is meant."""
    with pytest.raises(ValueError, match=r"goes with the scope|is not a valid"):
        cancel_booking(series.id, **asked)


def test_a_key_stands_for_its_weeks(series: Any, record: Any) -> None:
    """The same again is the same change; other weeks, more weeks and the whole are other wishes."""
    first = cancel_booking(series.id, scope=ONE, week=LATER, key="k")

    again = cancel_booking(series.id, scope=ONE, week=LATER, key="k")
    others = [
        refusal(series.id, key="k", **asked)
        for asked in ({"scope": ONE, "week": LATER + WEEK}, {"scope": FOLLOWING, "week": LATER}, {})
    ]

    assert (again.change_id, again.duplicate) == (first.change_id, True)
    assert others == [_O.KEY_REUSED] * 3
    assert len(stored(record)) == 1


def test_each_week_is_a_change_of_its_own_and_all_of_them_are_one(series: Any, record: Any) -> None:
    """A cancel of all withdraws what was not sent, and after it no week is cancelled by itself."""
    for week in (LATER, LATER + WEEK, LATER):
        cancel_booking(series.id, scope=ONE, week=week)
    assert [status for _, status in stored(record)] == [ChangeStatus.PENDING, ChangeStatus.WAITING]

    whole = cancel_booking(series.id)

    assert whole.duplicate is False
    statuses = [ChangeStatus.WITHDRAWN, ChangeStatus.WITHDRAWN, ChangeStatus.PENDING]
    assert [status for _, status in stored(record)] == statuses
    assert refusal(series.id, scope=ONE, week=LATER) is _O.BEING_CANCELLED
    assert record.read(series.id).cancel_requested


def test_a_worker_of_before_cannot_claim_the_cancel_of_a_week(series: Any, record: Any) -> None:
    """It would cancel the whole series; a cancel of all it may have."""
    claims = "status = 'changing', claim_token = gen_random_uuid(), lease_expires_at = now()"
    cancel_booking(series.id, scope=ONE, week=LATER)
    with pytest.raises(IntegrityError, match="weeks_claimed"), record.engine.begin() as conn:
        conn.execute(text(f"UPDATE booking_changes SET {claims}"))  # noqa: S608 - ours

    cancel_booking(series.id)

    with record.engine.begin() as conn:
        done = conn.execute(text(f"UPDATE booking_changes SET {claims} WHERE scope IS NULL"))  # noqa: S608 - ours
    assert done.rowcount == 1


def test_what_is_asked_for_again_takes_back_no_week(settings: Callable[..., dict[str, str]], record: Any) -> None:
    """The series is wanted, and so is the cancel of its week; a cancel of all is taken back beside what was sent."""
    settings()
    again = request(1)
    [booking] = accept(again)
    write(booking, status="confirmed", calcom_booking_uid="uid", series_uid="series-1", checked_at=func.now())
    cancel_booking(booking, scope=ONE, week=LATER)
    enqueue_booking(again)
    assert [status for _, status in stored(record)] == [ChangeStatus.PENDING]
    with record.engine.begin() as conn:
        conn.execute(update(booking_changes).values(posts=1))

    cancel_booking(booking)
    enqueue_booking(again)

    assert [status for _, status in stored(record)] == [ChangeStatus.PENDING, ChangeStatus.WITHDRAWN]
    assert not row(booking).cancel_requested


def test_flowers_revoke_of_a_week_leaves_the_cancel_of_all(series: Any, record: Any) -> None:
    """What is said of the booking is said of all its weeks."""
    cancel_booking(series.id, scope=ONE, week=LATER)
    with record.engine.begin() as conn:
        conn.execute(update(booking_changes).values(posts=1))
    cancel_booking(series.id)
    with record.engine.begin() as conn:
        conn.execute(update(booking_changes).values(posts=0))
        [task] = conn.execute(text("SELECT task_id FROM booking_changes WHERE scope = 'one'")).scalars()

    revoke.cancel([task], "worker@test")

    assert [status for _, status in stored(record)] == [ChangeStatus.WITHDRAWN, ChangeStatus.WAITING]
    assert record.read(series.id).cancel_requested


# -- what is counted ---------------------------------------------------------------------------------------------------


def test_weeks_that_were_cancelled_on_wish_are_no_cut_series(
    settings: Callable[..., dict[str, str]], record: Any, simulator: Any
) -> None:
    """Neither to the late count of a series whose answer was lost, nor to the nightly audit."""
    settings()
    simulator.settings(rate_limit=0)
    [whole] = accept(request(1, WEEKLY))
    carry(whole)
    write(whole, ends_at=text("now() - interval '1 minute'"))
    starts = sorted(datetime.fromisoformat(week["start"]) for week in simulator.bookings())
    for scope, number in ((ONE, 1), (FOLLOWING, 5)):
        asked = cancel_booking(whole, scope=scope, week=starts[number])
        assert change_booking.apply([asked.change_id]).result == ChangeStatus.DONE
    let_pass(600)

    look_again()

    assert (row(whole).series_weeks, row(whole).series_of) == (8, 8)
    assert Scene(record, simulator).found() == []


# -- back again --------------------------------------------------------------------------------------------------------
