"""Turns of many accounts: none is more than two ahead of another, however long its line is, in whichever process."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from sqlalchemy import text, update

from db.models.accounts import calcom_accounts
from tasks import dependencies
from tasks.maintenance.turns import ReleaseTurns
from tests.integration.accounts.test_lines import ask, hold, open_window
from tests.support.accounts.making import make_account

ACCOUNTS, EACH, LONGEST = 12, 6, 80
RELEASERS = 3


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

    @property
    def ahead(self) -> int:
        """Return by how much one is ahead of another that waits still."""
        return max(self.went.values()) - min(self.went[account] for account in self.left)


@pytest.fixture
def lines(settings: object, redis_url: str) -> Lines:
    """Have many short lines and a long one."""
    settings()  # type: ignore[operator]
    return Lines(redis_url, [LONGEST, *[EACH] * ACCOUNTS])


@pytest.mark.parametrize("places", [5, 8])
def test_no_account_is_more_than_two_ahead_with_three_releasers_at_once(lines: Lines, places: int) -> None:
    """After each round, until the short lines are empty."""
    releasers = [ReleaseTurns() for _ in range(RELEASERS)]
    ahead = []

    while len(lines.left) > 1:
        assert lines.round(releasers, places), "nothing went"
        ahead.append(lines.ahead if lines.left else 0)

    assert max(ahead) <= 2


def test_releasers_take_their_turns_together(lines: Lines) -> None:
    """Each goes on behind the account that any of them let go last: else the first accounts have three turns."""
    for turns in [ReleaseTurns() for _ in range(RELEASERS)]:
        lines.round([turns], 4)

    assert lines.went == dict.fromkeys(sorted(lines.left)[:12], 1)


def test_what_is_left_over_of_a_round_is_the_next_ones(lines: Lines) -> None:
    """With more places than accounts: those that had two had them once."""
    turns = ReleaseTurns()

    for _ in range(3):
        lines.round([turns], ACCOUNTS + 1 + 4)

    assert max(lines.went.values()) - min(lines.went.values()) <= 1


def test_a_lone_line_has_the_whole_window(settings: object, redis_url: str) -> None:
    """Nobody else waits."""
    settings()  # type: ignore[operator]
    lines = Lines(redis_url, [40])

    assert lines.round([ReleaseTurns()], 12) == 12
