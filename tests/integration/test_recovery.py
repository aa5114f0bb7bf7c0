"""The harmless call: asked while a booking waits for it, once a minute in the fleet, and never more."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, update

from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments as table
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.audit.calls import AuditCalls
from tasks.calcom.access import CREATE
from tasks.calcom.reads import LIST
from tasks.maintenance.recovery import ask_again
from tasks.maintenance.release import release_held
from tasks.work.claim import claim
from tests.support.fleet import Fleet, eventually, request, row
from tests.support.stepping import book
from worker import enqueue_booking

PAGE = {"kind": "html", "status": 403}


@pytest.fixture(autouse=True)
def today(settings: Callable[..., dict[str, str]]) -> None:
    """Call the simulator with one key."""
    settings()


def hold(number: int, reason: HoldReason, **columns: Any) -> int:
    """Make a booking that is held for today's key or settings."""
    calcom = dependencies.current().calcom
    today = calcom.key_fingerprint if reason is HoldReason.CREDENTIALS else calcom.settings_fingerprint
    asked = enqueue_booking(request(number)).appointment_id
    values = {"status": Status.HELD, "hold_reason": reason, "held_for": today, "held_at": func.now(), **columns}
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == asked).values(**values))
    return asked


def refuse() -> None:
    """Have the breaker block today's key."""
    dependencies.current().breaker.operators.block_key(
        dependencies.current().breaker.key, by="worker", why="Cal.com refused this key"
    )


def meet_a_page(simulator: Any, number: int = 1) -> int:
    """Post a booking that a page answers."""
    simulator.faults("html", status=403, match={"method": "POST"}, count=1)
    asked = enqueue_booking(request(number)).appointment_id
    claimed = claim(dependencies.current(), asked)
    assert claimed is not None
    book(claimed)
    assert row(asked).hold_reason is HoldReason.CONFIGURATION
    return asked


def asked(simulator: Any) -> list[str]:
    """Return what was asked of Cal.com beside POSTs."""
    return [entry["target"] for entry in simulator.journal() if entry["method"] == "GET"]


def test_nothing_is_asked_while_no_booking_waits_for_it(simulator: Any) -> None:
    """A blocked key alone costs no call; nor does a hold when nothing is blocked, for its state ends it."""
    hold(1, HoldReason.CREDENTIALS)
    assert ask_again() == 0

    refuse()
    hold(2, HoldReason.CONFIGURATION)
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).where(table.c.hold_reason == HoldReason.CREDENTIALS).values(held_for="other"))
    assert ask_again() == 0

    assert asked(simulator) == []


def test_a_refused_key_is_tried_once_a_minute_by_a_call_that_books_nothing(simulator: Any) -> None:
    """However many ask; a refusal leaves everything as it was."""
    simulator.faults("status", name="invalid_key")
    refuse()
    held = hold(1, HoldReason.CREDENTIALS)

    assert [ask_again() for _ in range(5)] == [0] * 5

    assert asked(simulator) == ["/v2/bookings?take=1"]
    assert row(held).status is Status.HELD
    assert dependencies.current().breaker.get_status().blocked_keys == (dependencies.current().breaker.key,)


def test_a_key_that_is_taken_again_is_not_blocked_any_more(simulator: Any) -> None:
    """The call's own report lifts it, for the whole fleet."""
    refuse()
    hold(1, HoldReason.CREDENTIALS)

    ask_again()

    assert asked(simulator) == ["/v2/bookings?take=1"]
    assert dependencies.current().breaker.get_status().blocked_keys == ()


@pytest.mark.parametrize("block", ["key", "settings"])
def test_a_line_behind_a_block_is_enough_to_ask(simulator: Any, block: str) -> None:
    """Who stands in line is held by the block, too, under another name; nobody else may be left to ask for."""
    breaker = dependencies.current().breaker
    hold(1, HoldReason.BREAKER_OPEN, held_for=None)
    if block == "key":
        refuse()
    else:
        permit = breaker.acquire(LIST, owner="the last call that found out", trial=True, now=time.time() - 61)
        assert isinstance(permit, Permit)
        breaker.record(permit, CallOutcome.CONFIGURATION, reason="configuration")
        assert breaker.get_status().wrong_settings

    ask_again()

    assert asked(simulator) == ["/v2/bookings?take=1"]
    assert (breaker.get_status().blocked_keys, breaker.get_status().wrong_settings) == ((), ())
    assert breaker.held_work.count_releasable(CREATE).room == 1


def throttle(seconds_ago: float) -> None:
    """Have Cal.com have asked to wait for a day."""
    breaker, then = dependencies.current().breaker, time.time() - seconds_ago
    permit = breaker.acquire(CREATE, owner="the one that met it", now=then)
    assert isinstance(permit, Permit)
    breaker.record(permit, CallOutcome.THROTTLED, reason="throttled", retry_after=86_400, now=then)


def test_what_a_429_of_a_day_holds_is_let_go_when_the_harmless_call_is_answered_well(simulator: Any) -> None:
    """It goes a minute after the 429, and no sooner; nobody has to order it."""
    breaker = dependencies.current().breaker
    asked_for = hold(1, HoldReason.THROTTLED, held_for=None)
    throttle(seconds_ago=50)
    assert (ask_again(), asked(simulator)) == (0, [])

    breaker.reset("a test", "Cal.com is well again")
    throttle(seconds_ago=61)
    ask_again()

    assert asked(simulator) == ["/v2/bookings?take=1"]
    assert breaker.get_status().throttled_for == 0
    release_held()
    assert row(asked_for).status is Status.PENDING


def test_a_429_that_meets_the_harmless_call_keeps_what_is_held(simulator: Any) -> None:
    """And the next goes a minute later, however many ask."""
    simulator.faults("status", name="throttled", retry_after=86_400)
    held = hold(1, HoldReason.THROTTLED, held_for=None)
    throttle(seconds_ago=61)

    assert [ask_again() for _ in range(3)] == [0] * 3

    assert asked(simulator) == ["/v2/bookings?take=1"]
    assert row(held).status is Status.HELD
    assert dependencies.current().breaker.get_status().throttled_for > 0


def test_nobody_asks_about_a_429_for_which_nobody_waits(simulator: Any) -> None:
    """The next booking finds out, when there is one."""
    throttle(seconds_ago=61)

    ask_again()

    assert asked(simulator) == []


def test_a_page_that_meets_the_harmless_call_too_holds_the_fleet(simulator: Any) -> None:
    """Then nothing is sent; what would have been is held for the settings."""
    meet_a_page(simulator)
    simulator.faults("html", status=403)
    ask_again()
    sent = len(simulator.journal())
    other = enqueue_booking(request(2)).appointment_id
    claimed = claim(dependencies.current(), other)
    assert claimed is not None

    book(claimed)

    assert (row(other).hold_reason, row(other).hold_until) == (HoldReason.CONFIGURATION, None)
    assert len(simulator.journal()) == sent


def test_of_what_a_page_met_one_goes_first(simulator: Any) -> None:
    """The harmless call was answered well; whether a POST is, only a POST tells."""
    calcom = dependencies.current().calcom
    meet_a_page(simulator)
    ids = [hold(number, HoldReason.CONFIGURATION) for number in (2, 3)]

    assert ask_again() == 1

    assert [row(one).status for one in ids] == [Status.PENDING, Status.HELD]
    assert dependencies.current().breaker.get_status().paged_settings == (calcom.settings_fingerprint,)


@pytest.mark.parametrize("kind", ["page", "cancel"])
def test_a_page_that_meets_anything_but_a_post_says_nothing_of_posts(simulator: Any, kind: str) -> None:
    """No POST that goes through would ever lift what such a page says."""
    simulator.faults("html", status=403, count=1)
    calls = AuditCalls(dependencies.current())

    if kind == "page":
        calls.list_bookings({"take": 1})
    else:
        calls.cancel("uid", {}, may_send=lambda: True, correlation_id="correlation")

    status = dependencies.current().breaker.get_status()
    assert (status.wrong_settings, status.paged_settings) == ((), ())


def test_cal_com_is_left_alone_while_the_breaker_is_open(simulator: Any) -> None:
    """A blocked key lets one call through, an outage does not."""
    refuse()
    hold(1, HoldReason.CREDENTIALS)
    dependencies.current().breaker.operators.force_open("operator", "a test")

    assert ask_again() == 0

    assert asked(simulator) == []


def test_without_redis_only_a_call_of_this_process_ends_a_hold(simulator: Any, valkey: Any) -> None:
    """What others know nobody can say; it is asked once a minute all the same."""
    ids = [hold(1, HoldReason.CREDENTIALS), hold(2, HoldReason.CONFIGURATION)]
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).values(held_at=func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 10)))
    valkey.kill()

    assert [ask_again() for _ in range(3)] == [2, 0, 0]

    assert asked(simulator) == ["/v2/bookings?take=1"]
    assert {row(one).status for one in ids} == {Status.PENDING}


def test_without_redis_a_line_is_no_reason_to_ask(simulator: Any, valkey: Any) -> None:
    """It may stand there for an outage that this process was not told of."""
    hold(1, HoldReason.BREAKER_OPEN, held_for=None)
    valkey.kill()

    assert ask_again() == 0

    assert asked(simulator) == []


def test_a_page_is_asked_about_at_once(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """Not at the beat's next tick: here is no beat."""
    running = fleet()
    running.worker()
    running.maintenance()
    simulator.faults("html", status=403)

    enqueue_booking(request(1))

    wrong = (dependencies.current().calcom.settings_fingerprint,)
    eventually(lambda: dependencies.current().breaker.get_status().wrong_settings == wrong)
    look, harmless = asked(simulator)
    assert "attendeeEmail" in look, "the page may hide a booking"
    assert harmless == "/v2/bookings?take=1"


def test_a_post_that_cal_com_answers_lifts_what_a_page_said(simulator: Any) -> None:
    """Whatever it says: Cal.com itself was there; a read does not, for the page may meet POST alone."""
    breaker = dependencies.current().breaker
    meet_a_page(simulator)
    for endpoint, left in ((LIST, 1), (CREATE, 0)):
        permit = breaker.acquire(endpoint, owner=endpoint)
        assert permit

        breaker.record(permit, CallOutcome.SUCCESS)

        assert len(breaker.get_status().paged_settings) == left
