import re
from itertools import product
from pathlib import Path

import pytest

from db.lifecycle import (
    CHANGE_MOVES,
    FINAL,
    LIVE,
    MOVES,
    OVER,
    ChangeStatus,
    HoldReason,
    Status,
    Strategy,
    strongest,
)

PAGE = (Path(__file__).parents[3] / "docs" / "states.md").read_text("utf-8")
STATES = PAGE.partition("**What the events tell.**")[0]
CHANGE_STATES = PAGE.partition("# The states of a change\n")[2].partition("# The circuit breaker")[0]
ARROW = re.compile(r"^ +(\S+) --> (\S+?)(?::.*)?$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def test_the_drawing_shows_exactly_the_legal_moves() -> None:
    """Every arrow between states in docs/states.md is a legal move, and every legal move is an arrow."""
    drawn = {(start, end) for start, end in ARROW.findall(STATES) if "[*]" not in {start, end}}

    assert drawn == {(start, end) for start, ends in MOVES.items() for end in ends}


def test_the_drawing_shows_where_bookings_begin_and_end() -> None:
    """A booking begins pending or held; the states that lead out of the drawing are the final ones."""
    arrows = ARROW.findall(STATES)

    assert {end for start, end in arrows if start == "[*]"} == {Status.PENDING, Status.HELD}
    assert {start for start, end in arrows if end == "[*]"} == FINAL


def test_the_drawing_of_a_change_shows_exactly_its_legal_moves() -> None:
    """It begins waiting, or is done at once; the states that lead out of the drawing are those in which it is over."""
    arrows = ARROW.findall(CHANGE_STATES)

    assert {arrow for arrow in arrows if "[*]" not in arrow} == {
        (start, end) for start, ends in CHANGE_MOVES.items() for end in ends
    }
    assert {end for start, end in arrows if start == "[*]"} == {ChangeStatus.WAITING, ChangeStatus.DONE}
    assert {start for start, end in arrows if end == "[*]"} == OVER
    assert re.findall(r"`(\w+)`(?=[^|\n]*\|[^|\n]*\|[^|\n]*\|$)", CHANGE_STATES, re.MULTILINE) == list(ChangeStatus)


def test_a_change_that_is_over_stays_so_and_any_other_can_end() -> None:
    """But for the operator's retry; what is on its way can be done, refused, or withdrawn before it was sent."""
    assert {state: ends for state, ends in CHANGE_MOVES.items() if state in OVER and ends} == {
        ChangeStatus.FAILED: {ChangeStatus.PENDING}
    }
    assert {state for state, ends in CHANGE_MOVES.items() if ChangeStatus.CHANGING in ends} == {
        ChangeStatus.PENDING,
        ChangeStatus.RETRYING,
    }
    reached = {ChangeStatus.DONE}
    for _ in ChangeStatus:
        reached |= {state for state, ends in CHANGE_MOVES.items() if ends & reached}
    assert reached >= set(ChangeStatus) - OVER
    withdrawn = {state for state, ends in CHANGE_MOVES.items() if ChangeStatus.WITHDRAWN in ends}
    assert withdrawn == set(ChangeStatus) - OVER - {ChangeStatus.CHANGING}


def test_the_tables_name_every_state_and_every_reason_once() -> None:
    """A reader of docs/states.md finds what moves each state and each hold on."""
    assert ROW.findall(STATES) == [*Status, *HoldReason]


def test_every_state_says_where_it_may_go() -> None:
    """No state is missing from the moves, and none may move to itself."""
    assert set(MOVES) == set(Status)
    assert not [state for state, ends in MOVES.items() if state in ends]


def test_every_living_state_can_still_be_booked() -> None:
    """From each state that is not final there is a way to confirmed: a kept booking is never in a dead end."""
    reached = {Status.CONFIRMED}
    for _ in Status:
        reached |= {state for state, ends in MOVES.items() if ends & reached}

    assert reached >= LIVE


def test_final_states_leave_only_by_an_operator_or_late_news() -> None:
    """Nothing that runs by itself takes a booking out of a final state."""
    leaving = {state: MOVES[state] for state in FINAL if MOVES[state]}

    assert leaving == {
        Status.FAILED: {Status.PENDING, Status.CONFIRMED},
        Status.REJECTED: {Status.CONFIRMED},
        Status.EXPIRED: {Status.CONFIRMED},
        Status.CONFIRMED: {Status.CANCELLED, Status.PENDING},  # a seat that Cal.com lost
    }


@pytest.mark.parametrize("told", sorted(FINAL - {Status.CONFIRMED, Status.CANCELLED}))
def test_what_was_told_not_booked_can_still_be_confirmed(told: Status) -> None:
    """Positive evidence wins at any time: found at Cal.com later, the row says so."""
    assert Status.CONFIRMED in MOVES[told]


def test_only_a_claim_leads_to_booking() -> None:
    """What is held or final is never claimed: a hold costs no attempt."""
    assert {state for state, ends in MOVES.items() if Status.BOOKING in ends} == {Status.PENDING, Status.RETRYING}


def test_the_moves_cannot_be_changed_at_run_time() -> None:
    """The law is read-only."""
    with pytest.raises(TypeError):
        MOVES[Status.REJECTED] = frozenset({Status.PENDING})  # type: ignore[index]


@pytest.mark.parametrize(("one", "other"), list(product([None, *Strategy], repeat=2)))
def test_the_stronger_strategy_stays(one: Strategy | None, other: Strategy | None) -> None:
    """A booking keeps the strongest pattern that helped it, whichever came first."""
    order = [None, *Strategy]

    assert strongest(one, other) == order[max(order.index(one), order.index(other))]


def test_strategies_are_ordered_as_the_operators_read_them() -> None:
    """Degradation outranks the open breaker, which outranks backoff, which outranks an immediate retry."""
    assert list(Strategy) == [
        "immediate_retry",
        "exponential_backoff",
        "circuit_breaker_open",
        "graceful_degradation",
    ]
