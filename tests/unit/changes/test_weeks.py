"""What is left to be cancelled of a series: the whole, one week, or a week and all that follow."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from db.changes.change import SeriesPart
from db.models.changes import SeriesScope
from tasks.calcom.booking import Booking, read_booking
from tasks.changes.evidence.case import Shown
from tasks.changes.evidence.weeks import WeeksLeft, weeks_left

NOW = datetime(2033, 3, 17, 12, tzinfo=UTC)
THEN = NOW + timedelta(days=14)
DONE, UNCLEAR, NONE = WeeksLeft(Shown.CANCELLED), WeeksLeft(Shown.UNREADABLE), WeeksLeft(Shown.NO_WEEK)


def week(number: int, status: str = "accepted", *, days: float | None = None, to: str | None = None) -> Booking:
    """Return a week of a series, `days` after now (None: `number` weeks); `to`: it was moved there."""
    start = NOW + timedelta(days=7 * number if days is None else days)
    uid = f"w{number}" if days is None or status == "moved" else f"w{number}@{days:g}"
    shown = {"uid": uid, "status": "cancelled" if to else status, "start": start.isoformat(), "rescheduledToUid": to}
    found = read_booking(shown)
    assert found is not None
    return found


def rest(uid: str) -> WeeksLeft:
    """Return that a POST names this week, and all after it."""
    return WeeksLeft(Shown.ALIVE, uid, rest=True)


def alone(uid: str) -> WeeksLeft:
    """Return that a POST names this week, and no other."""
    return WeeksLeft(Shown.ALIVE, uid)


def unclear(uid: str) -> WeeksLeft:
    """Return that this uid is to be asked for."""
    return WeeksLeft(Shown.UNREADABLE, uid)


def begun(uid: str) -> WeeksLeft:
    """Return that this week is meant, and has begun."""
    return WeeksLeft(Shown.BEGUN, uid)


WHOLE: dict[str, tuple[list[Booking], WeeksLeft]] = {
    "all": ([week(1), week(2), week(3)], rest("w1")),
    "in any order": ([week(3), week(2), week(1)], rest("w1")),
    "one is over": ([week(-1), week(1), week(2)], rest("w1")),
    "one has begun": ([week(0, days=-0.01), week(1), week(2)], rest("w1")),
    "one is cancelled": ([week(1, "cancelled"), week(2), week(3)], rest("w2")),
    "one is declined": ([week(1, "rejected"), week(2, "pending")], rest("w2")),
    "one was moved before the rest": ([week(1), week(2, "cancelled")], rest("w1")),
    "done": ([week(-1), week(1, "cancelled")], DONE),
    "none": ([], DONE),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_series_is_cancelled_from_its_next_living_week_on(name: str) -> None:
    """Never by its own uid: once its first week is over or was moved, that is a 400, and the other weeks live."""
    weeks, left = WHOLE[name]
    assert weeks_left(weeks, since=NOW) == left


class Meant(NamedTuple):
    """Weeks, and what is left of the second week, or of it and all that follow.

    `named` are the weeks that POSTs have named; of one week only its own.
    """

    weeks: Sequence[Booking]
    one: WeeksLeft
    following: WeeksLeft
    named: tuple[str, ...] = ()

    def left(self, since: datetime) -> list[WeeksLeft]:
        """Return what is left of the one, and of it and all that follow."""
        own = tuple(uid for uid in self.named if uid.startswith("w2"))
        one, following = SeriesPart(SeriesScope.ONE, THEN), SeriesPart(SeriesScope.FOLLOWING, THEN)
        return [
            weeks_left(self.weeks, since=since, part=one, named=own),
            weeks_left(self.weeks, since=since, part=following, named=self.named),
        ]


MOVED_BEFORE = [week(1), week(2, to="w2@5"), week(2, days=5), week(3)]
MOVED_AFTER = [week(1), week(2, to="w2@16"), week(2, days=16), week(3)]
PARTS: dict[str, Meant] = {
    "all live": Meant([week(1), week(2), week(3)], alone("w2"), rest("w2")),
    "the last one": Meant([week(0), week(1), week(2)], alone("w2"), rest("w2")),
    "it is cancelled": Meant([week(1), week(2, "cancelled"), week(3)], DONE, rest("w3")),
    "it is cancelled, and all that follow": Meant([week(1), week(2, "cancelled"), week(3, "rejected")], DONE, DONE),
    "it was named and lives": Meant([week(1), week(2), week(3)], alone("w2"), rest("w2"), named=("w2",)),
    "no week begins then": Meant([week(1), week(3)], NONE, NONE),
    "nothing begins then any more, and it was named": Meant([week(1), week(3)], UNCLEAR, UNCLEAR, named=("w2",)),
    "it was moved before the others": Meant(MOVED_BEFORE, alone("w2@5"), rest("w3")),
    "it was moved before the others, which are cancelled": Meant(
        [*MOVED_BEFORE[:3], week(3, "cancelled")], alone("w2@5"), alone("w2@5"), named=("w3",)
    ),
    "it was moved, and named before": Meant(MOVED_AFTER, alone("w2@16"), rest("w2@16"), named=("w2",)),
    "where it was moved to is not shown": Meant([week(1), week(2, to="x"), week(3)], unclear("x"), unclear("x")),
    "it was moved in a circle": Meant([week(1), week(2, to="w2")], unclear("w2"), unclear("w2")),
    "it was cancelled, and another was moved to its time": Meant(
        [week(1), week(2, "cancelled"), week(3, to="w3@14"), week(3, days=14)], DONE, rest("w3@14"), named=("w2",)
    ),
    "it was moved away, and another to its time": Meant(
        [week(1), week(2, to="w2@16"), week(2, days=16), week(3, days=14)], alone("w3@14"), rest("w3@14")
    ),
    "an earlier one was moved after it": Meant([week(1, days=15), week(2), week(3)], alone("w2"), rest("w2")),
    "only it follows itself": Meant([week(1), week(2)], alone("w2"), rest("w2")),
}


@pytest.mark.parametrize("name", PARTS)
def test_of_a_part_of_a_series_the_weeks_that_are_meant_are_left(name: str) -> None:
    """One week is that week's uid alone, wherever it was moved; what begins then by now may be another week."""
    meant = PARTS[name]
    assert meant.left(NOW) == [meant.one, meant.following]


BEGUN: dict[str, Meant] = {
    "others follow": Meant([week(1), week(2), week(3)], begun("w2"), rest("w3")),
    "no other follows": Meant([week(1), week(2)], begun("w2"), begun("w2")),
    "a POST has named it": Meant([week(1), week(2)], begun("w2"), begun("w2"), named=("w2",)),
    "a POST has cancelled those that follow": Meant(
        [week(1), week(2), week(3, "cancelled")], begun("w2"), DONE, named=("w3",)
    ),
    "a person has cancelled those that follow": Meant(
        [week(1), week(2), week(3, "cancelled")], begun("w2"), begun("w2")
    ),
    "it is cancelled": Meant([week(1), week(2, "cancelled")], DONE, DONE),
}


@pytest.mark.parametrize("name", BEGUN)
def test_a_week_that_has_begun_meanwhile_is_not_cancelled(name: str) -> None:
    """Nobody is told that it is: those that follow are cancelled, if there are any."""
    meant = BEGUN[name]
    assert meant.left(THEN + timedelta(minutes=1)) == [meant.one, meant.following]


@pytest.mark.parametrize("name", PARTS)
def test_all_that_follow_are_never_cancelled_from_a_week_before(name: str) -> None:
    """A week that was moved before the others is named alone: they stay."""
    starts = {one.uid: one.start for one in PARTS[name].weeks}
    for left in PARTS[name].left(NOW):
        assert not left.rest or (starts[left.uid or ""] or NOW) >= THEN
