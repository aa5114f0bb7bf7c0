"""Turns of many accounts: none is more than two ahead of another, however long its line is, in whichever process."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
import redis
from sqlalchemy import text, update

from db.models.accounts import calcom_accounts
from tasks import dependencies
from tasks.maintenance.turns import ReleaseTurns
from tests.integration.accounts.test_lines import ask, hold, open_window
from tests.sizes import Counted, sizes
from tests.support.accounts.making import make_account
from tests.support.fleet import eventually

RELEASERS, MOST = 3, 2  # by how much one account may be ahead of another


class Company(NamedTuple):
    """Hold how many accounts have a short line, how long it is, how long that of one more is; and the window."""

    accounts: int
    each: int
    longest: int
    places: int


SHORT = Company(12, 6, 80, 5)


class Lines:
    """Accounts with a short line each, and one with a long one."""

    def __init__(self, redis_url: str, lengths: Sequence[int]) -> None:
        self.redis_url = redis_url
        self.left: Counter[int] = Counter()
        self.went: Counter[int] = Counter()
        engine = dependencies.current().engine
        first = 0
        for length in lengths:
            number, name = make_account(engine)
            with engine.begin() as conn:
                conn.execute(update(calcom_accounts).values(alone=False, service="calcom"))
            hold(ask(range(first, first + length), name))
            first += length
            self.left[number] = length

    def round(self, release: Sequence[ReleaseTurns], places: int) -> int:
        """Release with so many places, all at once, and have done what went; return how much that was."""
        open_window(self.redis_url, places)
        begin = threading.Barrier(len(release))

        def run(turns: ReleaseTurns) -> None:
            begin.wait()
            turns.release(dependencies.current())

        with ThreadPoolExecutor(len(release)) as pool:
            list(pool.map(run, release))
        return self._end()

    def _end(self) -> int:
        done = "UPDATE appointments SET status = 'cancelled' WHERE status = 'pending' RETURNING account_id"
        with dependencies.current().engine.begin() as conn:
            went = Counter(conn.execute(text(done)).scalars())
        with redis.Redis.from_url(self.redis_url) as client:
            client.delete("{calcom}:released", "bookings")
        self.went += went
        self.left -= went
        return went.total()


def company(redis_url: str, size: Company) -> Lines:
    """Have many short lines and a long one."""
    return Lines(redis_url, [size.longest, *[size.each] * size.accounts])


def ahead(went: Mapping[int, int], left: Mapping[int, int]) -> int:
    """Return by how much an account is ahead of another that waits still, of `went` and `left` by account."""
    return max(went.values()) - min(went.get(account, 0) for account in left) if left else 0


@pytest.fixture
def lines(settings: object, redis_url: str) -> Lines:
    """Have twelve short lines and a long one."""
    settings()  # type: ignore[operator]
    return company(redis_url, SHORT)


@sizes(SHORT, SHORT._replace(places=8), many=Company(1_000, 20, 20_000, 64))
def test_no_account_is_more_than_two_ahead_with_three_releasers_at_once(
    settings: object, redis_url: str, size: Company, counted: Counted
) -> None:
    """After each round, until the short lines are empty; then the long one has the whole window."""
    settings()  # type: ignore[operator]
    lines, releasers = company(redis_url, size), [ReleaseTurns() for _ in range(RELEASERS)]
    seen = Counter[int]()

    while len(lines.left) > 1:
        assert lines.round(releasers, size.places), "nothing went"
        seen[ahead(lines.went, lines.left)] += 1

    counted("rounds", seen.total())
    counted("ahead at most", max(seen))
    assert max(seen) <= MOST
    open_window(redis_url, size.places)
    [last] = lines.left
    under_way = Counter({last: 0})

    def fill() -> bool:  # sixteen messages go at once, and then one a millisecond
        under_way[last] += releasers[0].release(dependencies.current())
        return under_way[last] >= size.places

    eventually(fill, what="the window is full")
    assert under_way[last] == size.places


@pytest.mark.parametrize(
    ("went", "left", "by"),
    [({1: 3, 2: 1}, {1: 9, 2: 9}, 2), ({1: 3}, {1: 9, 2: 9}, 3), ({1: 9, 2: 1}, {1: 9}, 0), ({1: 9}, {}, 0)],
)
def test_who_is_ahead_is_found(went: Mapping[int, int], left: Mapping[int, int], by: int) -> None:
    """Also of an account that had no turn yet; not of one whose line is empty."""
    assert ahead(went, left) == by


def test_releasers_take_their_turns_together(lines: Lines) -> None:
    """Each goes on behind the account that any of them let go last: else the first accounts have three turns."""
    for turns in [ReleaseTurns() for _ in range(RELEASERS)]:
        lines.round([turns], 4)

    assert lines.went == dict.fromkeys(sorted(lines.left)[:12], 1)


def test_what_is_left_over_of_a_round_is_the_next_ones(lines: Lines) -> None:
    """With more places than accounts: those that had two had them once."""
    turns = ReleaseTurns()

    for _ in range(3):
        lines.round([turns], SHORT.accounts + 1 + 4)

    assert max(lines.went.values()) - min(lines.went.values()) <= 1


def test_a_lone_line_has_the_whole_window(settings: object, redis_url: str) -> None:
    """Nobody else waits."""
    settings()  # type: ignore[operator]
    lines = Lines(redis_url, [40])

    assert lines.round([ReleaseTurns()], 12) == 12
