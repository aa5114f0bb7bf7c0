"""The release window where Cal.com is slow for one account: its items take no place from others for long."""

from collections.abc import Sequence

import redis

from resilience.circuit_breaker.types import Permit
from tests.integration.breaker.accounts.test_accounts import BAD, GOOD, Accounts, accounts_of
from tests.support.breakers import CREATE, T0

SLOW, OTHERS = 1, range(2, 21)


def let_go(accounts: Accounts, which: int, wanted: Sequence[str] = ("first", "second", "third")) -> list[Permit]:
    """Release what an account may have under way, and send it."""
    items = [f"{item} of {which} at {accounts.at}" for item in wanted]
    at, account = T0 + accounts.at, accounts.account(which)
    released = accounts.breaker.held_work.release(CREATE, items, account=account, now=at).items
    permits = [
        accounts.breaker.acquire(CREATE, owner=item, item=item, account=account, now=at) for item in released
    ]  # fmt: skip
    assert all(isinstance(permit, Permit) for permit in permits)
    return [permit for permit in permits if isinstance(permit, Permit)]


def under_way(redis_url: str) -> int:
    """Return how many items have a place."""
    with redis.Redis.from_url(redis_url) as client:
        return int(client.zcard("{calcom}:sending")) + int(client.zcard("{calcom}:released"))  # type: ignore[arg-type]


def stuck(redis_url: str, at: float = 3.0) -> Accounts:
    """Have one account's call fill the window, for so many seconds."""
    accounts = accounts_of(redis_url)
    assert len(let_go(accounts, SLOW)) == 1
    accounts.at = at
    return accounts


def test_a_slow_call_holds_another_account_for_three_seconds(redis_url: str) -> None:
    """Then one item more goes, of an account that has none under way; its success shows whose slowness it is."""
    accounts = stuck(redis_url, 2.999)
    assert not let_go(accounts, 2)

    accounts.at = 3.0
    permits = let_go(accounts, 2)
    assert len(permits) == 1
    accounts.end(permits[0], GOOD)

    assert len(let_go(accounts, 2)) == 2, "the window has grown to two, and what was overtaken takes no place"
    assert len(let_go(accounts, SLOW)) == 0, "its own items count for it, and those of the other, which are fresh"


def test_a_slow_account_stays_within_the_window(redis_url: str) -> None:
    """However often others overtake it: the window is two, and both places are its own."""
    accounts = stuck(redis_url)
    accounts.end(let_go(accounts, 2)[0], GOOD)
    assert len(let_go(accounts, SLOW)) == 1

    accounts.at = 6.5
    accounts.end(let_go(accounts, 2)[0], GOOD)
    assert len(let_go(accounts, SLOW, "abcdefgh")) == 1, "of three places two are its own"
    assert len(let_go(accounts, 2, "abcdefgh")) == 2, "only the one that it has just begun counts"


def test_where_all_are_slow_one_item_more_is_under_way(redis_url: str) -> None:
    """However long it lasts, and however many accounts are in line."""
    accounts, most = stuck(redis_url, 0), 0
    for second in range(1, 20):
        accounts.at = float(second)
        for which in OTHERS:
            let_go(accounts, which)
        most = max(most, under_way(redis_url))

    assert most == 2


def test_after_an_outage_the_window_is_that_of_one_account(redis_url: str) -> None:
    """A thousand accounts come back, and calls take a second: as many are under way as successes have earned."""
    accounts = accounts_of(redis_url, 1000)
    going: list[Permit] = []
    which, seen = 1, []
    for second in range(5):
        accounts.at = float(second)
        for permit in going:
            accounts.end(permit, GOOD)
        going = []
        for _ in range(100):  # in turn, as the release goes through them
            which += 1
            going += let_go(accounts, which, ("first",))
        seen.append(under_way(redis_url))

    assert seen == [1, 2, 4, 8, 16]


def test_failures_overtake_nothing(redis_url: str) -> None:
    """They do not show that Cal.com is quick for others."""
    accounts = stuck(redis_url)
    accounts.end(let_go(accounts, 2)[0], BAD, "http_500")

    assert len(let_go(accounts, 3)) == 1, "one may find it out"
    assert not let_go(accounts, 4)


def test_what_a_worker_of_before_sends_counts_for_all(redis_url: str) -> None:
    """Its scripts write no account."""
    accounts = stuck(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.delete("{calcom}:senders")

    assert not let_go(accounts, 2)


def test_what_a_worker_of_before_leaves_behind_counts_for_nobody(redis_url: str) -> None:
    """Its scripts free the places of lapsed items, and not the names of their accounts."""
    accounts = stuck(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.hset("{calcom}:senders", "an item that has lapsed", "2")

    assert len(let_go(accounts, 2)) == 1
