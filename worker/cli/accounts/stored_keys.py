"""`booking accounts check`: try what is stored for each account, its key and its agents' secrets."""

from functools import partial

from db import accounts
from db.accounts import Account
from db.api_keys import voice_secrets
from db.models.accounts import AccountState
from tasks.accounts.door import NoAccess
from tasks.callers.voice_secrets import unreadable_secrets
from tasks.dependencies import Dependencies
from tasks.words import plural
from worker.cli.check.calcom import check_accounts
from worker.cli.check.calls import audit_calls
from worker.cli.session import ready
from worker.console import screen


def check(*, json: bool) -> bool:
    """Try to decrypt each key and each secret of agents, and ask Cal.com with each key; return whether all is well."""
    deps = ready()
    with deps.autocommit.connect() as conn:
        known = [one for one in accounts.listed(conn) if one.state is not AccountState.CLOSED]
        secrets = voice_secrets.listed(conn)
    unreadable = {one.name: why for one in known if (why := _unreadable(deps, one))}
    shut = unreadable_secrets(secrets)
    readable = [one for one in known if one.name not in unreadable]
    checked = check_accounts(deps, readable, partial(audit_calls, deps))
    wrong = unreadable | {account.name: said for account, ok, said in checked if not ok}
    if json:
        counts = {"accounts": len(known), "secrets": len(secrets)}
        screen.as_json({**counts, "unreadable": unreadable | shut, "wrong": wrong | shut})
        return not wrong | shut
    for name, why in (wrong | shut).items():
        screen.say(f"{name}: {why}")
    screen.say(f"{plural(len(known) - len(wrong), 'key')} of {len(known):,} can be used")
    if secrets:
        screen.say(f"{plural(len(secrets) - len(shut), 'secret')} of agents of {len(secrets):,} can be used")
    return not wrong | shut


def _unreadable(deps: Dependencies, account: Account) -> str | None:
    try:
        deps.door.client_of(account)
    except NoAccess as shut:
        return shut.why
    return None
