"""The accounts that an audit is about, each asked for with its own key; one that cannot be asked stops no other."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from tasks.accounts.callers import DEFAULT
from tasks.audit.calls import AuditCalls, AuditHalted
from worker.cli.named import named_account
from worker.console import screen

Halted = Mapping[str, str]
"""Why an account could not be asked, by its name."""
_SHOWN = 20  # accounts


def audited(conn: Connection, name: str | None, having: Callable[[Connection], list[int]]) -> dict[int, str]:
    """Return number and name of the accounts to audit: of the one that is named, or of those `having` such bookings.

    Raises:
        Stop: No account has that name.
    """
    if name is not None:
        return {named_account(conn, name).id: name}
    numbers = having(conn)
    if numbers == [DEFAULT_ACCOUNT]:
        return {DEFAULT_ACCOUNT: DEFAULT}
    names = {one.id: one.name for one in accounts.listed(conn)}
    return {number: names[number] for number in numbers}


def each(calls: AuditCalls, meant: Mapping[int, str], audit: Callable[[str], object]) -> Halted:
    """Audit each account with its own key; return those that could not be asked.

    Raises:
        AuditHalted: None of them could be asked.
    """
    halted: dict[str, str] = {}
    for number, name in meant.items():
        try:
            calls.use(number)
            audit(name)
        except AuditHalted as why:
            halted[name] = str(why)
            if len(halted) == len(meant):
                raise
    return halted


def note(halted: Halted) -> None:
    """Name the accounts that could not be asked."""
    for name, why in list(halted.items())[:_SHOWN]:
        screen.note(f"{name} could not be asked: {why}")
    if len(halted) > _SHOWN:
        screen.note(f"and {len(halted) - _SHOWN:,} further accounts")
