"""What a person does about an account, and when it is tried again: in the same words wherever it is told.

An account is named where there are several; None: `default` is the only one.
"""

from types import MappingProxyType

from db.account_troubles import DEFAULT, AccountTrouble

WHAT_STOPS = MappingProxyType(
    {
        AccountTrouble.CLOSED: "it is closed, with bookings or changes held",
        AccountTrouble.UNREADABLE: "its key cannot be decrypted",
        AccountTrouble.REFUSED: "Cal.com refuses its key",
        AccountTrouble.CONFIGURATION: "its calls reach no API of Cal.com",
        AccountTrouble.PAUSED: "it is paused by an operator",
        AccountTrouble.BREAKER: "its own breaker is not closed",
        AccountTrouble.THROTTLED: "its limit is reached",
    }
)
"""What stops an account and no other."""


def key_of(account: str | None) -> str:
    """Return whose key it is."""
    return "our key" if account is None else f"the key of {account}"


def tried_again(account: str | None) -> str:
    """Return when Cal.com is asked whether it takes a key, or answers at an address, again (blocks.lua)."""
    return "each minute" if account is None else "at longer and longer intervals up to an hour"


def new_key(account: str | None) -> str:
    """Return what gives an account another key."""
    if account in {None, DEFAULT}:
        return "set a valid CALCOM_API_KEY and restart the workers"
    return f"`booking accounts rotate {account}`"


def remedy(trouble: AccountTrouble, account: str) -> str:
    """Return what a person does about a trouble of FOR_A_PERSON, or about a pause."""
    match trouble:
        case AccountTrouble.CLOSED:
            return f"`booking accounts close {account} --yes`"
        case AccountTrouble.UNREADABLE:
            return f"give the workers its ACCOUNT_ENCRYPTION_KEYS, or {new_key(account)}"
        case AccountTrouble.PAUSED:
            return f"`booking accounts resume {account}`"
        case AccountTrouble.REFUSED:
            return new_key(account)
        case _:
            return "`booking accounts check`"
