"""The page and the incidents say of the whole queue what it waits for: a refused key counts those in line, too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from db.lifecycle import HoldReason
from db.monitoring.incidents import IncidentKind
from db.monitoring.status_queries import HoldRisk
from resilience.circuit_breaker.types import Block
from tasks.dependencies import Timings
from tasks.incidents import messages
from tasks.incidents.observations import observe_holds
from tests.support.incidents import make_incident

NOW = datetime(2030, 3, 1, 14, tzinfo=UTC)


def held(count: int) -> HoldRisk:
    """Describe holds of a minute ago, whose slots are far away."""
    moment, start = NOW - timedelta(minutes=1), NOW + timedelta(days=3)
    return HoldRisk(count, 0, 0, 0, 0, moment, start, 1, moment, None)


@pytest.mark.parametrize(
    ("block", "counted"), [(Block.CREDENTIALS, 105), (Block.CONFIGURATION, None), (Block.NOTHING, None)]
)
def test_the_incident_of_a_refused_key_counts_all_that_wait_for_it(block: Block, counted: int | None) -> None:
    """One booking has met the key; the others stand in a line that it stops."""
    holds = {HoldReason.BREAKER_OPEN: held(100), HoldReason.IN_LINE: held(4), HoldReason.CREDENTIALS: held(1)}

    found = {one.kind: one.facts["held"] for one in observe_holds(holds, {}, NOW, Timings(), block=block)}

    assert found[IncidentKind.CREDENTIALS] == (counted or 1)


def test_an_incident_is_titled_by_its_last_check_until_it_is_over() -> None:
    """Its message is of its first minute, and its end has the last word."""
    said = messages.present(IncidentKind.CREDENTIALS, None, {"held": 105, "at_risk": 2})
    incident = make_incident(
        NOW,
        kind=IncidentKind.CREDENTIALS,
        subject=None,
        detail={"present": said},
        notified_at=NOW,
        message="Cal.com refuses our API key: 1 held, 0 at risk\nSince: now",
    )

    assert incident.title == "Cal.com refuses our API key: 105 held, 2 at risk"
    assert replace(incident, closed_at=NOW, message="Resolved\nand so on").title == "Resolved"


def test_the_incident_of_wrong_settings_counts_all_that_wait_for_them() -> None:
    """The same for another server that answers in Cal.com's place."""
    holds = {HoldReason.THROTTLED: held(30), HoldReason.CONFIGURATION: held(2)}

    found = {one.kind: one.facts["held"] for one in observe_holds(holds, {}, NOW, Timings(), block=Block.CONFIGURATION)}

    assert found == {IncidentKind.CONFIGURATION: 32}
