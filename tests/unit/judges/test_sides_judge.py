"""The judge of two versions side by side finds each way in which a deploy breaks a promise, and whose call it was."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.side_by_side import environment
from tests.side_by_side.judge import Call, Change, Sentence, judge
from worker.local.demo.judge import DemoVerdict

ROOT = Path(__file__).parents[3]
GOOD = DemoVerdict(lost=(), doubled=(), unfinished=())

OUTAGE = [
    Change(10.0, "closed", "open"),
    Change(14.0, "open", "half_open"),
    Change(14.4, "half_open", "open"),
    Change(18.4, "open", "half_open"),
    Change(18.8, "half_open", "closed"),
]
CALM = [
    Call(9.0, "old", "bookings.create"),
    Call(9.5, "new", "bookings.create"),
    Call(10.6, "new", "bookings.list"),  # was permitted before the breaker opened
    Call(14.1, "old", "bookings.create"),
    Call(18.5, "new", "bookings.create"),
    Call(19.0, "old", "bookings.create"),
    Call(19.1, "new", "bookings.cancel"),
    Call(19.2, "new", "bookings.reschedule"),
]


def judged(*more: Call, calls: list[Call] = CALM, changes: list[Change] = OUTAGE) -> Sentence:
    """Judge calls and changes over books that agree."""
    return judge(GOOD, [], [*calls, *more], changes)


def test_a_calm_deploy_is_kept() -> None:
    """One probe a window, nothing while it is open, both versions at work before and after."""
    assert judged().kept


@pytest.mark.parametrize("side", ["old", "new"])
@pytest.mark.parametrize("at", [11.1, 13.9, 14.5, 18.3])
def test_a_call_while_the_breaker_is_open_is_found_and_whose_it_was(side: str, at: float) -> None:
    """In the first window after what was in flight, in a later one at once."""
    found = judged(Call(at, side, "bookings.list"))
    assert len(found.while_open) == 1
    assert found.while_open[0].startswith(f"the {side} version called bookings.list")
    assert not found.kept


@pytest.mark.parametrize("what", ["bookings.cancel", "bookings.reschedule"])
def test_a_change_that_the_old_version_sends_is_found(what: str) -> None:
    """It does not know them, unless it has the code; and each kind of change is put to the test."""
    sent = Call(19.3, "old", what)
    assert judged(sent).seen == (f"the old version called {what}",)
    assert judge(GOOD, [], [*CALM, sent], OUTAGE, old_knows_changes=True).kept
    assert judged(calls=[call for call in CALM if call.endpoint != what]).not_met == (f"nobody called {what}",)


def test_a_second_probe_in_a_window_is_found() -> None:
    """The other version did not see that the place was taken."""
    found = judged(Call(14.2, "new", "slots"))
    assert found.second_probes == ("2 probes in one window of the breaker: old bookings.create, new slots",)
    assert not found.kept


def test_two_breakers_that_move_alike_are_found() -> None:
    """Each version sees the same outage, so that two breakers open at nearly the same time, and look like one."""
    two = [OUTAGE[0], replace(OUTAGE[0], at=10.05), *OUTAGE[1:]]
    found = judged(changes=two)
    assert found.not_one == ("the breaker was open, and closed when it became open",)
    assert not found.kept


def test_an_endpoint_that_is_open_shuts_out_its_own_calls_only() -> None:
    """A list that is dead says nothing about bookings."""
    shut = [
        *OUTAGE,
        Change(20.0, "closed", "open", "bookings.list"),
        Change(24.0, "open", "half_open", "bookings.list"),
    ]
    assert judged(Call(22.0, "old", "bookings.create"), changes=shut).kept
    found = judged(Call(22.0, "old", "bookings.list"), changes=shut)
    assert found.while_open == ("the old version called bookings.list 2.00 s after bookings.list opened",)


def test_an_operators_open_shuts_as_well() -> None:
    """Whatever opened it, nobody calls."""
    forced = [*OUTAGE, Change(20.0, "closed", "forced_open"), Change(30.0, "forced_open", "closed")]
    assert len(judged(Call(25.0, "new", "bookings.create"), changes=forced).while_open) == 1


@pytest.mark.parametrize(
    ("verdict", "held", "where"),
    [
        (replace(GOOD, lost=("booking 1: confirmed as x, and at Cal.com not at all",)), [], "lost"),
        (replace(GOOD, unfinished=("booking 1: still retrying",)), [], "lost"),
        (GOOD, [1], "lost"),
        (replace(GOOD, doubled=("booking 1: booked 2 times at Cal.com",)), [], "twice"),
    ],
)
def test_what_is_lost_held_or_made_twice_is_found(verdict: DemoVerdict, held: list[int], where: str) -> None:
    """A booking that still waits at the end has been lost sight of."""
    found = judge(verdict, held, CALM, OUTAGE)
    assert len(getattr(found, where)) == 1
    assert not found.kept


@pytest.mark.parametrize(
    ("calls", "changes"),
    [
        ([call for call in CALM if call.side == "new"], OUTAGE),
        ([*CALM, Call(20.0, "/somewhere/else", "slots")], OUTAGE),
        (CALM[:3], OUTAGE[:1]),
        (CALM[:3], []),
        (CALM, OUTAGE[:-1]),
    ],
    ids=["an old version that did nothing", "code of neither", "no window", "no breaker", "never closed again"],
)
def test_a_run_that_puts_nothing_to_the_test_is_not_kept(calls: list[Call], changes: list[Change]) -> None:
    """What did not happen proves nothing."""
    found = judged(calls=calls, changes=changes)
    assert found.not_met
    assert not found.kept


@pytest.mark.long
def test_a_revision_that_is_not_here_is_said_in_one_line() -> None:
    """A shallow clone has no old versions; nothing is started then."""
    command = [sys.executable, "-m", "tests.side_by_side", "--old", "no-such-revision"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert (
        ran.stderr == "there is no revision no-such-revision here: name another (OLD=REV), or git fetch --unshallow\n"
    )


def test_an_old_version_whose_libraries_are_not_here_is_not_started(tmp_path: Path) -> None:
    """Its workers would break for another reason than the deploy."""
    wants = 'dependencies = ["celery>=4,<5", "requests>=2", "no-such-library"]'
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{wants}\n")
    with pytest.raises(environment.CannotRun) as said:
        environment.fit(tmp_path)
    assert "celery<5,>=4 (here: 5." in str(said.value)
    assert "no-such-library (here: none)" in str(said.value)
    assert "requests" not in str(said.value)
