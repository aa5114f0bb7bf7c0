"""What operators do with accounts: refused with a reason, or done, recorded, and known to each worker's next claim."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from db import accounts
from db.accounts import Account
from db.models.accounts import AccountState
from resilience.circuit_breaker.account import ENOUGH
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.operations import accounts as operations
from tasks.operations.accounts import closing
from tasks.operations.accounts.closing import Closing, NotClosedError
from tasks.operations.accounts.refusals import AccountRefusedError
from tests.integration.accounts.conftest import NEXT, OTHERS, THEIRS, add, asked
from tests.support.fleet import request
from tests.support.stepping import accept, carry, write
from worker.wiring import build


def known(name: str) -> Account:
    """Read an account."""
    with dependencies.current().autocommit.connect() as conn:
        return accounts.named(conn, name)


def recorded() -> list[tuple[str, dict[str, int]]]:
    """Return what the actions' record has."""
    with dependencies.current().engine.connect() as conn:
        return [tuple(row) for row in conn.execute(text("SELECT action, outcomes FROM operator_actions ORDER BY id"))]


def test_an_added_account_has_its_key_encrypted_and_its_user(salon: Account) -> None:
    """Cal.com was asked whose key it is; `default` is no longer alone, and each worker's next claim hears of it."""
    own = known("default")

    assert (salon.user_id, salon.state, salon.service) == (110, AccountState.ACTIVE, "calcom")
    assert THEIRS not in str(salon.encrypted_key)
    assert [(one.alone, one.neighbours) for one in (salon, own)] == [(False, 2), (False, 2)]
    assert own.version == 2
    assert recorded() == [("test", {"added": 1})]


def test_one_more_account_is_counted_while_it_matters_to_the_others(salon: Account) -> None:
    """Failures of three accounts open the breaker for all: the fourth one's row is the only one that is written."""
    assert accounts.MOST_NEIGHBOURS == ENOUGH
    add("salon-8", OTHERS, first=False)
    before = {name: known(name) for name in ("default", salon.name, "salon-8")}

    fourth = add("salon-9", "cal_test_host12", first=False)

    assert [one.neighbours for one in (*before.values(), fourth)] == [ENOUGH] * 4
    assert {name: known(name) for name in before} == before


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"name": "Salon 7"}, "must be a name of a-z"),
        ({"name": "salon-7"}, "there is an account salon-7 already"),
        ({"name": "default"}, "there is an account default already"),
        ({"calls_per_minute": 6}, "from 7 to 60,000"),
        ({"calls_per_minute": 60_001}, "from 7 to 60,000"),
        ({"key": THEIRS}, "this is the key of salon-7"),
        ({"key": "cal_test_owner"}, "this is the key of `default`"),
        ({"key": "cal_test_nobody"}, "Cal.com does not say whose key it is"),
        ({"key": "cal_test ü"}, "a character that no key has"),
        ({"base_url": "ftp://cal.example.com"}, "not an http"),
    ],
)
@pytest.mark.usefixtures("salon")
def test_what_cannot_be_an_account_is_refused(more: dict[str, Any], why: str) -> None:
    """With a reason that names no key, and nothing is stored; a refused key is not that of `default` to the breaker."""
    wanted = {"name": "salon-8", "key": OTHERS, **more}

    with pytest.raises(AccountRefusedError, match=why) as refused:
        add(**wanted, first=False)

    assert str(wanted["key"]) not in str(refused.value)
    with dependencies.current().autocommit.connect() as conn:
        assert len(accounts.listed(conn)) == 2
    assert dependencies.current().breaker.get_status().blocked_keys == ()


def test_the_first_account_wants_a_word_that_nothing_older_is_left(fleet_of: Callable[..., Any]) -> None:
    """Callers and workers of before know of no account."""
    fleet_of()

    with pytest.raises(AccountRefusedError, match="add --yes"):
        add(first=False)
    add(first=True)
    add("salon-8", OTHERS, first=False)


def test_no_key_is_stored_without_an_encryption_key(fleet_of: Callable[..., Any], simulator: Any) -> None:
    """And Cal.com is not asked."""
    fleet_of(ACCOUNT_ENCRYPTION_KEYS="")

    with pytest.raises(AccountRefusedError, match="ACCOUNT_ENCRYPTION_KEYS is not set"):
        add()
    assert simulator.journal() == []


@pytest.mark.usefixtures("salon")
def test_a_key_is_rotated_for_the_same_user() -> None:
    """To another one's only where the operator says so."""
    deps = dependencies.current()

    same = operations.rotate(deps, "salon-7", SecretStr(NEXT), asked())
    with pytest.raises(AccountRefusedError, match="--other-user"):
        operations.rotate(deps, "salon-7", SecretStr(OTHERS), asked())
    other = operations.rotate(deps, "salon-7", SecretStr(OTHERS), asked(), other_user=True)

    assert [one.user_id for one in (same, other)] == [110, 111]
    assert len({one.key_fingerprint for one in (same, other)}) == 2
    with pytest.raises(AccountRefusedError, match="CALCOM_API_KEY"):
        operations.rotate(deps, "default", SecretStr(OTHERS), asked())


def test_an_account_closes_when_none_of_its_bookings_lives(salon: Account) -> None:
    """For good: its key is wiped, and nothing is kept or called for it any more."""
    deps = dependencies.current()
    [living] = accept(request(1, account=salon.name))

    for yes in (False, True):
        with pytest.raises(NotClosedError, match="1 booking of it has not ended") as refused:
            closing.close(deps, salon.name, asked(), yes=yes)
        assert refused.value.found == Closing(bookings=1, changes=0, to_come=0)
    carry(living)
    write(living, start_at=text("now() - interval '1 hour'"))
    closing.close(deps, salon.name, asked())

    closed = known(salon.name)
    assert (closed.state, closed.encrypted_key) == (AccountState.CLOSED, None)
    assert [known("default").alone, known("default").neighbours] == [True, 1]
    with pytest.raises(NoAccess):
        deps.for_account(salon.id)
    for change in (operations.pause, operations.resume, closing.close):
        with pytest.raises(AccountRefusedError, match="closed, for good"):
            change(deps, salon.name, asked())
    with pytest.raises(AccountRefusedError, match="CALCOM_API_KEY"):
        closing.close(deps, "default", asked())
    add("salon-8", THEIRS)  # its key is free for another account


def test_keys_are_encrypted_again_before_an_old_encryption_key_goes(
    salon: Account, fleet_of: Callable[..., Any], encryption: str
) -> None:
    """With both, then with the new one alone; without the new one it is told who is lost."""
    new = Fernet.generate_key().decode()
    fleet_of(ACCOUNT_ENCRYPTION_KEYS=f"{new} {encryption}")
    dependencies.fill(build)
    assert operations.reencrypt(dependencies.current(), asked()) == (1, [])

    fleet_of(ACCOUNT_ENCRYPTION_KEYS=new)
    dependencies.fill(build)
    assert dependencies.current().for_account(salon.id).calcom.key_fingerprint == salon.key_fingerprint
    assert known(salon.name).version == salon.version

    fleet_of(ACCOUNT_ENCRYPTION_KEYS=encryption)
    dependencies.fill(build)
    assert operations.reencrypt(dependencies.current(), asked()) == (0, ["salon-7"])


def test_a_key_in_another_accounts_row_opens_nothing(salon: Account) -> None:
    """A writer of the table cannot book with somebody's key."""
    deps = dependencies.current()
    other = add("salon-8", OTHERS)
    with deps.engine.begin() as conn:
        conn.execute(
            text("UPDATE calcom_accounts SET encrypted_key = :key, version = version + 1 WHERE id = :id"),
            {"key": salon.encrypted_key, "id": other.id},
        )

    with pytest.raises(NoAccess, match="another row"):
        deps.for_account(other.id)


def test_no_key_is_in_a_repr_an_error_or_the_database(salon: Account) -> None:
    """Neither of the account, the client, the door and the settings, nor in any column of any table."""
    deps = dependencies.current()
    client = deps.for_account(salon.id).calcom
    carry(accept(request(1, account=salon.name))[0])
    told = [repr(one) for one in (salon, client, deps.door, deps.door.cipher)]
    with deps.engine.connect() as conn:
        tables = (
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace)"
        )
        for table in conn.execute(text(tables)).scalars():
            told += map(str, conn.execute(text(f'SELECT * FROM "{table}"')).all())  # noqa: S608 - our own tables

    assert THEIRS not in "".join(told)
