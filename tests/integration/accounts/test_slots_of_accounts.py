"""The free times of an account are read by its own key, and take a fifth of its own limit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from db.accounts import Account
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.slots import free
from tasks.slots.free import SlotsQuestion
from tests.integration.accounts.conftest import OTHERS, SLOW, THEIRS, add, asked
from worker.local.embedded.postgres import Postgres

BEGIN = datetime(2030, 3, 4, tzinfo=UTC)
SECONDS = 30.0  # a net


def known(account: Account | None, day: int) -> bool:
    """Return whether the free times of a day are known, asked of an account (None: `default`)."""
    begin = BEGIN + timedelta(days=day)
    whose = () if account is None else (account.id, account.name)
    question = SlotsQuestion(101, begin, begin + timedelta(days=1), *whose)
    return free.asked(question).result(SECONDS) is not None


def test_an_account_is_asked_by_its_own_key(salon: Account, keys: Callable[[], list[str]]) -> None:
    """The same question of two accounts is two; while an account is paused, nothing is known of it."""
    assert [known(salon, 0), known(None, 0)] == [True, True]
    assert keys() == [THEIRS, "cal_test_owner"]

    for paused in (salon.name, "default"):
        operations.pause(dependencies.current(), paused, asked())
    assert (known(salon, 1), known(None, 1), keys()) == (False, False, [])


def test_without_postgres_nothing_is_known(salon: Account, keys: Callable[[], list[str]], postgres: Postgres) -> None:
    """No row says whether the account may be called for."""
    postgres.kill()
    assert (known(salon, 0), known(None, 0), keys()) == (False, False, [])


def test_an_accounts_readings_take_a_fifth_of_its_own_limit(
    fleet_of: Callable[..., dict[str, str]], keys: Callable[[], list[str]]
) -> None:
    """Of 600 calls a minute thirty at once, where 120 would have six; of seven one."""
    fleet_of()
    fast, slow = add(calls_per_minute=600), add("salon-8", OTHERS, calls_per_minute=SLOW)
    keys()  # whose key it is was asked
    assert [known(fast, day) for day in range(10)] == [True] * 10
    assert [known(slow, day) for day in range(3)] == [True, False, False]
    assert keys() == [THEIRS] * 10 + [OTHERS]
