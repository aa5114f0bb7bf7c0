"""The texts of incidents that name accounts: what stops some of several, and not the others."""

from collections.abc import Mapping
from types import MappingProxyType

from db.monitoring.incidents import IncidentKind
from tasks.accounts.remedies import new_key, tried_again
from tasks.incidents.template import KEPT, LATER, SLOWER, Template

_TEMPLATES = {
    IncidentKind.ACCOUNT_REFUSED: Template(
        "Cal.com refuses the API keys of {number}: {accounts}",
        "Cal.com refused the API keys of accounts",
        LATER,
        f"store a valid key of each: {new_key('{account}')}; each is tried again by itself, {tried_again('NAME')}, and"
        " all other accounts go on",
    ),
    IncidentKind.ACCOUNT_MISLED: Template(
        "The calls of {number} reach no API of Cal.com, or the key lacks a right: {accounts}",
        "The calls of accounts reached no API of Cal.com, or a key lacked a right",
        LATER,
        "`booking accounts check` says what answers instead of Cal.com, or which right the key lacks; each is tried"
        f" again by itself, {tried_again('NAME')}, and all other accounts go on",
    ),
    IncidentKind.ACCOUNT_FAILING: Template(
        "The own breakers of {number} are not closed: {accounts}",
        "The own breakers of accounts were not closed",
        KEPT,
        "look at their event types, and at the webhook receivers that Cal.com waits for; their bookings go by"
        " themselves, in order, when their calls succeed again",
    ),
    IncidentKind.KEY_UNREADABLE: Template(
        "The API keys of {number} cannot be decrypted: {accounts}",
        "The API keys of accounts could not be decrypted",
        LATER,
        "give all workers the ACCOUNT_ENCRYPTION_KEYS that encrypted them (`booking accounts check`), or store each key"
        " again: `booking accounts rotate`",
    ),
    IncidentKind.ACCOUNT_CLOSED: Template(
        "Bookings or changes of {number}, closed by now, are held: {accounts}",
        "Bookings or changes of closed accounts were held",
        LATER,
        "nothing can send them: `booking accounts close {account} --yes` ends cancels and moves, `booking cancel ID`"
        " ends a booking that was never sent, and with --not-booked one that you have looked for at Cal.com",
    ),
}
OF_ACCOUNTS: Mapping[IncidentKind, Template] = MappingProxyType(_TEMPLATES)
THROTTLED_ACCOUNTS = Template(
    "The rate limits of {number} keep bookings waiting: {accounts}",
    "The rate limits of accounts kept bookings waiting",
    SLOWER,
    "nothing: bookings go at each limit's pace. If this comes often, ask Cal.com for more, and raise the account's"
    " limit: `booking accounts set`",
)
"""Of the kind `throttled`, where there are several accounts."""
