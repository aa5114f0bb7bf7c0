"""Of several accounts each cause has a sentence and a count of its own, and the one that needs a person comes first."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.account_troubles import (
    AccountTrouble,
    AccountTroubles,
    Cause,
    CommonCause,
    HeldCause,
    TroubledAccount,
    together,
)
from db.lifecycle import HoldReason
from db.monitoring.breaker_events import OutageSpan
from tasks.overview.ranking.row import Level
from tasks.overview.reading import Overview
from tasks.overview.verdict import Verdict, verdict
from tests.unit.overview.test_account_sentences import is_known, on_the_page
from tests.unit.overview.test_service_sentences import service
from tests.unit.overview.test_verdict import BACK, NOW, at, card, fleet, held, overview, said

OWN, ELSEWHERE = "calcom", "c-1"
PRAXIS = HeldCause(CommonCause.SERVICE, ELSEWHERE, None, held(HoldReason.BREAKER_OPEN, 196))
NOT_ASKED = (AccountTrouble.BREAKER, AccountTrouble.THROTTLED)


def cause(of: Cause, account: str | None, count: int, **more: Any) -> HeldCause:
    """Describe what a cause holds of an account at the settings' Cal.com."""
    reasons = {AccountTrouble.REFUSED: HoldReason.CREDENTIALS, AccountTrouble.THROTTLED: HoldReason.THROTTLED}
    reason = more.pop("reason", reasons.get(of, HoldReason.BREAKER_OPEN))  # type: ignore[call-overload]
    return HeldCause(of, OWN, account, held(reason, count, **more))


def mixed(*causes: HeldCause, **more: Any) -> Overview:
    """Describe a fleet of several accounts by what its causes hold."""
    shared = more.pop("shared", None)
    listed = {(one.account, one.cause) for one in causes if one.account and one.cause in set(AccountTrouble)}
    troubles = tuple(
        TroubledAccount(name, trouble, sum(one.held.count for one in causes if one.account == name), at("14:02"))
        for name, trouble in sorted(listed)
        if isinstance(trouble, AccountTrouble) and not (name == "default" and trouble not in NOT_ASKED)
    )
    down = (service(waiting=196),) if PRAXIS in causes else ()
    counts = {one.trouble: sum(two.trouble is one.trouble for two in troubles) for one in troubles}
    known = AccountTroubles(troubles, counts, True, down, {ELSEWHERE: "a"}, causes)
    return overview({"holds": together(one.held for one in causes), "accounts": known, **more}, shared)


def told(seen: Overview, before: Verdict | None = None) -> list[str]:
    """Return the sentences of a verdict; the judge of the page knows each."""
    found = verdict(seen, before)
    assert is_known("sentence", on_the_page(found.sentence)), on_the_page(found.sentence)
    assert is_known("nothing", f"If you do nothing: {on_the_page(found.if_nobody_acts)}"), said(found.if_nobody_acts)
    for one in found.also:
        assert is_known("also", f"Also: {on_the_page(one)}"), on_the_page(one)
    return [said(one) for one in (found.sentence, *found.also)]


FLOOD = cause(AccountTrouble.THROTTLED, "flood", 3953)
REFUSED = cause(AccountTrouble.REFUSED, "salon-2", 116)


def test_what_needs_a_person_is_the_headline_whatever_else_is_held() -> None:
    """Another Cal.com is down, and an account asks for more than its limit: ours was not away, and nothing is back."""
    assert told(mixed(PRAXIS, FLOOD, REFUSED)) == [
        "1 account needs you: salon-2: Cal.com refuses its key since 14:02, 116 wait.",
        "1 account is held up: flood: its limit is reached, 3,953 wait.",
        "1 other Cal.com is held up: cal1.example.org: it is down since 14:02, 196 wait.",
    ]


def test_who_is_late_elsewhere_hides_nobody_who_needs_a_person() -> None:
    """A drain with bookings at risk is critical, too."""
    late = cause(CommonCause.SERVICE, "default", 400, at_risk=2, first_start=at("15:30"))

    assert told(mixed(REFUSED, late, shared=BACK)) == [
        "1 account needs you: salon-2: Cal.com refuses its key since 14:02, 116 wait.",
        "What was held back goes since 14:01: 400 still held.",
    ]


def test_a_limit_says_whose_it_is_and_counts_that_accounts_alone() -> None:
    """Nothing of `default` goes for a while; what the flood has asked for goes."""
    default = cause(AccountTrouble.THROTTLED, "default", 102)
    flood = cause(AccountTrouble.THROTTLED, "flood", 119)
    paused = fleet(throttled_until=NOW + timedelta(seconds=74))

    assert told(mixed(default, shared=paused)) == [
        "The limit of default is reached: 102 wait, and nothing goes for 74 s."
    ]
    assert told(mixed(default, flood, shared=paused)) == [
        "1 account is held up: flood: its limit is reached, 119 wait.",
        "The limit of default is reached: 102 wait, and nothing goes for 74 s.",
    ]


@pytest.mark.parametrize(("default", "first"), [(5, 196), (500, 500)])
def test_of_what_goes_by_itself_the_one_that_holds_most_is_first(default: int, first: int) -> None:
    """That is what hurts most people."""
    seen = mixed(PRAXIS, cause(AccountTrouble.THROTTLED, "default", default))

    assert f"{first} wait" in told(seen)[0]


def test_a_drain_counts_what_our_own_calcom_held() -> None:
    """And foresees no end: by how much this line became shorter nobody has counted."""
    began = NOW - timedelta(seconds=60)
    drain = cause(CommonCause.SERVICE, None, 400)
    outage = {"outage": OutageSpan(at("13:32"), at("14:01")), "held_before": ((began, 1000),)}

    found = verdict(mixed(drain, PRAXIS, shared=BACK, **outage))
    alone = verdict(mixed(drain, shared=BACK, **outage))

    assert said(found.sentence) == "Cal.com is back since 14:01 (down 29 min): 400 still held."
    assert said(alone.sentence) == "Cal.com is back since 14:01 (down 29 min): 400 still held."
    assert (found.done_at, alone.done_at is None) == (None, False)


def test_what_our_calcom_holds_is_not_all_that_is_held() -> None:
    """Neither in the sentence, nor in what happens if nobody acts."""
    down = cause(CommonCause.SERVICE, None, 40, at_risk=2, first_start=at("15:30"))
    seen = mixed(down, PRAXIS, shared=fleet(card("open")))

    found = verdict(seen)

    assert said(found.sentence) == "Cal.com is down since 14:02: 40 held, 2 at risk (first at 15:30)."
    assert said(found.if_nobody_acts) == "all go by themselves, in order; 2 expire from 15:30: call those."


def test_what_is_at_risk_is_told_where_it_waits() -> None:
    """Of another Cal.com, and of accounts: and then it is critical."""
    praxis = replace(PRAXIS, held=replace(PRAXIS.held, at_risk=6, first_start=at("15:30")))
    seen = mixed(PRAXIS, cause(AccountTrouble.THROTTLED, "flood", 9))
    assert seen.record is not None
    known = replace(seen.record.accounts, causes=(praxis, *seen.record.accounts.causes[1:]))
    holds = together(one.held for one in known.causes)
    late = replace(seen, record=replace(seen.record, accounts=known, holds=holds))

    found = verdict(late)

    assert (found.name, found.level, verdict(seen).level) == ("services_wait", Level.CRITICAL, Level.WARNING)
    assert told(late)[0].endswith("it is down since 14:02, 196 wait; 6 at risk (first at 15:30).")
    assert said(found.if_nobody_acts).endswith("what is for others goes on; 6 expire from 15:30: call those.")


def test_the_key_of_the_settings_is_one_account_of_several() -> None:
    """Its line waits for it, and no other's."""
    default = cause(AccountTrouble.REFUSED, "default", 288)
    seen = replace(mixed(default, FLOOD, shared=fleet(key_refused=True)), key_refused_at=at("14:02"))

    assert told(seen) == [
        "Cal.com refuses the key of default since 14:02: 288 held.",
        "1 account is held up: flood: its limit is reached, 3,953 wait.",
    ]


def test_redis_alone_knows_what_stops_the_line_of_default() -> None:
    """What waits there waits for the key, whatever it was held for."""
    limit, line = cause(AccountTrouble.THROTTLED, "default", 7), cause(CommonCause.SERVICE, "default", 5)
    settles = cause(CommonCause.SERVICE, "default", 3, reason=HoldReason.SETTLING)
    seen = mixed(limit, line, settles, FLOOD)
    assert seen.record is not None

    known = seen.record.accounts.with_default_stopped(AccountTrouble.REFUSED)

    assert sum(one.count for one in known.held(AccountTrouble.REFUSED, account="default")) == 12
    assert sum(one.count for one in known.held()) == 3968
    assert [one.name for one in known.accounts] == ["flood"]


def test_who_waits_for_a_person_is_told_apart_from_accounts() -> None:
    """An account whose address is wrong is no booking whose event type is gone."""
    gone = cause(CommonCause.NO_EVENT_TYPE, None, 5, reason=HoldReason.CONFIGURATION)
    misled = cause(AccountTrouble.CONFIGURATION, "salon-3", 2, reason=HoldReason.CONFIGURATION)
    known = replace(overview().record.for_a_person, missing_types=("205",), page_met=True)  # type: ignore[union-attr]

    assert told(mixed(gone, misled, for_a_person=known)) == [
        "5 wait for you: Cal.com no longer has the event type 205.",
        "1 account needs you: salon-3: its calls reach no API of Cal.com since 14:02, 2 wait.",
    ]


def test_what_needs_a_person_waits_for_no_sentence_that_is_still_read() -> None:
    """Among what is as urgent a sentence stays for ten seconds."""
    before = verdict(mixed(FLOOD, cause(CommonCause.SERVICE, None, 9, at_risk=1), shared=fleet(card("open"))))
    assert (before.name, before.level) == ("open", Level.CRITICAL)
    seen = mixed(FLOOD, REFUSED, cause(CommonCause.SERVICE, None, 9, at_risk=1), shared=fleet(card("open")))

    assert verdict(replace(seen, read_at=NOW + timedelta(seconds=2)), before).name == "accounts_need_you"
