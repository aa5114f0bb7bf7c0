"""The sentences about other Cal.coms, and that the judge of the page (`make truth`) knows each of them."""

from datetime import UTC
from typing import Any

import pytest

from db.account_troubles import AccountTroubles, TroubledService
from db.lifecycle import HoldReason
from db.models.accounts import AccountState
from tasks.overview.ranking.row import Level, Whose
from tasks.overview.sentences import render
from tasks.overview.verdict import verdict
from tests.unit.overview.test_account_sentences import is_known, on_the_page
from tests.unit.overview.test_verdict import NOW, at, held, overview

STATES = {AccountState.ACTIVE: 4}


def service(number: int = 1, state: str = "open", waiting: int = 12, **more: Any) -> TroubledService:
    """Describe another Cal.com."""
    told = {"endpoint": None, "by": None, "why": None, **more}
    return TroubledService(
        f"c-{number}", f"https://cal{number}.example.org", state=state, since=at("14:02"), waiting=waiting, **told
    )


def troubles(*down: TroubledService) -> AccountTroubles:
    """Describe accounts that only their Cal.com stops."""
    return AccountTroubles(states=STATES, services=down)


@pytest.mark.parametrize(
    "one",
    [
        service(),
        service(state="half_open", waiting=1),
        service(endpoint="bookings.create"),
        service(state="forced_open", by="ann", why="a test"),
        service(state="forced_open", waiting=0),
    ],
)
def test_the_judge_of_the_page_knows_the_sentences_of_each(one: TroubledService) -> None:
    """The answer, and what happens if nobody acts."""
    said = verdict(overview({"accounts": troubles(one, service(2))}))

    assert (said.name, said.level) == ("services_wait", Level.WARNING)
    assert is_known("sentence", on_the_page(said.sentence)), on_the_page(said.sentence)
    assert is_known("nothing", f"If you do nothing: {on_the_page(said.if_nobody_acts)}")


def test_another_calcom_is_named_by_its_host() -> None:
    """With since when, and how many wait; the settings' own is not down."""
    said = verdict(overview({"accounts": troubles(service(), service(2, "half_open", 1))}))

    assert render(said.sentence, NOW, UTC) == (
        "2 other Cal.coms are held up: cal1.example.org: it is down since 14:02, 12 wait; "
        "cal2.example.org: it is being tried since 14:02, 1 waits."
    )
    assert said.whose is Whose.CALCOM


def test_an_override_there_names_who_gave_it() -> None:
    """And what ends it."""
    said = verdict(overview({"accounts": troubles(service(state="forced_open", by="ann", why="a test"))}))

    assert said.whose is Whose.ORDERED
    assert 'an operator holds all back since 14:02 (ann: "a test"), 12 wait.' in render(said.sentence, NOW, UTC)
    assert "booking breaker auto --service cal1.example.org" in render(said.if_nobody_acts, NOW, UTC)


def test_what_waits_for_another_calcom_is_no_drain_of_ours() -> None:
    """Ours was not down: it is not "back"."""
    seen = overview({"holds": (held(HoldReason.BREAKER_OPEN, 12),), "accounts": troubles(service())})

    assert verdict(seen).name == "services_wait"
