"""The incident of each Cal.com's outage: at every level, with what its own accounts wait for, and without Redis."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import func, text

from db.accounts import Account
from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from db.monitoring.incidents import IncidentKind
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.incidents.check import check
from tests.integration.accounts.conftest import FIVE, THEIRS, add
from tests.integration.accounts.test_lines import ask, hold
from tests.support.stepping import carry, write

NOBODY = {"FAILURE_CRITICAL_RECENT": "1000"}


def name_of(calcom: Any) -> str:
    """Return what an incident calls another Cal.com."""
    return f"Cal.com at {calcom.url.removeprefix('http://')}"


def titles() -> list[str]:
    """Return what operators were notified of outages, in the order of the alphabet."""
    with dependencies.current().engine.connect() as conn:
        return sorted(one.title for one in incidents.notified(conn) if one.kind == IncidentKind.OUTAGE)


def seconds_pass(column: str, seconds: int) -> None:
    """Make one moment of the incidents as much older."""
    with dependencies.current().engine.begin() as conn:
        older = f"UPDATE alert_incidents SET {column} = {column} - make_interval(secs => :seconds)"  # noqa: S608
        conn.execute(text(older), {"seconds": seconds})


def calls(service: str, outcomes: str) -> None:
    """Make guarded calls at a Cal.com: S is answered, F fails."""
    breaker = dependencies.current().services.breaker(service)
    for number, one in enumerate(outcomes):
        outcome = CallOutcome.SUCCESS if one == "S" else CallOutcome.FAILURE_SERVICE
        permit = breaker.acquire(CREATE, owner=f"{service} {number}")
        assert isinstance(permit, Permit)
        breaker.record(permit, outcome, reason="none" if one == "S" else "http_503")


def end_open(url: str, service: str) -> None:
    """End the time of rest of a breaker."""
    with redis.Redis.from_url(url) as client:
        assert client.hset(f"{{{service}}}:breaker", "ends", 1) == 0, "there was none"


def test_a_degraded_calcom_is_an_incident_wherever_it_is(fleet_of: Callable[..., Any], other: Any) -> None:
    """At the second check in a row, as the settings' own; nothing is said of that one, which is well."""
    fleet_of(**FIVE, **NOBODY)
    clinic = add("clinic-1", THEIRS, base_url=other.url)
    hold(ask([0, 1], clinic.name)), hold(ask([2], None))
    calls("calcom", "S" * 20)
    calls(clinic.service, "SSSF" * 5)

    assert (check(), titles()) == (0, [])
    seconds_pass("opened_at", 5)

    assert check() == 1
    assert titles() == [f"{name_of(other)} is degraded (25 % of 20 calls fail): 2 held, 0 at risk"]


def test_a_calcom_that_fails_is_an_incident_wherever_it_is(clinic: Account, other: Any) -> None:
    """Three failures among few calls, before the breaker opens."""
    calls(clinic.service, "FFF")

    assert check() == 1
    assert titles() == [f"{name_of(other)} is failing (3 failures in the last minute): 0 held, 0 at risk"]


def test_each_outage_counts_the_bookings_of_its_own_accounts(clinic: Account, other: Any) -> None:
    """What one Cal.com holds is not told of another one; nor, when it is over, what failed there."""
    hold(ask([0], None)), hold(ask([1, 2, 3], clinic.name))
    hold(ask([4], clinic.name), HoldReason.UNREACHABLE)
    calls("calcom", "F" * 5), calls(clinic.service, "F" * 5)

    check()
    assert titles() == [f"{name_of(other)} is down: 4 held, 0 at risk", "Cal.com is down: 1 held, 0 at risk"]

    [failed] = ask([5], clinic.name)
    write(failed, status=Status.FAILED, hold_reason=None, held_at=None, updated_at=func.now(), enqueued_at=None)
    for one in ("calcom", clinic.service):
        dependencies.current().services.breaker(one).operators.reset("ann", "a test")
    seconds_pass("last_seen_at", 60)
    check()
    assert {one.partition(": ")[2] for one in titles()} == {
        "Cal.com was down, at most 1 held, 5 failures in a minute",
        f"{name_of(other)} was down, at most 4 held, 5 failures in a minute; failed 1",
    }


def test_unclear_calls_that_are_booked_are_told_of_their_own_calcom(clinic: Account, other: Any) -> None:
    """An operator would call the wrong customers."""
    [booked] = ask([0], clinic.name)
    write(booked, status=Status.CONFIRMED, sent_at=func.now() - timedelta(minutes=1), calcom_booking_uid="uid-1")
    calls("calcom", "F" * 5), calls(clinic.service, "F" * 5)

    check()

    assert titles() == [
        f"{name_of(other)} is down; 1 of the last 1 unclear calls are booked nevertheless: 0 held, 0 at risk",
        "Cal.com is down: 0 held, 0 at risk",
    ]


def test_a_breaker_elsewhere_that_waits_for_a_call_is_an_outage_while_its_own_bookings_wait(
    fleet_of: Callable[..., Any], other: Any, redis_url: str
) -> None:
    """Those of another Cal.com do not wait for it; once nothing waits, it would hide the next outage."""
    fleet_of(**FIVE, **NOBODY)
    clinic = add("clinic-1", THEIRS, base_url=other.url)
    [waiting] = ask([0], clinic.name)
    hold([waiting]), hold(ask([1], None))
    calls(clinic.service, "F" * 5)
    assert check() == 1
    end_open(redis_url, clinic.service)
    seconds_pass("last_seen_at", 60)
    assert (check(), titles()) == (0, [f"{name_of(other)} is down: 1 held, 0 at risk"])

    write(waiting, status=Status.CANCELLED, hold_reason=None, held_at=None)
    seconds_pass("last_seen_at", 60)

    assert check() == 1
    assert titles()[0].startswith("Resolved")


def test_an_order_elsewhere_is_no_outage_and_ends_none(clinic: Account, other: Any) -> None:
    """Nobody can tell how it is there: an incident stays as it is."""
    calls(clinic.service, "F" * 5)
    assert check() == 1
    dependencies.current().services.breaker(clinic.service).operators.force_open("ann", "a test")
    seconds_pass("last_seen_at", 60)

    assert check() == 0
    assert titles() == [f"{name_of(other)} is down: 0 held, 0 at risk"]


@pytest.mark.variants
@pytest.mark.parametrize("fails", ["there", "here"])
def test_without_redis_each_calcom_is_judged_by_its_own_bookings(
    fleet_of: Callable[..., dict[str, str]], other: Any, simulator: Any, fails: str
) -> None:
    """The calls of the one that is well do not make the other's outage smaller, nor the other way round."""
    fleet_of(**FIVE)
    clinic = add("clinic-1", THEIRS, base_url=other.url)
    fleet_of(**FIVE, REDIS_URL="redis://127.0.0.1:1/0")
    calcoms = {clinic.name: other, None: simulator}
    down, well = (clinic.name, None) if fails == "there" else (None, clinic.name)
    met, answered = ask(range(4), down), ask(range(10, 24), well)
    calcoms[down].faults("refuse", seconds=600)
    for one in (*met, *answered):
        carry(one)
    calcoms[down].no_faults()

    check()

    name = name_of(other) if fails == "there" else "Cal.com"
    assert titles() == [f"{name} is failing (4 failures in the last minute): 0 held, 0 at risk"]
