"""Promises 2 and 5 for a key that does not see every booking: its empty list neither ends a booking nor books twice."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tasks.enqueue import Outcome
from tests.support.fleet import Fleet, at_rest, eventually, finals, request, row
from worker import enqueue_bookings

Counts = Callable[[], Counter[str]]
POST = {"method": "POST", "path": "/v2/bookings"}
BLIND = {(Status.HELD, HoldReason.BLIND_KEY)}
BUSY_HOST = 154  # a plain type of the first host of the team's round robin
ROUND_ROBIN, ROUND_ROBIN_CONFIRMED, ROUND_ROBIN_SOON_CONFIRMED = 104, 130, 333


def ids(requests: list[Any]) -> list[int]:
    """Accept requests and return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings(requests)]  # type: ignore[union-attr]


def states(ends: list[Outcome]) -> set[tuple[Status, HoldReason | None]]:
    """Return where bookings stand."""
    return {(one.status, one.hold_reason) for one in ends}


def test_a_key_that_went_blind_ends_nothing_and_posts_nothing(
    fleet: Callable[..., Fleet], simulator: Any, booked: Counts, posts: Counts
) -> None:
    """What its list once showed proves nothing of today; when it sees again, what was booked is found."""
    kinds = [101, 103, 110]  # plain, seats, and one that books whatever is posted
    simulator.settings(keys={"cal_test_blind": "all"})
    fleet(CALCOM_API_KEY="cal_test_blind").start()
    seen = finals(ids([request(20 + number, kind) for number, kind in enumerate(kinds)]))
    simulator.faults("reset", match=POST, count=len(kinds))
    seen |= finals(ids([request(number, kind) for number, kind in enumerate(kinds)]))  # it was asked what it sees
    assert {one.status for one in seen.values()} == {Status.CONFIRMED}

    simulator.settings(keys={"cal_test_blind": "nothing"})
    simulator.faults("commit_then_reset", match=POST, count=len(kinds))
    lost = ids([request(10 + number, kind) for number, kind in enumerate(kinds)])
    ends = at_rest(lost)

    assert states(ends) == BLIND
    references = [str(row(one).uuid) for one in lost]
    assert [booked()[one] for one in references] == [1] * len(kinds)
    assert [posts()[one] for one in references] == [1] * len(kinds)

    simulator.settings(keys={"cal_test_blind": "all"})
    assert {one.status for one in finals(lost).values()} == {Status.CONFIRMED}
    assert Counter(booked().values()) == {1: 3 * len(kinds)}


@pytest.mark.long
def test_what_went_to_a_host_whom_the_key_does_not_see_is_confirmed_by_one_more_post(
    fleet: Callable[..., Fleet], simulator: Any, booked: Counts, posts: Counts
) -> None:
    """The key of one of two hosts: its list never shows it, no slot is left, and Cal.com gives back what is there."""
    fleet(CALCOM_API_KEY="cal_test_host4").start()
    others = [request(9, ROUND_ROBIN), *(request(number, BUSY_HOST) for number in range(4))]
    assert {one.status for one in finals(ids(others)).values()} == {Status.CONFIRMED}

    simulator.faults("commit_then_reset", match=POST | {"event_type_id": ROUND_ROBIN}, count=4)
    lost = ids([request(number, ROUND_ROBIN) for number in range(4)])
    ends = at_rest(lost)

    assert states(ends) == {(Status.CONFIRMED, None)}
    rows = [row(one) for one in lost]
    assert {organizer(simulator, str(one.uuid)) for one in rows} == {"host5"}
    assert [(one.posts, one.retry_count) for one in rows] == [(2, 0)] * 4, "it costs no retry"
    assert [(posts()[str(one.uuid)], booked()[str(one.uuid)]) for one in rows] == [(2, 1)] * 4


@pytest.mark.long
def test_round_robin_that_a_host_confirms_is_never_posted_again(
    fleet: Callable[..., Fleet], simulator: Any, booked: Counts, posts: Counts
) -> None:
    """The other host has accepted, and then Cal.com knows no earlier booking: a second POST would book again."""
    hosts = ["host30", "host31"]
    simulator.event_type(
        ROUND_ROBIN_SOON_CONFIRMED, kind="round_robin+threshold", hosts=hosts, team_slug="team", threshold_hours=48
    )
    kinds = [ROUND_ROBIN_CONFIRMED, ROUND_ROBIN_SOON_CONFIRMED]
    fleet(CALCOM_API_KEY="cal_test_host30").start()
    seen = finals(ids([request(9, kind, start=soon(9)) for kind in kinds]))  # the turn of the first host
    assert {one.status for one in seen.values()} == {Status.CONFIRMED}

    simulator.faults("commit_then_reset", match=POST, count=len(kinds))
    lost = ids([request(number, kind, start=soon(number)) for number, kind in enumerate(kinds)])
    references = [str(row(one).uuid) for one in lost]
    there = eventually(lambda: (made := [simulator.bookings(one) for one in references]) and all(made) and made)
    for [booking] in there:
        simulator.person("accept", booking["uid"])
    ends = at_rest(lost)

    assert [booked()[one] for one in references] == [1, 1]
    assert states(ends) == BLIND
    assert [posts()[one] for one in references] == [1, 1]
    assert {organizer(simulator, one) for one in references} == {"host31"}

    for [booking] in there:
        simulator.person("reassign", booking["uid"], host="host30")
    assert {one.status for one in finals(lost).values()} == {Status.CONFIRMED}, "now the key is shown it"


@pytest.mark.long
def test_a_key_that_may_only_read_the_types_holds_what_cannot_be_told_and_nothing_else(
    fleet: Callable[..., Fleet], simulator: Any, booked: Counts
) -> None:
    """What was not booked is; of what was, Cal.com gives back some, and of others says only that the time is taken.

    Of another's type it is not told whether free addresses are confirmed: a second seat might be another booking.
    """
    given_back, only_taken, not_told = [102, ROUND_ROBIN], [101, 106], [103]  # confirmed; plain, collective; seats
    kinds = given_back + only_taken + not_told
    fleet(CALCOM_API_KEY="cal_test_teamowner").start()
    simulator.faults("reset", match=POST, count=len(kinds))
    not_there = at_rest(ids([request(number, kind) for number, kind in enumerate(kinds)]))
    assert states(not_there[: -len(not_told)]) == {(Status.CONFIRMED, None)}
    assert states(not_there[-len(not_told) :]) == BLIND

    simulator.faults("commit_then_reset", match=POST, count=len(kinds))
    lost = ids([request(10 + number, kind) for number, kind in enumerate(kinds)])
    ends = at_rest(lost)

    assert states(ends[: len(given_back)]) == {(Status.CONFIRMED, None)}
    assert states(ends[len(given_back) :]) == BLIND
    assert Counter(booked().values()) == {1: 2 * len(kinds) - len(not_told)}


def organizer(simulator: Any, reference: str) -> str:
    """Name the host who has a booking at Cal.com."""
    [booking] = simulator.bookings(reference)
    return str(booking["allHosts"][0])


def soon(number: int) -> datetime:
    """Return a start within the two days in which a host must confirm."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=12, minutes=30 * number)
