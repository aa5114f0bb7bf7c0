"""An event type that Cal.com had and has no more: a request for it waits, and only for it, until it is found again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from db.models.calcom import calcom_event_types
from resilience.circuit_breaker.types import CallOutcome, Permit
from resilience.error_types import ErrorType
from tasks import dependencies
from tasks.calcom.reads import LIST
from tasks.changes.ask.ask import AskOutcome, Via
from tasks.changes.ask.change import cancel
from tasks.maintenance.missing_types import look_for_type
from tasks.maintenance.recovery import ask_again
from tasks.maintenance.release import release_held
from tests.support.fleet import request, row
from tests.support.stepping import BLIND, accept, carry, carry_until, let_pass, lose, state, write

PLAIN, OTHER, TEAMS, THIRTY_DAYS = 110, 101, 104, 141  # the last one is a series
HELD = (Status.HELD, HoldReason.CONFIGURATION)
BY_SLUG = {"event_type_id": None, "event_type_slug": "open", "username": "host11"}
BY_TEAM = {"event_type_id": None, "event_type_slug": "rr", "team_slug": "team"}


@pytest.fixture(autouse=True)
def today(settings: Callable[..., dict[str, str]]) -> None:
    """Call the simulator with one key; no worker runs but this process."""
    settings()


def ask(number: int, event_type: int = PLAIN, **more: Any) -> int:
    """Accept one request."""
    return accept(request(number, event_type, **more))[0]


def missing(simulator: Any, *numbers: int, event_type: int = PLAIN, **more: Any) -> list[int]:
    """Book one of an event type, have it deleted, and let each of these requests meet that."""
    assert carry(ask(0, event_type, **more)).status is Status.CONFIRMED
    simulator.delete_event_type(event_type)
    ids = [ask(number, event_type, **more) for number in numbers]
    for one in ids:
        assert state(carry(one)) == HELD
    return ids


def called(simulator: Any) -> list[tuple[str, str]]:
    """Return the calls: the method, and the path without its query."""
    return [(entry["method"], entry["target"].partition("?")[0]) for entry in simulator.journal()]


@pytest.mark.parametrize(
    ("event_type", "more"), [(PLAIN, {}), (PLAIN, BY_SLUG), (TEAMS, BY_TEAM)], ids=["id", "slug", "team"]
)
def test_a_type_that_was_booked_here_and_is_missing_refuses_nobody(
    simulator: Any, event_type: int, more: dict[str, Any]
) -> None:
    """A staging URL, a type that was moved or deleted by mistake: it is held at one POST, and goes when it is there."""
    [held] = missing(simulator, 1, event_type=event_type, **more)
    assert (row(held).error_type, row(held).outcome_unknown) == (ErrorType.NO_EVENT_TYPE, False)

    let_pass(60)
    assert look_for_type(dependencies.current()) == 0
    assert state(row(held)) == HELD
    simulator.event_type(event_type, kind="plain" if event_type == PLAIN else "round_robin", **_NAMES[event_type])
    let_pass(60)
    assert look_for_type(dependencies.current()) == 1

    assert carry(held).status is Status.CONFIRMED


_NAMES: dict[int, dict[str, Any]] = {
    PLAIN: {"slug": "open", "hosts": ["host11"]},
    TEAMS: {"slug": "rr", "hosts": ["host4", "host5"]},
}


def test_a_refusal_by_another_cal_com_ends_no_booking_of_unknown_outcome(simulator: Any) -> None:
    """Its second POST met it, and the row keeps that refusal: it is wrong for a type that was read."""
    before, one = ask(0), ask(1)
    for each in (before, one):
        lose(each)
        write(each, ends_at=text("now() + interval '1 minute'"))
    assert carry(before).status is Status.CONFIRMED
    words = f"Event type with id {PLAIN} not found."
    simulator.faults("status", status=404, shape="A", message=words, match={"method": "POST"}, count=1)
    refused = carry(one)
    simulator.delete_event_type(PLAIN)
    assert refused.refusal is not None
    assert (refused.outcome_unknown, refused.refusal["error_type"]) == (True, ErrorType.NO_EVENT_TYPE)
    simulator.event_type(PLAIN, kind="plain", **_NAMES[PLAIN])

    held = carry_until(one, lambda now: not now.outcome_unknown, every=60, attempts=10)
    assert (state(held), held.error_type) == (HELD, ErrorType.NO_EVENT_TYPE)
    let_pass(300)
    assert look_for_type(dependencies.current()) == 1

    assert carry(one).status is Status.CONFIRMED


def test_a_series_that_is_booked_in_part_is_not_ended_by_another_cal_com(
    simulator: Any, settings: Callable[..., dict[str, str]], start_simulator: Callable[[], Any]
) -> None:
    """It takes our key, lists nothing of ours, and says of the type what our Cal.com says of a deleted one."""
    assert carry(ask(0)).status is Status.CONFIRMED
    soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)
    series = ask(1, THIRTY_DAYS, start=soon)
    in_part = carry(series)
    assert (in_part.status, in_part.outcome_unknown, len(simulator.bookings())) == (Status.RETRYING, True, 5)
    other = start_simulator()
    other.delete_event_type(THIRTY_DAYS)
    other.settings(rate_limit=0)
    settings(CALCOM_BASE_URL=other.url)

    assert state(carry(series, after=300)) == BLIND

    assert ("POST", "/v2/bookings") not in called(other)
    settings()
    assert carry(series, after=3600).status is Status.CONFIRMED


@pytest.mark.parametrize(("shows_another", "ends"), [(True, (Status.CANCELLED, None)), (False, BLIND)])
def test_a_booking_of_unknown_outcome_ends_with_its_deleted_type_where_cal_com_is_ours(
    simulator: Any,
    shows_another: bool,  # noqa: FBT001 - a case
    ends: tuple[Status, HoldReason | None],
) -> None:
    """It is not listed, and another booking of ours is shown; without one it goes when the type is there again."""
    another, unknown = ask(0), ask(1)
    for each in (another, unknown):
        lose(each)
    assert carry(another).status is Status.CONFIRMED
    if not shows_another:
        write(another, status=Status.CANCELLED)
    write(unknown, cancel_requested=True)
    simulator.delete_event_type(PLAIN)

    assert state(carry(unknown)) == ends

    simulator.event_type(PLAIN, kind="plain", **_NAMES[PLAIN])
    assert carry(unknown, after=3600).status is Status.CANCELLED


def test_a_type_that_a_key_has_read_was_there(simulator: Any) -> None:
    """Nothing of it was ever booked here: that a key was shown what it is is enough, be it another key."""
    assert carry(ask(1)).status is Status.CONFIRMED
    write(ask(1), status=Status.CANCELLED)
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE appointments SET status = 'cancelled'"))
        known = {"event_type": str(PLAIN), "key_fingerprint": "of another key", "sight": False, "seats": False}
        conn.execute(calcom_event_types.insert().values(kind="plain", **known))
    simulator.delete_event_type(PLAIN)

    assert state(carry(ask(2))) == HELD


def test_a_type_that_nobody_has_ever_seen_is_refused_as_before(simulator: Any) -> None:
    """At the calls that it cost before, a second time, too: that a key was shown nothing of a type says nothing."""
    simulator.delete_event_type(PLAIN)
    refusal = [("POST", "/v2/bookings"), ("GET", f"/v2/event-types/{PLAIN}")]

    assert carry(ask(1)).status is Status.REJECTED
    assert [one for one in called(simulator) if one != ("GET", "/v2/bookings")] == refusal
    assert carry(ask(2)).status is Status.REJECTED


def test_a_thousand_that_wait_for_a_type_cost_one_look_a_minute(simulator: Any) -> None:
    """Here three of them: no POST, and none of the harmless calls that tell of a page, however often it is run."""
    held = missing(simulator, 1, 2, 3)
    let_pass(60)
    before = called(simulator)

    for _ in range(5):
        assert (ask_again(), release_held()) == (0, 0)
    let_pass(30)  # and what these calls take on a busy machine
    assert ask_again() == 0
    assert called(simulator)[len(before) :] == [("GET", "/v2/slots")]
    let_pass(30)
    assert ask_again() == 0

    assert called(simulator)[len(before) :] == [("GET", "/v2/slots")] * 2
    assert [state(row(one)) for one in held] == [HELD] * 3


def test_one_run_looks_for_one_type_and_each_has_its_turn(simulator: Any) -> None:
    """All types are missing at another Cal.com: looks for them must not use up the limit."""
    missing(simulator, 1)
    missing(simulator, 2, event_type=OTHER)
    let_pass(60)
    before = called(simulator)

    looks = []
    for _ in range(3):
        ask_again()
        looks.append(len(called(simulator)) - len(before))

    assert looks == [1, 2, 2]


def test_a_look_that_a_clock_has_left_in_the_future_puts_no_type_last(simulator: Any) -> None:
    """A server whose clock was ahead wrote it, and is replaced: that type would be looked for in days."""
    missing(simulator, 1)
    missing(simulator, 2, event_type=OTHER)
    let_pass(60)
    assert (ask_again(), ask_again()) == (0, 0)
    ahead = calcom_event_types.update().where(calcom_event_types.c.event_type == str(PLAIN))
    with dependencies.current().engine.begin() as conn:
        conn.execute(ahead.values(looked_at=text("now() + interval '1 day'")))

    ask_again()

    with dependencies.current().engine.begin() as conn:
        assert conn.scalars(text("SELECT event_type FROM calcom_event_types WHERE looked_at > now()")).all() == []


def test_a_missing_type_holds_up_no_other(simulator: Any) -> None:
    """Cal.com answered it: no breaker has counted a failure, and no page or wrong settings are known of."""
    missing(simulator, 1, 2)

    assert carry(ask(3, OTHER)).status is Status.CONFIRMED

    seen = dependencies.current().breaker.get_status()
    assert (seen.wrong_settings, seen.paged_settings) == ((), ())
    assert [scope.failures for scope in (seen.breaker, *seen.endpoints.values())] == [0] * (1 + len(seen.endpoints))


def meet_again(simulator: Any, *ids: int) -> None:
    """Carry bookings to Cal.com while their type is missing once more; then it is there again."""
    simulator.delete_event_type(PLAIN)
    for one in ids:
        write(one, status=Status.PENDING, hold_reason=None, held_at=None, hold_until=None, held_for=None)
        assert state(carry(one)) == HELD
    simulator.event_type(PLAIN, **_NAMES[PLAIN])


def test_a_wrong_look_costs_one_post_a_minute(simulator: Any) -> None:
    """Slots are shown while a POST is refused: all go by the first look, and by each later one the next booking."""
    held = missing(simulator, 1, 2, 3)
    simulator.event_type(PLAIN, **_NAMES[PLAIN])
    let_pass(60)
    assert look_for_type(dependencies.current()) == 3
    meet_again(simulator, *held)

    let_pass(60)
    assert look_for_type(dependencies.current()) == 1
    assert [state(row(one)) for one in held] == [(Status.PENDING, None), HELD, HELD]
    meet_again(simulator, held[0])
    let_pass(60)
    assert look_for_type(dependencies.current()) == 1

    assert [state(row(one)) for one in held] == [HELD, (Status.PENDING, None), HELD]


def test_what_met_the_missing_type_nine_times_goes_as_soon_as_it_is_found(simulator: Any) -> None:
    """Two workers had two base URLs: its type is there again, and nothing else is waited for."""
    held = missing(simulator, 1, 2)
    simulator.event_type(PLAIN, **_NAMES[PLAIN])
    for _ in range(8):
        meet_again(simulator, held[0])

    let_pass(60)
    assert look_for_type(dependencies.current()) == 2

    assert [carry(one).status for one in held] == [Status.CONFIRMED] * 2


@pytest.mark.parametrize("held_for", ["", "zz"])  # before and behind every fingerprint
def test_two_workers_of_different_settings_pass_a_booking_on_after_a_rest(simulator: Any, held_for: str) -> None:
    """Each finds it held for settings that are not its own: without a rest it would cost a POST a second."""
    [held] = missing(simulator, 1)
    write(held, held_for=held_for)

    assert release_held() == 0
    let_pass(4)
    assert release_held() == 0
    let_pass(1)
    assert release_held() == 1

    assert row(held).status is Status.PENDING


def test_other_settings_release_what_waits_for_a_type(simulator: Any, settings: Callable[..., dict[str, str]]) -> None:
    """The URL is corrected: nothing is waited for any more."""
    [held] = missing(simulator, 1)
    simulator.event_type(PLAIN, **_NAMES[PLAIN])
    settings(CALCOM_API_KEY="cal_another")
    let_pass(5)

    assert release_held() == 1

    assert row(held).status is Status.PENDING


def test_the_operator_cancels_what_waits_for_a_type(simulator: Any) -> None:
    """At once; and what was asked for while the POST was on its way is done though the type never comes back."""
    held, asked = missing(simulator, 1, 2)
    engine = dependencies.current().engine
    assert cancel(engine, held, by="operator", via=Via.COMMAND_LINE, why="a test").outcome is AskOutcome.CANCELLED
    write(asked, cancel_requested=True)
    let_pass(60)

    assert release_held() == 1

    assert carry(asked).status is Status.CANCELLED
    assert called(simulator).count(("POST", "/v2/bookings")) == 3


def test_what_the_settings_hold_since_waits_for_no_type(simulator: Any) -> None:
    """Nothing is sent while something else answers in Cal.com's place: what an earlier hold left in the row is over."""
    [held] = missing(simulator, 1)
    write(held, status=Status.PENDING, hold_reason=None, held_at=None, hold_until=None, held_for=None)
    breaker = dependencies.current().breaker
    permit = breaker.acquire(LIST, owner="the last call that found out", trial=True)
    assert isinstance(permit, Permit)
    breaker.record(permit, CallOutcome.CONFIGURATION, reason="configuration")

    assert state(carry(held)) == HELD

    assert row(held).error_type == ErrorType.CONFIGURATION
