"""Promises 3, 4 and 1: a half-open breaker's one place is for a booking's POST, and only that says anything of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from db.appointments import events
from db.appointments.appointment import Appointment
from db.appointments.event_types import ShownType, keep
from db.event_kind import EventKind
from db.lifecycle import FINAL, HoldReason, Status, Strategy
from db.models.bookings import appointments as table
from resilience.circuit_breaker.types import Permit, State
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.calcom.reads import LIST
from tasks.maintenance.release import release_held
from tasks.work.claim import claim
from tests.support.fleet import eventually, request, row
from tests.support.stepping import POST, accept, book, breaker_by_hand, carry, carry_until, let_pass, lose, state, write
from worker import enqueue_booking

Settings = Callable[..., dict[str, str]]
PLAIN = 101
LISTS = {"method": "GET", "path": "/v2/bookings"}
OPEN = 30
SOON = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "0.2"}
LATE = SOON | {"CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "60"}


def half_open(endpoint: str | None = None, *, reason: str = "http_500") -> None:
    """Open the breaker and wait until a probe may go."""
    breaker = dependencies.current().breaker
    for _ in range(5):
        breaker.record_failure(reason, endpoint)

    def waits() -> bool:
        status = breaker.get_status()
        return (status.breaker if endpoint is None else status.endpoints[endpoint]).state is State.HALF_OPEN

    eventually(waits, what="a probe may go")


def why(appointment_id: int) -> list[str]:
    """Return what a booking's story gives as reasons."""
    with dependencies.current().engine.connect() as conn:
        return [str(event.detail.get("why")) for event in events.timeline(conn, appointment_id)]


def knows_its_type() -> None:
    """Let the key know what the type is, so that it is not asked."""
    with dependencies.current().engine.begin() as conn:
        shown = ShownType(policy_kind=EventKind.PLAIN, confirms_free_email=False, personal=True, sight=True)
        keep(conn, dependencies.current().calcom.key_fingerprint, str(PLAIN), shown)


def probe_with(one: int, simulator: Any, fault: tuple[str, dict[str, Any]]) -> Appointment:
    """Have the POST of a booking be the probe of its endpoint, and fail so that nothing is booked."""
    simulator.no_faults()
    simulator.faults(fault[0], match=POST, **fault[1])
    write(one, status=Status.PENDING, hold_reason=None, held_at=None, hold_until=None, outcome_unknown=False)
    write(one, sent_at=None, settle_at=None, ends_at=None, refusal=None, looks=0)
    half_open(CREATE)
    return carry(one)


INTERNAL = ("status", {"name": "internal"})
SILENT = ("reset", {})


@pytest.mark.long
def test_a_thousand_enqueues_in_half_open_leave_the_probe_free(settings: Settings) -> None:
    """Who only wants to know whether bookings may go takes nothing."""
    settings(**SOON)
    half_open(reason="timeout")

    kept = {enqueue_booking(request(number)).status for number in range(1000)}

    assert kept == {Status.PENDING}
    permit = dependencies.current().breaker.acquire(CREATE, owner="the first booking that is posted")
    assert isinstance(permit, Permit)
    assert permit.probe


def test_while_the_breaker_is_open_who_enqueues_is_held(settings: Settings) -> None:
    """Of the service, or of the one call that books."""
    settings(**LATE)
    for _ in range(5):
        dependencies.current().breaker.record_failure("http_500", CREATE)
    assert enqueue_booking(request(1)).hold_reason is HoldReason.BREAKER_OPEN


def test_two_outages_and_a_first_500_make_no_booking_suspect(settings: Settings, simulator: Any) -> None:
    """Only probes that failed though Cal.com was there count, and only in a row."""
    settings(**SOON)
    [one] = accept(request(1, PLAIN))

    after = [probe_with(one, simulator, fault) for fault in (SILENT, SILENT, INTERNAL)]

    assert [state(now) for now in after] == [(Status.HELD, HoldReason.BREAKER_OPEN)] * 3
    assert [now.probe_failures for now in after] == [0, 0, 1]


def test_a_probe_that_fails_otherwise_sets_the_count_back(settings: Settings, simulator: Any) -> None:
    """Twice 500, an outage between them and the third: it is not the third in a row."""
    settings(**SOON)
    [one] = accept(request(1, PLAIN))

    after = [probe_with(one, simulator, fault) for fault in (INTERNAL, INTERNAL, SILENT, INTERNAL)]

    assert [now.probe_failures for now in after] == [1, 2, 0, 1]
    assert {now.hold_reason for now in after} == {HoldReason.BREAKER_OPEN}


def test_from_the_third_probe_on_that_cal_com_chokes_on_a_booking_rests_and_comes_again(
    settings: Settings, simulator: Any
) -> None:
    """Each time twice as long, and no person is asked. A hold costs no retry, so its retries are not used up."""
    settings(**SOON)
    [one] = accept(request(1, PLAIN))

    after = [probe_with(one, simulator, INTERNAL) for _ in range(4)]

    assert [now.hold_reason for now in after] == [HoldReason.BREAKER_OPEN] * 2 + [HoldReason.UNREACHABLE] * 2
    waits = [now.hold_until - now.updated_at for now in after[2:] if now.hold_until]
    assert [wait.total_seconds() for wait in waits] == [0.4, 0.8]
    assert {now.retry_count for now in after} == {0}


def rests(one: int, reason: HoldReason = HoldReason.UNREACHABLE) -> None:
    """Have a booking rest since its third probe failed, or wait in the line since then."""
    now = datetime.now(UTC)
    times = {"held_at": now - timedelta(minutes=5), "hold_until": now + timedelta(hours=1)}
    if reason is HoldReason.BREAKER_OPEN:
        times["hold_until"] = None
    write(one, status=Status.HELD, hold_reason=reason, probe_failures=3, enqueued_at=None, **times)


def test_what_rests_goes_when_the_breaker_has_closed_and_nobody_waits_for_it(settings: Settings) -> None:
    """An outage of 500s leaves nobody behind: it says nothing of the bookings whose probes failed in it."""
    settings(**SOON)
    first, second = accept(request(1, PLAIN), request(2, PLAIN))
    rests(first)
    rests(second, HoldReason.BREAKER_OPEN)

    assert release_held() == 1
    assert [row(one).status for one in (first, second)] == [Status.HELD, Status.PENDING]
    assert release_held() == 1
    assert (row(first).status, row(first).probe_failures) == (Status.PENDING, 0)


@pytest.mark.parametrize("opened", [None, CREATE])
def test_what_rests_stays_while_the_breaker_is_not_closed(settings: Settings, opened: str | None) -> None:
    """Of the service, or of the call that books: nothing has succeeded yet."""
    settings(**LATE)
    [one] = accept(request(1, PLAIN))
    rests(one)
    for _ in range(5):
        dependencies.current().breaker.record_failure("http_500", opened)

    assert release_held() == 0


def test_a_probe_costs_no_retry(settings: Settings, simulator: Any) -> None:
    """Its look has shown that nothing is booked; the POST that decides for all is not its own retry."""
    settings(**SOON, CALCOM_SETTLE_ANSWERED_SECONDS="0", CALCOM_SETTLE_SECONDS="0")
    [one] = accept(request(1, PLAIN))
    simulator.faults("status", name="internal", match=POST)
    half_open(CREATE)
    assert carry(one).outcome_unknown

    for _ in range(2):
        half_open(CREATE)
        now = carry(one)

    assert (now.posts, now.retry_count, now.hold_reason) == (3, 0, HoldReason.UNREACHABLE)


def test_a_booking_that_cal_com_answers_with_500_fails_when_its_retries_are_used_up(
    settings: Settings, simulator: Any
) -> None:
    """Others are booked meanwhile, so that the breaker is closed: that is no outage, and nobody's to look after."""
    settings(CALCOM_SETTLE_ANSWERED_SECONDS="5", CALCOM_SETTLE_SECONDS="130", HOLD_MAX_AGE="1")
    clock = breaker_by_hand(threshold=1001)  # as if others were booked all the time
    [one] = accept(request(1, PLAIN))
    simulator.faults("status", name="internal", match=POST)

    now = carry_until(one, lambda it: it.status in FINAL, every=40, attempts=20, clock=clock)

    assert (now.status, now.posts, now.probe_failures) == (Status.FAILED, 4, 0)
    assert not any("held" in reason for reason in why(one))


def test_a_list_that_fails_makes_no_booking_suspect_and_holds_it_by_its_right_name(
    settings: Settings, simulator: Any
) -> None:
    """Booked, answered 500, and the list is out: it waits for the list, and nothing of its POST is open."""
    settings(CALCOM_SETTLE_ANSWERED_SECONDS="0", CALCOM_SETTLE_SECONDS="130")
    clock = breaker_by_hand(threshold=5, open_for=OPEN)
    [one] = accept(request(1, PLAIN))
    simulator.faults("commit_then_status", name="internal", match=POST, count=1)
    simulator.faults("status", name="internal", match=LISTS)

    waits = [carry(one, after=OPEN / 4, clock=clock) for _ in range(24)]

    assert {state(now) for now in waits} <= {(Status.RETRYING, None), (Status.HELD, HoldReason.UNREACHABLE)}
    assert HoldReason.UNREACHABLE in {now.hold_reason for now in waits}
    assert Strategy.CIRCUIT_BREAKER_OPEN not in {now.resilience_strategy for now in waits}
    assert {now.probe_failures for now in waits} == {0}
    assert not any(reason.startswith("not listed") for reason in why(one))
    simulator.no_faults()
    assert carry_until(one, lambda it: it.status in FINAL, every=OPEN, attempts=3, clock=clock).status is (
        Status.CONFIRMED
    )


@pytest.mark.parametrize("others", [1, 8])
def test_while_one_look_is_the_probe_no_other_comes_again_and_again(settings: Settings, others: int) -> None:
    """It may last as long as a call: they are held until Cal.com has been left alone for as long as ever."""
    settings(**SOON)
    knows_its_type()
    waiting = accept(*(request(number, PLAIN) for number in range(others)))
    for one in waiting:
        lose(one)
    half_open(LIST)
    assert dependencies.current().breaker.acquire(LIST, owner="the look that is the probe")

    for one in waiting:
        claimed = claim(dependencies.current(), one)
        assert claimed is not None
        book(claimed)

    with dependencies.current().engine.connect() as conn:
        held = conn.execute(
            select(table.c.hold_reason, table.c.hold_until - table.c.held_at).where(table.c.id.in_(waiting))
        ).all()
    assert {reason for reason, _ in held} == {HoldReason.UNREACHABLE}
    assert all(wait.total_seconds() >= 0.2 for _, wait in held)


def test_what_a_post_has_closed_is_known_though_looks_follow_it(settings: Settings) -> None:
    """Refused, and so Cal.com is back: the look and the slots that come before it is told take nothing of that."""
    settings(**SOON)
    first, second = accept(request(1, PLAIN), request(1, PLAIN, attendee=BO))
    carry(first)
    half_open(reason="timeout")
    claimed = claim(dependencies.current(), second)
    assert claimed is not None

    done = book(claimed)

    assert state(row(second))[0] is Status.REJECTED
    assert len(done.reports) > 2, "its POST, a look, the slots"
    assert (done.makes_room, done.opened) == (True, False)


def test_a_look_that_opens_the_breaker_is_known_though_another_call_follows_it(
    settings: Settings, simulator: Any
) -> None:
    """The release comes at the very moment at which OPEN ends."""
    settings(**LATE)
    [one] = accept(request(1, PLAIN))
    lose(one)
    let_pass(1)
    for _ in range(4):
        dependencies.current().breaker.record_failure("http_500", LIST)
    simulator.faults("status", name="internal", match=LISTS, count=1)
    claimed = claim(dependencies.current(), one)
    assert claimed is not None

    assert book(claimed).opened


BO = {"name": "Bo Example", "email": "bo@example.com", "time_zone": "Europe/Berlin"}
