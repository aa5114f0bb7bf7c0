"""What is done with no account, or with that of the settings not."""

from sqlalchemy import Connection

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.accounts import Account

_SETTINGS = "`default` is CALCOM_API_KEY and CALCOM_BASE_URL: change the settings, and restart the workers"


class AccountRefusedError(Exception):
    """Report why nothing was done; the text is for the operator and names no key."""


class AskedTooOftenError(AccountRefusedError):
    """Report that the rate limit lets Cal.com be asked `after` so many seconds."""

    def __init__(self, text: str, after: float) -> None:
        super().__init__(text)
        self.after = after


def named(conn: Connection, name: str, *, lock: bool = False) -> Account:
    """Read an account by its name; `lock`: it stays as it is until the transaction ends.

    Raises:
        AccountRefusedError: There is none.
    """
    try:
        return accounts.named(conn, name, lock=lock)
    except accounts.NoSuchAccountError as error:
        raise AccountRefusedError(str(error)) from None


def refuse_settings(account: Account) -> None:
    """Refuse the account of the settings.

    Raises:
        AccountRefusedError: It is that.
    """
    if account.id == DEFAULT_ACCOUNT:
        raise AccountRefusedError(_SETTINGS)
