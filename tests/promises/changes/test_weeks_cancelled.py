"""Of a series one week is cancelled, or a week and all that follow: the others stand, and so does their booking."""

import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import SeriesScope
from tasks import dependencies
from tests.support.fleet import HASTY, Fleet, eventually, row
from worker import cancel_booking

WEEKLY = 129
ONE, FOLLOWING = SeriesScope.ONE, SeriesScope.FOLLOWING
CANCELS = {"method": "POST", "path": "/v2/bookings/*"}


class Weeks:
    """A series that Cal.com has, and what lives of it."""

    def __init__(self, seen: Any) -> None:
        """Book it."""
        self.seen, self.booking = seen, seen.booked(1, WEEKLY)
        self.uids = [week["uid"] for week in self._all()]
        self.starts = [datetime.fromisoformat(week["start"]) for week in self._all()]

    def _all(self) -> list[dict[str, Any]]:
        return sorted(self.seen.simulator.bookings(), key=lambda week: str(week["start"]))

    def cancel(self, scope: SeriesScope, number: int) -> ChangeStatus:
        """Cancel from Python, wait until that is over, and say how it ended."""
        cancel_booking(self.booking, scope=scope, week=self.starts[number])
        return ChangeStatus(self.seen.over(self.booking).status)

    def living(self) -> list[int]:
        """Return the numbers of the weeks that live; -1: one that is new."""
        alive = [week["uid"] for week in self._all() if week["status"] in ("accepted", "pending")]
        return [self.uids.index(uid) if uid in self.uids else -1 for uid in alive]

    def but(self, *gone: int) -> list[int]:
        """Return the numbers of all weeks but these."""
        return [number for number in range(len(self.uids)) if number not in gone]


def test_one_week_is_cancelled_by_three_calls_and_the_rest_stands(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The booking stays as it is; the POST names that week's uid, and no other week's."""
    fleet().start()
    weeks, before = Weeks(seen), seen.now()

    assert weeks.cancel(ONE, 2) is ChangeStatus.DONE

    assert weeks.living() == weeks.but(2)
    assert [call.partition(" ")[0] for call in seen.calls(before)] == ["GET", "POST", "GET"]
    now = row(weeks.booking)
    assert (now.status, now.cancel_requested, now.calcom_booking_uid) == (Status.CONFIRMED, False, weeks.uids[0])
    assert seen.of(weeks.booking)[-1].weeks_named == [weeks.uids[2]]


def test_from_a_week_on_all_that_follow_are_cancelled_by_one_post(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Those before it stand, also what was cancelled of them one by one."""
    fleet().start()
    weeks = Weeks(seen)
    assert weeks.cancel(ONE, 1) is ChangeStatus.DONE

    assert weeks.cancel(FOLLOWING, 3) is ChangeStatus.DONE

    assert weeks.living() == [0, 2]
    assert seen.posts("cancel") == 2
    assert row(weeks.booking).status is Status.CONFIRMED


@pytest.mark.parametrize("scope", [ONE, FOLLOWING])
def test_once_no_week_to_come_lives_the_booking_is_cancelled(
    fleet: Callable[..., Fleet], seen: Any, scope: SeriesScope
) -> None:
    """However the last one ended."""
    fleet().start()
    weeks = Weeks(seen)
    if scope is ONE:
        for uid in weeks.uids[1:]:
            seen.simulator.person("cancel", uid)

    assert weeks.cancel(scope, 0) is ChangeStatus.DONE

    assert weeks.living() == []
    assert row(weeks.booking).status is Status.CANCELLED


def test_a_booking_whose_first_week_is_cancelled_begins_with_the_next(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The row names an appointment that takes place, and not the cancelled one."""
    fleet().start()
    weeks = Weeks(seen)

    assert weeks.cancel(ONE, 0) is ChangeStatus.DONE

    now = row(weeks.booking)
    assert (now.calcom_booking_uid, now.booked_start_at) == (weeks.uids[1], weeks.starts[1])


def test_a_week_that_its_host_has_moved_is_cancelled_where_it_is(fleet: Callable[..., Fleet], seen: Any) -> None:
    """And nothing else, though it comes before others now."""
    fleet().start()
    weeks = Weeks(seen)
    earlier = weeks.starts[0] + timedelta(hours=30)
    seen.simulator.person("move", weeks.uids[3], start=earlier.isoformat())

    assert weeks.cancel(ONE, 3) is ChangeStatus.DONE

    assert weeks.living() == weeks.but(3)


def test_a_week_that_does_not_exist_is_refused(fleet: Callable[..., Fleet], seen: Any) -> None:
    """With its own words, and without a call that changes anything."""
    fleet(CALCOM_SETTLE_SECONDS="1", CALCOM_SETTLE_ANSWERED_SECONDS="1").start()
    weeks = Weeks(seen)

    cancel_booking(weeks.booking, scope=ONE, week=weeks.starts[2] + timedelta(hours=1))

    change = seen.over(weeks.booking)
    assert (change.status, change.last_error) == (ChangeStatus.REFUSED, "no week of its series begins then")
    assert (weeks.living(), seen.posts("cancel")) == (weeks.but(), 0)


@pytest.mark.variants(first=2)
@pytest.mark.parametrize("fault", ["commit_then_reset", "hang", "commit_then_hang"])
@pytest.mark.parametrize("scope", [ONE, FOLLOWING])
def test_a_lost_answer_cancels_no_other_week(
    fleet: Callable[..., Fleet], seen: Any, scope: SeriesScope, fault: str
) -> None:
    """Nor is it cancelled twice: behind a replica that lags, and though another week is moved to its time meanwhile."""
    seen.simulator.settings(replica_lag=0.5)
    fleet(**HASTY).start()
    weeks = Weeks(seen)
    seen.simulator.faults(fault, count=1, match=CANCELS)

    cancel_booking(weeks.booking, scope=scope, week=weeks.starts[5])
    eventually(lambda: seen.posts("cancel"), what="it is sent")
    if fault == "commit_then_reset" and scope is ONE:
        seen.simulator.person("move", weeks.uids[6], start=weeks.starts[5].isoformat())

    assert seen.over(weeks.booking).status is ChangeStatus.DONE
    assert seen.posts("cancel") == (2 if fault == "hang" else 1)
    gone = range(5, len(weeks.uids)) if scope is FOLLOWING else [5]
    moved = {6} if fault == "commit_then_reset" and scope is ONE else set()
    assert sorted(weeks.living()) == sorted([*weeks.but(*gone, *moved), *([-1] * len(moved))])
    assert row(weeks.booking).status is Status.CONFIRMED


def test_a_worker_that_dies_over_a_week_cancels_no_other(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The next worker knows which week was meant, though another one has its time by then."""
    running = fleet(**HASTY)
    first = running.worker(name="first")
    running.maintenance()
    running.beat()
    weeks = Weeks(seen)
    seen.simulator.faults("stall", step="answer", delay=30, match=CANCELS)
    cancel_booking(weeks.booking, scope=ONE, week=weeks.starts[5])
    eventually(lambda: weeks.living() == weeks.but(5), what="Cal.com has cancelled it")
    os.killpg(first.pid, signal.SIGKILL)
    seen.simulator.no_faults()
    seen.simulator.person("move", weeks.uids[6], start=weeks.starts[5].isoformat())
    running.worker(name="second")

    assert seen.over(weeks.booking, within=120).status is ChangeStatus.DONE
    assert (sorted(weeks.living()), seen.posts("cancel")) == ([-1, *weeks.but(5, 6)], 1)


def test_cancels_of_two_weeks_and_of_all_are_three_changes_in_order(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The same week again is the same change; the cancel of all withdraws what was not sent."""
    fleet().start()
    weeks = Weeks(seen)
    dependencies.current().breaker.operators.force_open("operator", "a test")
    receipts = [cancel_booking(weeks.booking, scope=ONE, week=weeks.starts[number]) for number in (4, 2, 4)]
    eventually(lambda: seen.of(weeks.booking)[0].hold_reason is HoldReason.BREAKER_OPEN, what="the first is held")
    assert [one.duplicate for one in receipts] == [False, False, True]
    assert [one.status for one in seen.of(weeks.booking)] == [ChangeStatus.HELD, ChangeStatus.WAITING]
    dependencies.current().breaker.reset("operator", "a test")
    eventually(lambda: all(one.over for one in seen.of(weeks.booking)), what="both are over")
    assert weeks.living() == weeks.but(4, 2)
    assert [one.weeks_named for one in seen.of(weeks.booking)] == [[weeks.uids[4]], [weeks.uids[2]]]

    dependencies.current().breaker.operators.force_open("operator", "a test")
    cancel_booking(weeks.booking, scope=ONE, week=weeks.starts[6])
    eventually(lambda: seen.of(weeks.booking)[2].hold_reason is HoldReason.BREAKER_OPEN, what="the third is held")
    cancel_booking(weeks.booking)
    dependencies.current().breaker.reset("operator", "a test")

    assert seen.over(weeks.booking).status is ChangeStatus.DONE
    assert [one.status for one in seen.of(weeks.booking)][2:] == [ChangeStatus.WITHDRAWN, ChangeStatus.DONE]
    assert (weeks.living(), row(weeks.booking).status) == ([], Status.CANCELLED)
