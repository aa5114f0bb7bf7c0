"""The demo's numbers of an outage: from the breaker's changes and Cal.com's journal, by times alone."""

from typing import Any

from resilience.circuit_breaker.types import State
from worker.local.demo.outage import IN_FLIGHT, OutageMeasures, StateChange, measure

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN
# A trip at 10, a probe in vain at 12, one that succeeds at 14.5.
CHANGES = [
    StateChange(10.0, CLOSED, OPEN),
    StateChange(12.0, OPEN, HALF_OPEN),
    StateChange(12.5, HALF_OPEN, OPEN),
    StateChange(14.5, OPEN, HALF_OPEN),
    StateChange(15.0, HALF_OPEN, CLOSED),
]
PROBES = [12.1, 14.6]


def measured(*times: float, last_booked: float | None = 18.04) -> OutageMeasures:
    """Measure the outage with calls at these times; Cal.com is back at 14."""
    journal: list[dict[str, Any]] = [{"t0": time} for time in times]
    return measure(CHANGES, journal, held_peak=120, back=14.0, last_booked=last_booked)


def test_an_outage_is_counted() -> None:
    """Each opening, each probe, and the time from Cal.com's return to the last held booking."""
    assert measured(*PROBES) == OutageMeasures(
        breaker_opened=2, calls_while_open=0, probes=2, held_peak=120, recovery_seconds=4.0
    )


def test_calls_before_the_trip_and_after_the_close_are_nobodys_concern() -> None:
    """Then calls are meant to go."""
    assert measured(*PROBES, 1.0, 9.9, 15.1, 15.1, 20.0).calls_while_open == 0


def test_a_call_that_was_on_its_way_at_the_trip_is_not_counted() -> None:
    """It was permitted before; but only for so long, and only where calls were permitted before."""
    assert measured(*PROBES, 10.0 + IN_FLIGHT * 0.9).calls_while_open == 0
    assert measured(*PROBES, 10.0 + IN_FLIGHT * 1.1).calls_while_open == 1
    assert measured(*PROBES, 12.5 + IN_FLIGHT * 0.5).calls_while_open == 1


def test_a_second_call_beside_the_probe_is_counted() -> None:
    """One at a time."""
    assert measured(*PROBES, 12.2, 12.3, 14.7).calls_while_open == 3


def test_a_breaker_that_is_still_open_at_the_end_is_judged_too() -> None:
    """The last change has no successor."""
    found = measure(CHANGES[:1], [{"t0": 30.0}], held_peak=1, back=14.0, last_booked=None)
    assert (found.breaker_opened, found.probes, found.calls_while_open, found.recovery_seconds) == (1, 0, 1, None)
