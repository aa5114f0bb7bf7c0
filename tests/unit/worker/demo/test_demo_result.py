"""What the demo says at its end: numbers that add up, and every case that is wrong by name."""

import io
from dataclasses import replace

from rich.console import Console

from worker.local.demo import misbehaviour
from worker.local.demo.judge import AppointmentRow, DemoVerdict
from worker.local.demo.outage import OutageMeasures
from worker.local.demo.progress import epilogue, prologue
from worker.local.demo.result import Result
from worker.local.demo.scenario import EnqueueResult

ROWS = [
    AppointmentRow(1, "a", "confirmed", uid="uid-1"),
    AppointmentRow(2, "b", "rejected"),
    AppointmentRow(3, "c", "held"),
]
CALLS = [
    {"method": method, "target": target, "fault": fault}
    for method, target, fault in (
        ("POST", "/v2/bookings", None),
        ("POST", "/v2/bookings", "hang"),
        ("GET", "/v2/bookings", "hang"),
        ("POST", "/v2/bookings/uid-1/cancel", None),
    )
]
RESULT = Result(
    enqueued=EnqueueResult(requests=6, accepted=3, duplicates=1, invalid=2),
    rows=ROWS,
    verdict=DemoVerdict(lost=(), doubled=(), unfinished=()),
    retries=4,
    seconds=12.34,
    journal=CALLS,
    outage=OutageMeasures(breaker_opened=3, calls_while_open=0, probes=3, held_peak=120, recovery_seconds=4.5),
)


def told(result: Result) -> str:
    """Return the end of the screen, without colours."""
    console = Console(file=io.StringIO(), width=80)
    epilogue(result, console)
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def test_the_numbers_are_the_rows() -> None:
    """Each end is counted from our rows, the rest from what was answered."""
    assert RESULT.as_dict() == {
        "requests": 6,
        "accepted": 3,
        "duplicates": 1,
        "invalid": 2,
        "confirmed": 1,
        "cancelled": 0,
        "moved": 0,
        "called": 0,
        "called_back": 0,
        "rejected": 1,
        "failed": 0,
        "expired": 0,
        "held": 1,
        "lost": 0,
        "double_booked": 0,
        "retries": 4,
        "breaker_opened": 3,
        "calls_while_open": 0,
        "probes": 3,
        "held_peak": 120,
        "recovery_seconds": 4.5,
        "seconds": 12.3,
    }


def test_a_person_reads_that_the_promises_were_kept() -> None:
    """In a sentence, with what it took."""
    assert "nothing is lost, nothing is booked twice" in told(RESULT)
    assert "4 calls, 2 of them to book, 1 of these with a fault; 4 retries; 12.3 s" in told(RESULT)


def test_a_broken_promise_is_named_case_by_case() -> None:
    """With the booking, so that somebody can look."""
    verdict = DemoVerdict(lost=("booking 1: gone",), doubled=("booking 2: twice",), unfinished=())
    broken = replace(RESULT, verdict=verdict)
    assert "wrong  booking 1: gone" in told(broken)
    assert "wrong  booking 2: twice" in told(broken)
    assert "nothing is lost" not in told(broken)
    assert (broken.as_dict()["lost"], broken.as_dict()["double_booked"]) == (1, 1)


def test_what_is_shortened_stands_beside_what_is_usual() -> None:
    """Nobody must believe that a call is settled after three seconds in real life."""
    console = Console(file=io.StringIO(), width=80)
    prologue(console, 260)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert any("no answer: settled in" in line and "3 s" in line and "(130)" in line for line in lines)


def test_a_screen_of_eighty_columns_shows_every_word() -> None:
    """Neither the first lines nor the last are cut."""
    console = Console(file=io.StringIO(), width=80)
    prologue(console, 260)
    assert isinstance(console.file, io.StringIO)
    assert "…" not in console.file.getvalue() + told(RESULT)
    assert "calls while open" in told(RESULT)


def test_an_outage_that_held_nobody_recovers_from_nothing() -> None:
    """No number is made up."""
    lines = told(replace(RESULT, outage=replace(RESULT.outage, recovery_seconds=None))).splitlines()
    assert any(line.split()[:4] == ["-", "seconds", "to", "recover"] for line in lines)


def test_a_bad_day_alone_opens_no_breaker() -> None:
    """What opens it is the outage: the failures before it are fewer than it takes."""
    assert sum(most for most, _, _ in misbehaviour.FAULTS) < misbehaviour.settings().circuit_breaker_threshold
