"""Accounts beside `default`, as `booking accounts add` writes them."""

from itertools import count

from sqlalchemy import Engine, insert, update

from db.models.accounts import AccountState, calcom_accounts

_NUMBERS = count(1)


def make_account(engine: Engine, state: AccountState = AccountState.ACTIVE) -> tuple[int, str]:
    """Write an account that nothing can open; return its number and its name."""
    name = f"shop-{next(_NUMBERS)}"
    written = insert(calcom_accounts).values(
        name=name,
        service="c-other",
        base_url="https://cal.example.com",
        encrypted_key=None if state is AccountState.CLOSED else "opens nothing",
        key_fingerprint=f"of {name}",
        state=state,
    )
    with engine.begin() as conn:
        number: int = conn.execute(written.returning(calcom_accounts.c.id)).scalar_one()
    return number, name


def close_account(engine: Engine, number: int) -> None:
    """Close an account past the door, whatever is open of it, as a release of before did."""
    shut = update(calcom_accounts).where(calcom_accounts.c.id == number)
    with engine.begin() as conn:
        conn.execute(shut.values(state=AccountState.CLOSED, encrypted_key=None))
