"""What becomes of an incident: every row of the table in tasks/incidents/rules.py, with given times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from db.monitoring.incidents import Incident, IncidentKind
from tasks.incidents.rules import LEAVE_AFTER, UPDATES, Observation, Step, next_step
from tasks.overview.outages import OutageLevel
from tests.support.incidents import make_incident

NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
OUTAGE = {level: Observation(IncidentKind.OUTAGE, "calcom", level) for level in OutageLevel}


def ago(seconds: float) -> datetime:
    """Name a moment before NOW."""
    return NOW - timedelta(seconds=seconds)


def incident(
    opened: float,
    *,
    notified: float | None = None,
    seen: float = 5,
    kind: IncidentKind = IncidentKind.OUTAGE,
    level: int = 3,
) -> Incident:
    """Make an open incident; ages in seconds, `notified` None: only suspected."""
    return make_incident(
        ago(opened),
        kind=kind,
        detail={"told": level},
        last_seen_at=ago(seen),
        updated_at=NOW,
        news=int(notified is not None),
        news_at=None if notified is None else ago(notified),
    )


@pytest.mark.parametrize(
    ("known", "seen", "then"),
    [
        (None, None, Step.NOTHING),
        (None, OUTAGE[OutageLevel.DEGRADED], Step.SUSPECT),
        (None, OUTAGE[OutageLevel.CRITICAL], Step.OPEN),
        (None, OUTAGE[OutageLevel.DOWN], Step.OPEN),
        (None, Observation(IncidentKind.CREDENTIALS), Step.OPEN),
        (incident(5), None, Step.DROP),
        (incident(1), OUTAGE[OutageLevel.DEGRADED], Step.SEE),
        (incident(5), OUTAGE[OutageLevel.DEGRADED], Step.OPEN),
        (incident(1), OUTAGE[OutageLevel.DOWN], Step.OPEN),
        (incident(10, notified=10), OUTAGE[OutageLevel.DOWN], Step.SEE),
        (incident(60, notified=60, seen=LEAVE_AFTER - 1), None, Step.NOTHING),
        (incident(60, notified=60, seen=LEAVE_AFTER), None, Step.RESOLVE),
        (incident(60, notified=60, seen=1, kind=IncidentKind.BEAT_DEAD), None, Step.NOTHING),
        (incident(60, notified=60, seen=1, kind=IncidentKind.FAILED), None, Step.RESOLVE),
    ],
)
def test_each_row_of_the_table_holds(known: Incident | None, seen: Observation | None, then: Step) -> None:
    """Degraded needs a second look, anything is left only after a while, and what was never told is just dropped."""
    assert next_step(known, seen, NOW) is then


def notified_at(checks: range) -> list[int]:
    """Check one incident again and again from its begin on, and return when operators were notified."""
    moments, last = [0], 0
    for second in checks:
        known = incident(second, notified=second - last, seen=5)
        if next_step(known, OUTAGE[OutageLevel.DOWN], NOW) is Step.UPDATE:
            moments.append(second)
            last = second
    return moments


def test_updates_come_after_5_15_and_60_minutes() -> None:
    """At the first look from then on, and never more often."""
    assert notified_at(range(5, 20_000, 5)) == [0, *UPDATES]


def test_updates_that_were_missed_become_one() -> None:
    """Beat was away from the second to the seventieth minute: one message, not three."""
    assert notified_at(range(4200, 20_000, 5)) == [0, 4200]


@pytest.mark.parametrize(("notified_ago", "then"), [(299, Step.SEE), (300, Step.UPDATE)])
def test_what_grows_worse_is_told_and_not_shouted(notified_ago: float, then: Step) -> None:
    """From degraded to down after two hours: at once, but not within 5 minutes of the last message."""
    known = incident(7200, notified=notified_ago, level=OutageLevel.DEGRADED)

    assert next_step(known, OUTAGE[OutageLevel.DOWN], NOW) is then
    assert next_step(known, OUTAGE[OutageLevel.DEGRADED], NOW) is Step.SEE


@pytest.mark.parametrize(
    ("count", "notified_ago", "then"),
    [(49, 7200, Step.SEE), (50, 7200, Step.UPDATE), (5000, 299, Step.SEE), (5000, 300, Step.UPDATE)],
)
def test_ten_times_as_many_are_told_again(count: int, notified_ago: float, then: Step) -> None:
    """One booking that waits for the operator since Monday must not hide Tuesday's thousands."""
    known = replace(
        incident(90_000, notified=notified_ago, kind=IncidentKind.SUSPECT), detail={"told": 0, "told_count": 5}
    )

    assert next_step(known, Observation(IncidentKind.SUSPECT, count=count), NOW) is then


@pytest.mark.parametrize(
    ("told", "notified_ago", "then"),
    [
        ([4], 599, Step.SEE),
        ([4], 600, Step.UPDATE),
        ([4, 9], 7200, Step.SEE),
        ([9, 4, 5], 7200, Step.SEE),
        (None, 7200, Step.SEE),
    ],
    ids=["within ten minutes", "a further one", "both are told", "one has gone", "of an older release"],
)
def test_each_further_one_is_told_once(told: list[int] | None, notified_ago: float, then: Step) -> None:
    """As many as before may be another customer; a second one must not wait for the tenth."""
    detail = {"told": 0, "told_count": 2} | ({} if told is None else {"told_each": told})
    known = replace(incident(90_000, notified=notified_ago, kind=IncidentKind.CHANGE_HELD), detail=detail)
    seen = Observation(IncidentKind.CHANGE_HELD, count=2, each={4: 41, 9: 92})

    assert next_step(known, seen, NOW) is then


def test_a_breaker_that_opens_again_is_the_same_outage() -> None:
    """Open, half-open, closed for a moment, open: one message in two minutes."""
    seen, last, steps = None, 0, []
    for second in range(0, 120, 5):
        flapping = OUTAGE[OutageLevel.DOWN] if second % 30 < 20 else None
        steps.append(next_step(seen, flapping, NOW))
        last = 0 if flapping else last + 5
        seen = incident(second + 5, notified=second + 5, seen=last + 5)

    assert steps.count(Step.OPEN) == 1
    assert set(steps) == {Step.OPEN, Step.SEE, Step.NOTHING}
