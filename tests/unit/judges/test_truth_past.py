"""The judge of the page's sentences: traffic elsewhere makes no false count or moment true."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.truth.claims.front_door import passed_between
from tests.truth.past import Past, Snapshot, was_busy
from tests.truth.record import Record

NOW = datetime(2030, 3, 1, 9, tzinfo=UTC)
RECORDS = 15  # of three seconds, in each of which one booking is made


def ago(seconds: float) -> datetime:
    """Return a moment before."""
    return NOW - timedelta(seconds=seconds)


def record(rows: dict[int, dict[str, Any]]) -> Record:
    """Return what PostgreSQL has, with these bookings."""
    nothing: dict[str, Any] = {"held": {}, "states": {}, "ended": {}, "day": {}, "accounts": {}}
    return Record(**nothing, changes=(), overrides=(), incidents=(), rows=rows, ticked_at=None, story=(), wishes=())


def past(*records: Record) -> Past:
    """Return snapshots with these records, five a second."""
    seen = enumerate(reversed(records))
    return Past([Snapshot(ago(number / 5), one, None, None, None, True, 0, 0.0, 0.0) for number, one in seen][::-1])


def held(number: int, since: float, updated: float) -> dict[str, Any]:
    """Return a held booking."""
    return {
        "id": number,
        "status": "held",
        "hold_reason": "throttled",
        "held_at": ago(since),
        "updated_at": ago(updated),
    }


def busy() -> Past:
    """Hold three bookings for long, while others are made one after the other."""
    kept = {number: held(number, 60 - number, 60 - number) for number in range(3)}
    made = {number: {**held(number, 0, 3 - number / 10), "status": "confirmed"} for number in range(10, 10 + RECORDS)}
    return past(*(record(kept | {n: row for n, row in made.items() if n < 10 + last}) for last in range(RECORDS)))


def holding(one: Record) -> int:
    """Count the held ones."""
    return sum(row["status"] == "held" for row in one.rows.values())


@pytest.mark.parametrize(("value", "is_true"), [(3, True), (4, True), (5, False), (1, False), (7, False)])
def test_each_change_between_two_snapshots_allows_one_more(value: int, is_true: bool) -> None:  # noqa: FBT001 - a case
    """And not each change of all seconds."""
    assert busy().counted(holding, value) is is_true


def test_where_nothing_changes_a_count_is_exact() -> None:
    """As it is on a page that nobody has touched."""
    one = record({1: held(1, 60, 60)})
    assert past(one, one).counted(holding, 1) is True
    assert past(one, one).counted(holding, 2) is False
    assert Past([]).counted(holding, 0) is None


@pytest.mark.parametrize(("seconds", "is_true"), [(60, True), (50, False), (30, False), (1, False)])
def test_traffic_makes_no_other_booking_the_oldest(seconds: float, is_true: bool) -> None:  # noqa: FBT001 - the same
    """The first that stayed is the first."""
    assert busy().first("held_at", ago(seconds)) is is_true


def test_who_left_and_came_back_let_the_next_one_be_the_first() -> None:
    """A probe took the oldest, and gave it back: for a moment the second one was the oldest."""
    before = {1: held(1, 60, 60), 2: held(2, 40, 40), 3: held(3, 20, 20)}
    seen = past(record(before), record(before | {1: held(1, 0, 0)}))
    assert [seen.first("held_at", ago(seconds), "throttled") for seconds in (60, 40, 20)] == [True, True, False]
    assert seen.first("held_at", ago(40), "breaker_open") is False


def test_who_was_held_between_two_snapshots_may_have_been_the_first() -> None:
    """And not one that came behind the first that stayed."""
    stays = {1: held(1, 40, 60)}
    passing = {2: {**held(2, 50, 1), "status": "booking"}, 3: {**held(3, 20, 1), "status": "booking"}}
    seen = past(record(stays), record(stays | passing))
    assert [seen.first("held_at", ago(seconds), "throttled") for seconds in (50, 40, 20)] == [True, True, False]


@pytest.mark.parametrize(("share", "is_busy"), [(0.95, True), (0.5, False)])
def test_what_is_read_on_a_busy_machine_is_not_judged(share: float, is_busy: bool) -> None:  # noqa: FBT001 - a case
    """While each thread waits for a core, the page is older than it could be."""
    snapshots = [
        replace(one, waited=share * number / 5) for number, one in enumerate(past(*[record({})] * 10).snapshots)
    ]

    assert was_busy(snapshots) is is_busy
    assert was_busy(snapshots[:1]) is False


def test_the_story_of_a_false_claim_has_each_change_of_what_was_held() -> None:
    """With its moment; what stayed as it was is left out."""
    counts = [0, 1, 1, 3]
    seen = past(*(replace(record({}), held={"throttled": {"count": count}}) for count in counts)).snapshots

    lines = list(Past([*seen, replace(seen[-1], record=None)]).held_lines())

    assert [line.rpartition(", held ")[2] for line in lines] == [*(f"{{'throttled': {n}}}" for n in (0, 1, 3)), "None"]
    assert [line.partition(": ")[0] for line in lines] == [f"{seen[n].at:%H:%M:%S.%f}" for n in (0, 1, 3, 3)]


@pytest.mark.parametrize(
    ("before", "after", "said", "is_true"),
    [
        ({"held": 1}, {}, {"changing": 1}, True),
        ({"held": 1}, {"retrying": 1}, {"changing": 1}, True),
        ({"held": 3}, {"held": 1}, {"held": 1, "changing": 2}, True),
        ({"held": 1}, {"held": 1}, {"changing": 1}, False),
        ({}, {}, {"changing": 1}, False),
        ({"held": 1}, {}, {"held": 1, "changing": 1}, False),
        ({"held": 1}, {}, {"changing": 2}, False),
        ({"held": 2}, {"held": 1}, {"retrying": 1, "held": 1}, False),
        ({"held": 2}, {"held": 2}, {"held": 1}, False),
    ],
)
def test_a_change_that_moved_on_may_have_been_at_work(
    before: dict[str | None, int],
    after: dict[str | None, int],
    said: dict[str, int],
    is_true: bool,  # noqa: FBT001 - a case
) -> None:
    """Nobody who stood still was, nobody is counted twice, and no other state is made up."""
    assert passed_between(before, after, said) is is_true
