"""The login that sees one account alone: an API key of the account with the scope `report`, as a password."""

from base64 import b64decode

from db.api_keys import keys
from db.api_keys.key_text import hash_of, is_key
from db.api_keys.keys import Scope
from tasks.accounts.callers import DEFAULT
from tasks.dependencies import Dependencies
from worker.page.reading import readers


async def is_own_login(authorization: str, account: str) -> bool:
    """Return whether a basic login's password is a key in force of this account that may see its report.

    Raises:
        HTTPError: 503, with a sentence: Postgres does not answer, or all threads are busy.
    """
    key = _password(authorization)
    if not is_key(key):
        return False
    return await readers().run(lambda deps: _may_see(deps, hash_of(key), account))


def _password(header: str) -> str:
    kind, _, credentials = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(credentials).decode().partition(":")[2]
    except ValueError:  # also of text that is none
        return ""


def _may_see(deps: Dependencies, key_hash: bytes, account: str) -> bool:
    with deps.autocommit.connect() as conn:
        key = keys.by_hash(conn, key_hash)
    return key is not None and Scope.REPORT in key.scopes and (key.account or DEFAULT) == account
