"""Orders to the breaker: once, for what the operator saw, and recorded before they are given."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from db.models.resilience import breaker_overrides as overrides
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.types import CallOutcome, State
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.maintenance.breaker_transitions import record_transitions
from tasks.operations import breaker_actions
from tasks.operations.answers import answer
from tasks.operations.breaker_actions import AUTO, KEPT, NOT_DONE, RESET, UNSEEN
from tasks.operations.breaker_overrides import OFF, OPEN
from tests.support.fleet import eventually
from tests.support.page.operating import asked, recorded
from worker.wiring import build


def seen(deps: Dependencies, mode: str) -> int:
    """Return the epoch that an operator sees now."""
    return breaker_actions.epoch(deps.breaker.get_status(), mode)


def action_on(deps: Dependencies, mode: str, **more: Any) -> Any:
    """Ask for an action as the operator sees the breaker now."""
    return asked(mode, **{"epoch_seen": seen(deps, mode), "target": {"seconds": 600}} | more)


def given(deps: Dependencies) -> list[Any]:
    """Return the overrides that are written down."""
    with deps.engine.connect() as conn:
        return list(conn.execute(select(overrides).order_by(overrides.c.id)))


@pytest.mark.parametrize(("mode", "state"), [(OPEN, State.FORCED_OPEN), (OFF, State.OFF)])
def test_an_action_is_obeyed_and_says_who_why_and_until_when(built: Dependencies, mode: str, state: State) -> None:
    """In the breaker, in its override and in what is recorded."""
    built.breaker.record_success("bookings.create")

    action = breaker_actions.carry_out(built, action_on(built, mode))

    assert built.breaker.get_status().state is state
    [kept] = given(built)
    assert (kept.mode, kept.by, kept.why) == (mode, "ann", "a test")
    assert kept.until == action.asked_at + timedelta(seconds=600)
    change = built.breaker.view.transitions()[-1]
    assert (change.by, change.why) == ("ann", "a test")
    assert recorded(built) == [action]
    assert (action.who, action.via, action.action, action.outcomes) == ("ann", "page", mode, {"obeyed": 1})
    assert f"{kept.until.astimezone(UTC):%H:%M} UTC" in answer(action, UTC)


def test_an_action_without_an_end_lasts_until_somebody_ends_it(built: Dependencies) -> None:
    """And says so."""
    built.breaker.record_success("bookings.create")

    action = breaker_actions.carry_out(built, action_on(built, OPEN, target={"seconds": None}))

    assert (given(built)[0].until, answer(action, UTC)) == (None, "Nothing is sent until an operator ends it.")


def test_auto_ends_an_order_and_reset_closes_whatever_stands(built: Dependencies) -> None:
    """Each is recorded, and leaves no override in force."""
    built.breaker.record_success("bookings.create")
    breaker_actions.carry_out(built, action_on(built, OPEN))

    assert answer(breaker_actions.carry_out(built, action_on(built, AUTO)), UTC) == "The override is ended."
    assert (built.breaker.get_status().state, given(built)[0].lifted_by) == (State.HALF_OPEN, "ann")
    breaker_actions.carry_out(built, action_on(built, RESET))
    assert built.breaker.get_status().state is State.CLOSED
    assert [action.action for action in recorded(built)] == [OPEN, AUTO, RESET]


@pytest.mark.parametrize("mode", [OPEN, OFF, AUTO, RESET])
def test_an_action_for_what_is_over_is_refused(built: Dependencies, mode: str) -> None:
    """The page was older than the state: the operator is told how it stands now."""
    built.breaker.operators.force_open("somebody", "before")
    request = action_on(built, mode)
    built.breaker.operators.auto("somebody", "since")

    action = breaker_actions.carry_out(built, request)

    assert action.refused is not None
    assert action.refused.startswith("half-open since ")
    assert action.refused.endswith("; look again")
    assert (built.breaker.get_status().state, given(built)) == (State.HALF_OPEN, [])
    assert [one.outcomes for one in recorded(built)] == [{"stale": 1}]


def test_a_reset_is_for_the_breakers_that_were_seen(settings: Callable[..., dict[str, str]]) -> None:
    """An endpoint's that has opened since is one more."""
    settings(CIRCUIT_BREAKER_THRESHOLD="1", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="600")
    built = dependencies.current()
    fail(built.breaker, "bookings.create")
    request = action_on(built, RESET)
    fail(built.breaker, "bookings.list")

    action = breaker_actions.carry_out(built, request)

    assert action.refused is not None
    assert {scope.state for scope in built.breaker.get_status().endpoints.values()} == {State.OPEN}
    assert breaker_actions.carry_out(built, action_on(built, RESET)).refused is None
    assert {scope.state for scope in built.breaker.get_status().endpoints.values()} == {State.CLOSED}


def test_two_that_open_in_one_millisecond_are_seen_as_two(built: Dependencies) -> None:
    """Their epochs are one moment."""
    now = built.breaker.get_status()
    opened = replace(now.breaker, state=State.OPEN, epoch=now.generation + 5)
    one, both = (dict.fromkeys(names, opened) for names in (["bookings.create"], ["bookings.create", "me"]))
    epochs = [breaker_actions.epoch(replace(now, endpoints=seen), RESET) for seen in ({}, one, both)]
    assert len(set(epochs)) == 3


def fail(breaker: CircuitBreaker, endpoint: str) -> None:
    """Make a call that fails."""
    permit = breaker.acquire(endpoint, owner=endpoint)
    assert permit
    breaker.record(permit, CallOutcome.FAILURE_ENDPOINT, reason="http_500")


def test_a_double_click_waits_for_the_first_and_acts_once(built: Dependencies) -> None:
    """Four presses while the first is still at it: one action, one answer."""
    built.breaker.record_success("bookings.create")
    request = action_on(built, OPEN)
    with ThreadPoolExecutor(4) as presses:
        pressed = [presses.submit(breaker_actions.carry_out, built, request) for _ in range(4)]
        actions = [one.result(30) for one in pressed]

    assert len(given(built)) == 1
    assert [action.outcomes for action in actions] == [{"obeyed": 1}] * 4
    assert len(recorded(built)) == 1


@pytest.mark.parametrize("looked", [True, False], ids=["by who has looked", "by who has not"])
def test_what_is_pressed_again_later_is_not_given_again(built: Dependencies, looked: bool) -> None:  # noqa: FBT001 - a case
    """Whatever the breaker has done since."""
    built.breaker.record_success("bookings.create")
    request = action_on(built, OPEN) if looked else asked(OPEN)
    first = breaker_actions.carry_out(built, request)
    breaker_actions.carry_out(built, action_on(built, RESET))

    assert breaker_actions.carry_out(built, request) == first
    assert built.breaker.get_status().state is State.CLOSED


@pytest.mark.fresh_database
def test_nothing_is_ordered_that_is_not_recorded(built: Dependencies) -> None:
    """Who, by which way and why come first."""
    built.breaker.record_success("bookings.create")
    request = action_on(built, OPEN)
    with built.engine.begin() as conn:
        conn.execute(text("ALTER TABLE operator_actions ADD CONSTRAINT none CHECK (false)"))

    with pytest.raises(SQLAlchemyError):
        breaker_actions.carry_out(built, request)

    assert (built.breaker.get_status().state, given(built)) == (State.CLOSED, [])


def test_an_action_that_died_before_it_was_given_is_given_when_it_is_pressed_again(
    built: Dependencies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded and not done: the breaker stands as it was seen."""
    built.breaker.record_success("bookings.create")
    request = action_on(built, OPEN)
    with monkeypatch.context() as patched:
        patched.setattr(breaker_actions.breaker_overrides, "force", _dies)
        with pytest.raises(KeyboardInterrupt):
            breaker_actions.carry_out(built, request)
    assert [action.done_at for action in recorded(built)] == [None]

    assert breaker_actions.carry_out(built, request).outcomes == {"obeyed": 1}
    assert len(given(built)) == 1


@pytest.mark.parametrize("mode", [OPEN, OFF, AUTO, RESET])
def test_an_action_that_was_obeyed_is_done_also_where_its_end_was_not_recorded(
    built: Dependencies, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Postgres went away between the two; the same request is answered by what it did, and does nothing again."""
    built.breaker.record_success("bookings.create")
    if mode in {AUTO, RESET}:
        breaker_actions.carry_out(built, action_on(built, OPEN, who="bob"))
    request = action_on(built, mode)
    with monkeypatch.context() as patched:
        patched.setattr(breaker_actions.operator_actions, "finish", _dies)
        with pytest.raises(KeyboardInterrupt):
            breaker_actions.carry_out(built, request)
    changes, overrides_then = len(built.breaker.view.transitions()), given(built)

    action = breaker_actions.carry_out(built, request)

    assert (action.outcomes, action.refused, action.done_at is not None) == ({"obeyed": 1}, None, True)
    assert (len(built.breaker.view.transitions()), given(built)) == (changes, overrides_then)
    other = breaker_actions.carry_out(built, replace(request, who="bob", request_id=uuid4()))
    assert other.refused is not None, "who did not ask for it has to look"


@pytest.mark.parametrize(
    "since",
    [
        asked(OPEN, target={"seconds": 60}),  # as long as somebody else has said
        asked(OPEN, why="another reason", target={"seconds": 600}),
        asked(RESET),
    ],
    ids=["another end", "another reason", "ended"],
)
def test_what_somebody_has_ordered_since_is_not_taken_for_what_was_asked(
    built: Dependencies, monkeypatch: pytest.MonkeyPatch, since: Any
) -> None:
    """The state is another's by now: the operator who sends it again has to look."""
    built.breaker.record_success("bookings.create")
    request = action_on(built, OPEN)
    with monkeypatch.context() as patched:
        patched.setattr(breaker_actions.operator_actions, "finish", _dies)
        with pytest.raises(KeyboardInterrupt):
            breaker_actions.carry_out(built, request)
    breaker_actions.carry_out(built, replace(since, request_id=uuid4()))

    action = breaker_actions.carry_out(built, request)

    assert action.refused is not None
    assert action.outcomes == {"stale": 1}


def _dies(*_: Any, **__: Any) -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("mode", "state"), [(OPEN, State.FORCED_OPEN), (OFF, State.OFF)])
def test_without_redis_an_order_is_kept_until_it_is_back(
    built: Dependencies, valkey: Any, mode: str, state: State
) -> None:
    """And says so; seen before Redis died, or after."""
    built.breaker.record_success("bookings.create")
    before = action_on(built, mode)
    valkey.kill()
    assert seen(built, mode) == UNSEEN

    for request in (before, action_on(built, mode)):
        action = breaker_actions.carry_out(built, request)
        assert (action.outcomes, answer(action, UTC)) == ({"kept": 1}, KEPT)

    valkey.recover()
    fleet = build().breaker
    eventually(lambda: beat() and fleet.get_status().state is state, what="the fleet obeys it")


def beat() -> bool:
    """Give again what was missed, as beat has it done each second."""
    record_transitions()
    return True


@pytest.mark.parametrize("mode", [AUTO, RESET])
def test_without_redis_what_cannot_be_kept_is_refused_and_may_be_asked_again(
    built: Dependencies, valkey: Any, mode: str
) -> None:
    """The same request is carried out once it is back."""
    built.breaker.operators.force_open("somebody", "before")
    request = action_on(built, mode)
    valkey.kill()

    action = breaker_actions.carry_out(built, request)

    assert (action.refused, action.outcomes, action.done_at) == (NOT_DONE, {"unavailable": 1}, None)


def test_who_saw_no_redis_must_look_again_when_it_is_back(built: Dependencies) -> None:
    """The state that the action is for was not known."""
    built.breaker.record_success("bookings.create")

    action = breaker_actions.carry_out(built, action_on(built, OPEN, epoch_seen=UNSEEN))

    assert action.refused is not None
    assert "look again" in action.refused


def test_an_action_of_the_command_line_asks_for_no_epoch(built: Dependencies) -> None:
    """The operator has looked with another command, or not at all."""
    built.breaker.record_success("bookings.create")

    assert breaker_actions.carry_out(built, asked(OPEN)).outcomes == {"obeyed": 1}
