"""The words of an alert: the first line carries everything, and callers hear what docs/degradation.md says."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml

from db.monitoring.incidents import Incident, IncidentKind
from tasks.incidents import messages
from tasks.incidents.places import page_path
from tasks.overview.outages import OutageLevel
from tests.support.incidents import make_incident
from worker.page.query import list_query

OPENED = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
FACTS = {
    "held": 37,
    "at_risk": 2,
    "recent": 8,
    "calls": 120,
    "percent": 31,
    "where": "",
    "count": 3,
    "first_id": "42",
    "max_age": "15 min",
    "silent": 17,
    "until": "2030-03-01 11:00 UTC",
    "types": "101",
    "accounts": "salon-7",
    "account": "salon-7",
    "account_ids": [7],
    "number": "3",
    "keys": "shop",
    "key": "shop",
    "oldest": "2030-03-01 08:00:00 UTC",
    "found": "1 there twice (first 42)",
    "first_day": "2030-02-28",
    "last_day": "2030-03-01",
    "late": 12,
    "answers": 200,
}
ROOT = Path(__file__).parents[3]
SAID = (ROOT / "docs" / "degradation.md").read_text("utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8").partition("## An alert came")[2].partition("## ")[0]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
_LEVELS = (OutageLevel.DEGRADED, OutageLevel.CRITICAL, OutageLevel.DOWN)
CASES = [(IncidentKind.OUTAGE, level) for level in _LEVELS]
CASES += [(kind, OutageLevel.HEALTHY) for kind in IncidentKind if kind is not IncidentKind.OUTAGE]


def incident(kind: IncidentKind, level: OutageLevel, subject: str = "calcom") -> Incident:
    """Make one that has been told once."""
    detail = {**FACTS, "level": level, "worst": level, "told": level, "most": {"held": 41, "at_risk": 5, "recent": 9}}
    return make_incident(OPENED, kind=kind, subject=subject, detail=detail)


def test_the_first_line_carries_everything() -> None:
    """Who sees nothing but a notification knows what is wrong, and how many it concerns."""
    one = incident(IncidentKind.OUTAGE, OutageLevel.DOWN)

    title, since, heard, do = messages.opening(one, one.detail).splitlines()

    assert [title, since, heard] == [
        "Cal.com is down: 37 held, 2 at risk",
        "Since: 2030-03-01 09:00:00 UTC",
        'Callers hear: "The calendar is not answering. Your request is kept in order, and we will confirm it."',
    ]
    assert do.startswith("What to do: nothing; held bookings go by themselves")
    assert do.endswith("the first one expires at 2030-03-01 11:00 UTC")


@pytest.mark.parametrize(("kind", "level"), CASES)
@pytest.mark.parametrize("subject", ["calcom", "database"])
def test_every_kind_has_words_that_the_documents_know(kind: IncidentKind, level: OutageLevel, subject: str) -> None:
    """Opening, update and resolution can be written, and a caller hears no more and no less than is documented."""
    one = incident(kind, level, subject)
    opened = messages.opening(one, one.detail)
    still = messages.update(one, one.detail, OPENED + timedelta(minutes=15))
    over = messages.resolution(one, OPENED + timedelta(minutes=23), {})

    assert not set("{}") & set(opened + still + over)
    assert still.startswith("Still after 15 min: ")
    assert over.startswith("Resolved after 23 min: ")
    heard = next(line for line in opened.splitlines() if line.startswith("Callers hear: "))
    assert heard.partition(": ")[2] in SAID


RUNBOOK = {
    name: step
    for name, step in re.findall(r"^\| ([a-z_: ]+) \| (.+) \|$", OPERATING, re.MULTILINE)
    if name != "incident"
}
STEPS = [(f"outage: {level.name.lower()}", IncidentKind.OUTAGE, level, {}) for level in _LEVELS]
STEPS += [("outage of the database", IncidentKind.OUTAGE, OutageLevel.DOWN, {"subject": "database"})]
STEPS += [(kind.value, kind, OutageLevel.HEALTHY, {}) for kind in IncidentKind if kind is not IncidentKind.OUTAGE]
STEPS += [("suspect: half made", IncidentKind.SUSPECT, OutageLevel.HEALTHY, {"detail": {"half_made": 2}})]


@pytest.mark.parametrize(("name", "kind", "level", "more"), STEPS, ids=[name for name, *_ in STEPS])
def test_the_page_and_the_runbook_have_one_step(
    name: str, kind: IncidentKind, level: OutageLevel, more: dict[str, Any]
) -> None:
    """The alert, the page and docs/operating.md tell an operator the same, word for word."""
    one = replace(incident(kind, level), **({"detail": {"level": level}} | more))

    assert messages.what_to_do(one) == RUNBOOK[name]
    assert messages.what_to_do(replace(one, kind="of a newer release")) == ""
    assert set(RUNBOOK) == {name for name, *_ in STEPS}


@pytest.mark.parametrize("kind", IncidentKind)
def test_an_incident_has_the_address_of_its_bookings(kind: IncidentKind) -> None:
    """Several bookings have the address of a list, one has that of its own page, and none that of the overview."""
    for facts in (FACTS, {**FACTS, "count": 1, "ids": [42]}, {**FACTS, "ids": [42, 43]}, {}):
        path = page_path(incident(kind, OutageLevel.DOWN), facts)
        if path and "?" not in path:
            assert path == "/bookings/42"
        elif path:
            assert list_query(dict(parse_qsl(path.partition("?")[2])), at_risk_before=OPENED)


@pytest.mark.parametrize(
    ("kind", "facts", "path"),
    [
        (IncidentKind.OUTAGE, {"held": 37}, "/bookings?state=held&sort=asked"),
        (IncidentKind.OUTAGE, {"percent": 31}, ""),
        (IncidentKind.BLIND_KEY, {"held": 4}, "/bookings?state=held&reason=blind_key&sort=asked"),
        (
            IncidentKind.NO_EVENT_TYPE,
            {"held": 4},
            "/bookings?state=held&reason=configuration&error_type=no_event_type&sort=asked",
        ),
        (IncidentKind.FAILED, {"count": 3, "first_id": "42"}, "/bookings?state=failed"),
        (IncidentKind.FAILED, {"count": 1, "first_id": "42"}, "/bookings/42"),
        (IncidentKind.TOLD_NOT_BOOKED, {"count": 2, "ids": [42, 44]}, "/bookings?ids=42,44"),
        (IncidentKind.REDIS_GONE, {}, ""),
    ],
)
def test_the_address_is_of_the_very_list(kind: IncidentKind, facts: dict[str, Any], path: str) -> None:
    """What the alert counts is what its list shows."""
    assert page_path(incident(kind, OutageLevel.DOWN), facts) == path


def test_each_alert_of_prometheus_names_a_list_that_there_is() -> None:
    """Its labels filled in; none names a filter that the page does not know."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    found = [page for group in groups for rule in group["rules"] if (page := rule.get("annotations", {}).get("page"))]
    labels = {"{{ $labels.reason }}": "blind_key", "{{ $labels.outcome }}": "failed"}
    for page in found:
        for label, value in labels.items():
            page = page.replace(label, value)  # noqa: PLW2901 - filled in as Prometheus does
        address, _, query = page.partition("?")
        assert address == ("/resilience/bookings" if query else "/resilience")
        assert list_query(dict(parse_qsl(query)), at_risk_before=OPENED)
    assert len(found) > 10


@pytest.mark.parametrize(
    ("level", "where", "title"),
    [
        (
            OutageLevel.DOWN,
            " (bookings.create)",
            "Cal.com answers 500 (bookings.create); 5 of the last 7 unclear calls",
        ),
        (OutageLevel.DOWN, "", "Cal.com is down; 5 of the last 7 unclear calls"),
        (
            OutageLevel.CRITICAL,
            "",
            "Cal.com is failing (8 failures in the last minute); 5 of the last 7 unclear calls",
        ),
    ],
)
def test_an_outage_in_which_bookings_are_made_all_the_same_says_so(level: OutageLevel, where: str, title: str) -> None:
    """Who hears "down" alone calls customers who are booked."""
    one = incident(IncidentKind.OUTAGE, level)
    detail = {**one.detail, "where": where, "unclear": 7, "booked": 5}

    assert messages.opening(one, detail).startswith(f"{title} are booked nevertheless: 37 held, 2 at risk\n")
    assert "unclear calls" not in messages.opening(one, {**detail, "booked": 0})


def test_half_made_seats_are_named_among_the_suspects() -> None:
    """They break nobody; they must be removed at Cal.com before anything is tried again."""
    one = incident(IncidentKind.SUSPECT, OutageLevel.HEALTHY)
    said = messages.opening(one, {**one.detail, "half_made": 2})

    assert said.startswith("Set aside as suspect, 2 of them half made at Cal.com: 37 held")
    assert "remove at Cal.com what is half made there" in said
    assert "half made" not in messages.opening(one, {**one.detail, "half_made": 0})


def test_whoever_was_told_not_booked_is_to_be_called() -> None:
    """The one alert of which a customer knows less than we do."""
    one = incident(IncidentKind.TOLD_NOT_BOOKED, OutageLevel.HEALTHY)
    facts = {"count": 3, "first_id": "42"}
    title, _, heard, do = messages.opening(one, facts).splitlines()

    assert title == "Booked, but reported as not booked: 3"
    assert heard == 'Callers hear: "You are booked."'
    assert do.startswith("What to do: call the customers")
    assert do.endswith("`booking show 42 --personal`")


def test_a_resolution_carries_the_totals() -> None:
    """How long, how many at most, and what it cost."""
    one = incident(IncidentKind.OUTAGE, OutageLevel.DOWN)
    over = messages.resolution(one, OPENED + timedelta(minutes=23), {"breaker opened": 4, "expired": 2, "failed": 0})

    assert over.splitlines() == [
        "Resolved after 23 min: Cal.com was down, at most 41 held, 5 at risk; breaker opened 4, expired 2",
        "From 2030-03-01 09:00:00 UTC to 2030-03-01 09:23:00 UTC",
        "At most: 41 held, 5 at risk, 9 failures in a minute",
    ]


def test_growing_worse_is_the_first_word() -> None:
    """It was told as degraded; now it is down."""
    one = incident(IncidentKind.OUTAGE, OutageLevel.DEGRADED)
    said = messages.update(one, {**one.detail, "level": OutageLevel.DOWN}, OPENED + timedelta(hours=3))

    assert said.startswith("Worse after 3 h: Cal.com is down: 37 held")
