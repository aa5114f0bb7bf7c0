"""The sentences about other Cal.coms, and that the judge of the page (`make truth`) knows each of them."""

from datetime import UTC
from typing import Any

import pytest

from db.account_troubles import AccountTroubles, TroubledService
from db.lifecycle import HoldReason
from db.monitoring.incidents import Incident
from tasks.incidents import messages
from tasks.overview.outages import OutageLevel
from tasks.overview.ranking.row import Level, Whose
from tasks.overview.sentences import render
from tasks.overview.verdict import verdict
from tests.support.incidents import make_incident
from tests.unit.overview.test_account_sentences import is_known, on_the_page
from tests.unit.overview.test_verdict import NOW, at, held, overview


def service(number: int = 1, state: str = "open", waiting: int = 12, **more: Any) -> TroubledService:
    """Describe another Cal.com."""
    told = {"endpoint": None, "by": None, "why": None, **more}
    return TroubledService(
        f"c-{number}", f"https://cal{number}.example.org", state=state, since=at("14:02"), waiting=waiting, **told
    )


def troubles(*down: TroubledService) -> AccountTroubles:
    """Describe accounts that only their Cal.com stops."""
    return AccountTroubles(several=True, services=down)


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


def failing(host: str, level: OutageLevel = OutageLevel.DEGRADED, **more: Any) -> Incident:
    """Describe the incident of a Cal.com whose calls fail."""
    found = {"percent": 25, "calls": 20, "recent": 5, "held": 2, "at_risk": 0, "level": int(level), "host": host}
    title = messages.present("outage", "c-1", found | more)
    return make_incident(at("14:02"), subject="c-1", detail=found | more | {"present": title})


@pytest.mark.parametrize("level", [OutageLevel.DEGRADED, OutageLevel.CRITICAL])
def test_a_calcom_whose_calls_fail_is_named_before_its_breaker_opens(level: OutageLevel) -> None:
    """All is not well then; the judge of the page knows the sentences, and the incident's line."""
    found = failing("cal1.example.org", level)

    said = verdict(overview({"accounts": troubles(), "incidents": (found,)}))

    assert (said.name, said.whose, said.level) == ("services_fail", Whose.CALCOM, Level.WARNING)
    assert render(said.sentence, NOW, UTC) == (
        "1 other Cal.com is failing: cal1.example.org: 25 % of 20 calls fail since 14:02."
    )
    assert is_known("sentence", on_the_page(said.sentence))
    assert is_known("nothing", f"If you do nothing: {on_the_page(said.if_nobody_acts)}")
    assert is_known("incident", f"@{found.title} outage, open for @, told at @")


def test_of_many_calcoms_that_fail_three_are_named() -> None:
    """The others are counted."""
    found = tuple(failing(f"cal{number}.example.org") for number in range(5))

    said = verdict(overview({"accounts": troubles(), "incidents": found}))

    assert is_known("sentence", on_the_page(said.sentence))
    assert render(said.sentence, NOW, UTC).endswith("cal2.example.org: 25 % of 20 calls fail since 14:02; 2 more.")


@pytest.mark.parametrize("found", [failing("cal1.example.org", OutageLevel.DOWN), failing("h", is_past=True)])
def test_a_calcom_that_is_down_or_well_again_does_not_fail(found: Incident) -> None:
    """One that is down has a sentence of its own; of one that is well its incident is open for 30 s more."""
    assert verdict(overview({"accounts": troubles(), "incidents": (found,)})).name == "calm"
