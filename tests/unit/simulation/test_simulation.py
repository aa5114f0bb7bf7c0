"""The simulation of a fleet keeps the promises of the product, and meets the real runs that were recorded."""

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.simulation import __main__ as command
from benchmarks.simulation import check, drawing
from benchmarks.simulation.conditions import Conditions, Costs
from benchmarks.simulation.fleet import Fleet
from benchmarks.simulation.recording import Recording
from benchmarks.simulation.trace import Call, Change, Trace, calls_while_open, measure

COSTS = Costs(enter=0.05, leave=0.03, release=0.02, probe_lag=0.05, looks=4, worker=0.012, database=0.004, redis=0.002)
SMALL = Conditions(
    workers=2, threads=4, rate=5, latency=0.3, failing=0.4, limit=0, outage=20, open=5, settle=30, before=10, after=90
)
DAYS = {
    "small": SMALL,
    "limited": replace(SMALL, limit=600, rate=4),
    "by chance": replace(SMALL, rate=8, even=False),
    "thousand": replace(SMALL, workers=1000, threads=16, rate=40, window=256, outage=12, after=60),
}
RECORDINGS = sorted(check.RECORDED.glob("*.json"))
LEAST = 5.0  # seconds within which who asks at the end may still be on the way


def day(conditions: Conditions, seed: int = 7) -> Fleet:
    """Let a day pass."""
    fleet = Fleet(conditions, COSTS, random.Random(seed))  # noqa: S311 - chance, not secrets
    fleet.run()
    return fleet


@pytest.fixture(scope="module", params=DAYS)
def passed(request: pytest.FixtureRequest) -> Fleet:
    """Return a deployment after each of the days."""
    return day(DAYS[request.param])


def most_within(moments: Iterable[float], seconds: float) -> int:
    """Return how many moments, at most, lie within so many seconds."""
    ordered = sorted(moments)
    first, most = 0, 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_no_request_is_lost_or_booked_twice(passed: Fleet) -> None:
    """Who asked a while before the end is booked, or unclear and waits for its settle time; nobody is held."""
    run, ends = passed.trace, passed.conditions.ends
    booked = sum(call.books for call in run.calls)
    confirmed = [done for _, done in run.requests if done is not None]

    assert len(run.requests) > 100
    assert passed.held == []
    assert [asked for asked, done in run.requests if done is None and asked < ends - LEAST] == []
    assert len(confirmed) <= booked <= len(run.requests)


def test_while_the_breaker_is_open_one_probe_goes_a_window(passed: Fleet) -> None:
    """Nothing else reaches Cal.com; the figure is the one that real runs are measured by."""
    found = measure(passed.trace)

    assert found.probes >= 2
    assert found.calls_while_open == 0


def test_the_held_are_let_go_in_the_order_of_their_requests(passed: Fleet) -> None:
    """But for those whose outcome is unclear, as they come back after a look, and those whom the limit sends back."""
    clear = list(dict.fromkeys(one.number for one in passed.released if one.settles_at is None))  # each once

    assert len(clear) > 50
    assert clear == sorted(clear)


def test_calls_stay_within_the_limit() -> None:
    """In any minute; without a limit more would have gone."""
    limited = replace(SMALL, limit=120, rate=5)

    begun = [call.begins for call in day(limited).trace.calls]
    unlimited = [call.begins for call in day(replace(limited, limit=0)).trace.calls]

    assert most_within(begun, 60) <= 120 < most_within(unlimited, 60)


def test_the_window_bounds_what_is_in_flight_after_an_outage() -> None:
    """However large the fleet, it books no faster than the window lets it."""
    wide = replace(SMALL, workers=100, threads=16, rate=10, failing=0.05)
    rates = [measure(day(replace(wide, window=window)).trace).drain_rate for window in (4, 64)]

    assert rates[0] < 4 / wide.latency
    assert rates[1] > rates[0] * 1.2


def test_the_same_seed_is_the_same_day() -> None:
    """Time and chance are arguments: another seed is another day."""
    by_chance = DAYS["by chance"]

    assert day(by_chance, 1).trace == day(by_chance, 1).trace
    assert day(by_chance, 1).trace != day(by_chance, 2).trace


def test_a_call_while_open_is_seen() -> None:
    """The figure is not zero by itself: one probe is allowed, and no second one."""
    run = Trace(0, 10)
    run.changes = [Change(1, "closed", "open"), Change(6, "open", "half_open"), Change(8, "half_open", "closed")]
    run.calls = [Call(at, at + 0.1, books=False) for at in (0.5, 6.5, 9)]
    assert calls_while_open(run) == 0

    run.calls += [Call(at, at + 0.1, books=False) for at in (3, 7)]
    assert calls_while_open(run) == 2


def test_the_model_is_checked_on_other_runs_than_its_own() -> None:
    """Another OPEN, another load, another limit than those of the run that its costs are taken from."""
    own = Recording.read(check.CALIBRATION).conditions
    others = [Recording.read(path).conditions for path in RECORDINGS if path != check.CALIBRATION]

    assert {(one.open == own.open, one.rate == own.rate) for one in others} == {(False, False)}
    assert any(one.limit for one in others)


def test_the_model_meets_every_recorded_run_within_a_fifth() -> None:
    """Every figure of it, with what steps cost in the one run that the model is calibrated by."""
    found = check.deviations(RECORDINGS, Recording.read(check.CALIBRATION).costs)

    assert len(found) == 9 * len(RECORDINGS) > 18
    assert [one for one in found if not one.is_small] == []


def test_a_model_that_is_off_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """Steps that cost half a second more are another deployment."""
    slow = replace(Recording.read(check.CALIBRATION).costs, enter=0.6)

    found = check.deviations(RECORDINGS[:1], slow)

    assert any(not one.is_small for one in found)
    assert "more than 20%" in check.table(found)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "workers: must be above 0"),
        (["--latency", "nan"], "latency: must be above 0"),
        (["--rate", "100000"], "rate: "),
        (["--workers", "100000", "--threads", "64"], "workers, threads: 6,400,000 threads"),
        (["--check", "README.md"], "README.md: is no recording"),
    ],
)
def test_figures_that_cannot_be_are_refused_by_name(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says which, and what would do."""
    assert command.main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"simulate: {message}")


def test_a_day_is_printed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A chart and a table for people, JSON for programs, an SVG for documents."""
    mine = ["--outage", "60", "--open", "10", "--after", "120", "--rate", "2", "--limit", "0"]

    assert command.main([*mine, "--svg", str(tmp_path / "outage.svg")]) == 0
    shown = capsys.readouterr().out
    assert command.main([*mine, "--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)

    assert "Cal.com |" in shown
    assert told["measures"]["held_peak"] > 60
    assert told["still_held"] == 0
    assert ET.parse(tmp_path / "outage.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own file


def test_a_chart_shows_each_state_of_the_breaker() -> None:
    """A column shows the most shut state of its seconds."""
    run = Trace(2, 4, changes=[Change(2.5, "closed", "open"), Change(4.2, "open", "half_open")])

    assert drawing.states(run, 6) == ["closed", "closed", "open", "open", "open", "half_open"]
