"""Sentences of tasks/overview/ranking/accounts.py and services.py, and the page's table of accounts."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from tests.truth.claims.clauses import CALL, HEAD, IF, NOTHING
from tests.truth.claims.grammar import Check, Part, Pattern

_WHY = (
    r"(?:its key cannot be decrypted|Cal\.com refuses its key|its calls reach no API of Cal\.com"
    r"|it is paused by an operator|its own breaker is not closed|its limit is reached"
    r"|it is closed, with bookings or changes held)(?: since M)?"
)
_WHAT = rf"{_WHY}(?:, N waits?)?"
_FIRST = rf"{_WHY}(?:, (waits:N) waits?)?"
_NAME = "[a-z0-9][a-z0-9-]*"
_OF_SERVICE = (
    r"(?:it is down|it is being tried|an operator holds all back"
    r"|its breaker is closed, and what is held goes in order)(?: for [\w.]+)?(?: since M)?(?: \(.+?\))?"
    r"(?:, N waits?)?"
)
_HOST = r"[a-z0-9][a-z0-9.:/-]*"


def _some_at_risk(part: Part) -> bool:
    """Check that so many bookings are at risk, of these accounts and others."""
    return part.lately.recorded(lambda record: record.at_risk() >= part.number)


def _first_of_some(part: Part) -> bool:
    """Check that a held booking starts then; HOLD_LEAD is 0 in this deployment."""
    return bool(part.lately.met(lambda record: (row["start_at"] for row in record.rows.values()), part.at))


LATE: Mapping[str, Check] = MappingProxyType({"risk": _some_at_risk, "first": _first_of_some})


def _has_name(part: Part) -> bool | None:
    """Check that there is an account of this name."""
    return part.lately.recorded(lambda record: part.words in record.accounts)


def _first_waits(part: Part) -> bool | None:
    """Check how many bookings of the first account that a sentence names wait."""
    found = re.search(rf"(?:you|held up): ({_NAME}): ", part.seen.told.text)
    name = found[1] if found else ""
    return part.lately.counted(lambda record: record.accounts.get(name, 0), part.number, at_least=part.at_least)


def _waiting(part: Part) -> bool | None:
    """Check how many bookings of the row's account wait."""
    name = part.seen.told.text.partition(" | ")[0]
    return part.lately.counted(lambda record: record.accounts.get(name, 0), part.number, at_least=part.at_least)


ACCOUNTS = (
    Pattern(
        HEAD,
        rf"N accounts? (?:needs?) you: (name:{_NAME}): {_FIRST}(?:; .+)?\.",
        {"name": _has_name, "waits": _first_waits},
    ),
    Pattern(
        NOTHING,
        IF + r"their bookings wait, and each ends with its slot(?:; what a closed one holds, nothing sends)?; "
        r"all other accounts go on\. What to do: .+\.",
        {},
    ),
    Pattern(
        HEAD,
        rf"N accounts? (?:is|are) held up: (name:{_NAME}): {_FIRST}(?:; .+)?\.",
        {"name": _has_name, "waits": _first_waits},
    ),
    Pattern(
        NOTHING,
        IF
        + r"they go by themselves, in order, a paused one after `?booking accounts resume`?; all other accounts go on"
        + CALL
        + r"\.",
        LATE,
    ),
    Pattern(HEAD, rf"N other Cal\.coms? (?:is|are) held up: {_HOST}: {_OF_SERVICE}(?:; .+)?\.", {}),
    Pattern(
        HEAD,
        rf"N other Cal\.coms? (?:is|are) failing: {_HOST}: N % of N calls? fail(?: since M)?(?:; .+)?\.",
        {},
    ),
    Pattern(
        NOTHING,
        IF + rf"they go by themselves, in order(?:, when it is back)?; what is for others goes on{CALL}\.",
        LATE,
    ),
    Pattern(
        NOTHING,
        IF + rf"nothing goes there until the override is ended \(`?booking breaker auto --service {_HOST}`?\){CALL}\.",
        LATE,
    ),
    Pattern(("account",), rf"Cal\.com at {_HOST} \| N \| {_OF_SERVICE}", {}),
    Pattern(("account",), rf"(name:{_NAME}) \| (waiting:N) \| {_WHAT}", {"name": _has_name, "waiting": _waiting}),
)
