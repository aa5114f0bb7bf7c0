"""How seldom the breaker opens for all on a bad day of several accounts: the table of docs/breaker.md.

How seldom is exact: a chain of the accounts of the last failures, each step of which was seen in the scripts.
"""

import random
import re
from fractions import Fraction
from pathlib import Path

import pytest

from resilience.circuit_breaker.types import State
from tests.integration.breaker.accounts.test_accounts import BAD, GOOD, Accounts, accounts_of
from tests.support.breakers import wipe

BREAKER = Path(__file__).parents[4] / "docs" / "breaker.md"
PERCENT = (5, 10, 20, 50, 80, 100)
Row = tuple[int, ...]
"""The accounts of the last failures in a row, numbered as they come: nothing else matters of who they are."""


def opens(row: Row, accounts: int) -> bool:
    """Return whether the rule opens the breaker for all after these failures in a row."""
    return len(row) >= 5 and len(set(row[-5:])) >= min(3, accounts)


@pytest.mark.variants
@pytest.mark.parametrize("accounts", [2, 3, 20])
def test_the_next_step_depends_on_the_accounts_of_the_row_alone(redis_url: str, accounts: int) -> None:
    """A long walk opens what the rule foretells, at the very call: no more is remembered."""
    chance = random.Random(accounts)  # noqa: S311 - a known one
    calls = called(redis_url, accounts)
    row: Row = ()
    own: dict[int, int] = {}
    openings = 0
    for number in range(400):
        calls.at += 0.01
        which, fails = chance.randrange(1, accounts + 1), chance.random() < 0.8
        row = (*row, which) if fails else ()
        own[which] = own.get(which, 0) + 1 if fails else 0
        recorded = calls.call(which, BAD if fails else GOOD, "http_500")
        opened = opens(row, accounts)
        changed = [(change.account, change.new) for change in recorded.changes]
        foretold = [(None if opened else which, State.OPEN)] if opened or own[which] == 5 else []
        assert changed == foretold, f"call {number}"
        if changed:
            openings += 1
            row, own = (), {}
            wipe(redis_url)
            calls = called(redis_url, accounts)
    assert openings > 10


@pytest.mark.parametrize("accounts", [2, 3, 20])
def test_the_table_shows_the_rules_own_odds(accounts: int) -> None:
    """The mean number of calls between two openings for all, where calls fail by chance."""
    line = re.search(rf"^\| {accounts} accounts \|(.*)\|$", BREAKER.read_text("utf-8"), re.MULTILINE)
    assert line, "a row of the table"
    shown = [_number(cell) for cell in line[1].split("|")]
    means = [mean_calls(accounts, Fraction(percent, 100)) for percent in PERCENT]

    assert [round(mean / of, 1) for mean, of in zip(means, shown, strict=True)] == [1.0] * len(shown)


def called(redis_url: str, number: int) -> Accounts:
    """Build a breaker of accounts that have called lately."""
    accounts = accounts_of(redis_url, number)
    for which in range(1, min(3, number) + 1):
        accounts.call(which, GOOD)
    return accounts


def mean_calls(accounts: int, share: Fraction) -> float:
    """Return the mean number of calls from an empty row to an opening, each account as likely to call as another."""
    equations: dict[Row, dict[Row, Fraction]] = {}
    to_try: list[Row] = [()]
    while to_try:
        row = to_try.pop()
        if row in equations:
            continue
        known = len(set(row))
        leads = {(): 1 - share}
        for which in range(min(known + 1, accounts)):
            others = 1 if which < known else accounts - known
            reached = (*row, which)
            if not opens(reached, accounts):
                named = _numbered(reached[-4:])
                leads[named] = leads.get(named, Fraction(0)) + share * others / accounts
        equations[row] = leads
        to_try.extend(leads)
    return _solve(equations)


def _solve(leads: dict[Row, dict[Row, Fraction]]) -> float:
    """Return the mean from the empty row: from each it is one call, and the mean from where that call leads."""
    rows = sorted(leads, key=len, reverse=True)  # the empty row is solved last
    equations = {row: {row: Fraction(1)} for row in rows}
    known = dict.fromkeys(rows, Fraction(1))
    for row, to in leads.items():
        for reached, chance in to.items():
            equations[row][reached] = equations[row].get(reached, Fraction(0)) - chance
    for place, solved in enumerate(rows):
        pivot = equations[solved].pop(solved)
        for other in rows[place + 1 :]:
            factor = equations[other].pop(solved, Fraction(0)) / pivot
            known[other] -= factor * known[solved]
            for row, value in equations[solved].items():
                equations[other][row] = equations[other].get(row, Fraction(0)) - factor * value
        known[solved] /= pivot
    return float(known[()])


def _numbered(row: Row) -> Row:
    names: dict[int, int] = {}
    return tuple(names.setdefault(which, len(names)) for which in row)


def _number(cell: str) -> float:
    """Read a number as the table writes it: 62, 3,900 or 3.4 million."""
    number, _, million = cell.strip().partition(" ")
    return float(number.replace(",", "")) * (1_000_000 if million else 1)
