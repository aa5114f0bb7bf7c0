"""Redis is slow by the share of its late answers in a minute, and by nothing that is over before it is read."""

import pytest

from db.monitoring.incidents import IncidentKind
from resilience.shared_state.answers import Answers
from tasks.incidents.late_answers import LateAnswers
from tasks.incidents.rules import Observation

Turns = list[tuple[int, int]]  # answers in time, and late ones, before each look


def looked_at(turns: Turns, every: float = 5.0) -> list[Observation | None]:
    """Return what each look found."""
    clock, in_time, late = [1000.0], 7000, 70  # of the time before the first look
    recent, found = LateAnswers(lambda: clock[0]), []
    for more_in_time, more_late in [(0, 0), *turns]:
        in_time, late = in_time + more_in_time, late + more_late
        found.append(recent.look(Answers(in_time, late)))
        clock[0] += every
    return found[1:]


@pytest.mark.parametrize(
    "turns",
    [
        [(100, 0)] * 20,
        [(98, 2)] * 20,
        [(3, 1)] * 20,
        [(100, 0), (84, 16), *[(10, 0)] * 10],
        [(80, 16), (80, 16), *[(100, 0)] * 10],
    ],
    ids=["none late", "one in fifty", "an idle process", "one pause, sixteen threads", "one pause over two looks"],
)
def test_what_costs_hardly_a_call_wakes_nobody(turns: Turns) -> None:
    """Nor does what others tell."""
    assert looked_at(turns) == [None] * len(turns)


def test_a_twentieth_of_the_answers_is_told_with_its_figures() -> None:
    """Those of the last minute alone: twelve looks."""
    found = looked_at([(95, 5)] * 20)
    assert found[:2] == [None, None]
    assert found[2] == Observation(IncidentKind.REDIS_SLOW, facts={"late": 15, "answers": 300})
    assert found[-1] == Observation(IncidentKind.REDIS_SLOW, facts={"late": 60, "answers": 1200})


def test_a_redis_that_is_quick_again_is_slow_for_a_minute_at_most() -> None:
    """Then its late answers are forgotten, and the incident ends as others do."""
    found = looked_at([*[(40, 20)] * 6, *[(40, 0)] * 12])
    assert found[11] is not None
    assert found[-1] is None


def test_a_process_that_stood_still_counts_from_its_first_look_on() -> None:
    """What came in the hour before is no minute's share."""
    assert looked_at([(50, 50)] * 5, every=3600.0) == [None] * 5
