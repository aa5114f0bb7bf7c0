"""The sentences about several accounts, and that the judge of the page (`make truth`) knows each of them."""

from dataclasses import replace
from datetime import UTC

import pytest

from db.account_troubles import AccountTrouble, AccountTroubles, TroubledAccount
from tasks.overview.ranking.row import Level, Whose
from tasks.overview.sentences import Sentence, render
from tasks.overview.verdict import verdict
from tests.truth.claims.grammar import _match
from tests.truth.patterns import PATTERNS
from tests.unit.overview.test_verdict import CALM, NOW, at, overview

SINCE = at("14:02")


def troubles(*found: TroubledAccount, more: int = 0) -> AccountTroubles:
    """Describe accounts, and how many more have the trouble of the first."""
    counts = {one: sum(two.trouble is one for two in found) for one in AccountTrouble}
    counts[found[0].trouble] += more
    return AccountTroubles(found, counts, several=True)


def account(trouble: AccountTrouble, waiting: int = 12, name: str = "salon-7") -> TroubledAccount:
    """Describe an account."""
    return TroubledAccount(name, trouble, waiting, SINCE, capped=waiting >= 1000)


def on_the_page(parts: Sentence) -> str:
    """Write a sentence as the judge of the page reads it."""
    return "".join(part if isinstance(part, str) else "@" for part in parts).replace("`", "")


def is_known(region: str, text: str) -> bool:
    """Return whether a pattern of the judge has this text."""
    return any(region in one.regions and _match(one.text, text) for one in PATTERNS)


@pytest.mark.parametrize("trouble", AccountTrouble)
def test_the_judge_of_the_page_knows_the_sentences_of_each_trouble(trouble: AccountTrouble) -> None:
    """The answer, and what happens if nobody acts."""
    said = verdict(overview({"accounts": troubles(account(trouble), account(trouble, 1, "salon-8"))}))

    assert said.name in {"accounts_need_you", "accounts_wait"}
    assert is_known("sentence", on_the_page(said.sentence))
    assert is_known("nothing", f"If you do nothing: {on_the_page(said.if_nobody_acts)}")


def test_three_accounts_are_named_and_the_others_counted() -> None:
    """A person must act, so it comes first; what ends by itself follows."""
    refused = [account(AccountTrouble.REFUSED, 1000, f"salon-{number}") for number in range(3)]
    seen = overview({"accounts": troubles(*refused, account(AccountTrouble.BREAKER, 1, "salon-9"), more=4)})

    said = verdict(seen)

    assert (said.level, said.whose) == (Level.CRITICAL, Whose.YOURS)
    assert render(said.sentence, NOW, UTC) == (
        "7 accounts need you: salon-0: Cal.com refuses its key since 14:02, 1,000+ wait; "
        "salon-1: Cal.com refuses its key since 14:02, 1,000+ wait; "
        "salon-2: Cal.com refuses its key since 14:02, 1,000+ wait; 4 more."
    )
    assert [render(one, NOW, UTC) for one in said.also] == [
        "1 account is held up: salon-9: its own breaker is not closed since 14:02, 1 waits."
    ]


def test_a_paused_account_without_bookings_warns_nobody() -> None:
    """An operator wanted it."""
    idle = replace(CALM, accounts=troubles(TroubledAccount("salon-7", AccountTrouble.PAUSED, 0, None)))

    assert verdict(replace(overview(), record=idle)).name == "calm"
