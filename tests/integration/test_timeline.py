"""Every attempt can be read out of the events alone: when it was claimed, what was called, how it ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.appointments import events
from db.appointments.events import Event
from db.lifecycle import HoldReason, Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tasks import dependencies
from tasks.guarded_calls import recheck
from tasks.guarded_calls.recheck import Standing
from tasks.maintenance.late_lookups import look_again
from tasks.work.claim import claim
from tests.support.fleet import request, row
from tests.support.stepping import accept, book, carry, carry_until, let_pass, write

POST = {"method": "POST", "path": "/v2/bookings"}
CREATE, LIST = "bookings.create", "bookings.list"
BUSY_HOST, ROUND_ROBIN = 154, 104  # a plain type of the first host of a round robin, and that


@pytest.fixture
def asked(settings: Callable[..., dict[str, str]]) -> int:
    """Accept one request; no worker runs but this process."""
    settings()
    return accept(request(1))[0]


def story(appointment_id: int) -> list[Event]:
    """Read the events, oldest first."""
    with dependencies.current().engine.connect() as conn:
        return events.timeline(conn, appointment_id)


def made(event: Event) -> list[tuple[str, Any]]:
    """Return which calls an event tells of, and how each ended."""
    for call in event.detail.get("calls", []):
        assert set(call) in ({"endpoint", "ms", "status"}, {"endpoint", "ms", "error"})
        assert call["ms"] >= 0
    return [(call["endpoint"], call.get("status", call.get("error"))) for call in event.detail.get("calls", [])]


def attempt(event: Event) -> tuple[timedelta, timedelta]:
    """Return how long an attempt had waited, and how long it lasted, which its calls are a part of."""
    waited, lasted = (timedelta(milliseconds=event.detail[name]) for name in ("waited_ms", "attempt_ms"))
    called = sum(call["ms"] for call in event.detail.get("calls", []))
    assert called <= event.detail["attempt_ms"] + len(event.detail.get("calls", []))
    return waited, lasted


def test_a_plain_booking_tells_when_it_was_asked_for_claimed_and_answered(asked: int) -> None:
    """One event, from which all moments follow: none is before the request."""
    now = carry(asked)
    [confirmed] = story(asked)
    assert (confirmed.kind, made(confirmed)) == ("confirmed", [(CREATE, 201)])
    assert "retry_in_ms" not in confirmed.detail
    waited, lasted = attempt(confirmed)
    rounded = timedelta(milliseconds=1)
    assert timedelta(0) <= waited <= confirmed.created_at - now.requested_at + rounded
    assert now.requested_at - rounded <= confirmed.created_at - lasted <= confirmed.created_at


def test_a_lost_answer_a_look_and_what_it_found(asked: int, simulator: Any) -> None:
    """The call that nobody answered, the pause until the look, and the look that found the booking."""
    simulator.faults("commit_then_reset", match=POST, count=1)
    carry(asked)
    carry_until(asked, lambda now: now.status is Status.CONFIRMED, every=1, attempts=3)
    lost, found = story(asked)
    assert (lost.kind, made(lost)) == ("retrying", [(CREATE, "reset")])
    assert lost.detail["retry_in_ms"] > 0
    assert (found.kind, made(found)) == ("confirmed", [(LIST, 200)])
    for event in (lost, found):
        attempt(event)


def test_a_claim_that_is_renewed_has_waited_no_longer(asked: int) -> None:
    """A further call renews it: the row's own moment is then that of the renewal."""
    claimed = claim(dependencies.current(), asked)
    assert claimed is not None
    waited = claimed.row.updated_at - (claimed.row.enqueued_at or claimed.row.updated_at)
    write(asked, enqueued_at=text("enqueued_at - interval '1 hour'"))
    claimed.renew()
    book(claimed)
    [confirmed] = story(asked)
    assert confirmed.detail["waited_ms"] == round(waited.total_seconds() * 1000)


def test_what_the_breaker_holds_was_not_called(asked: int) -> None:
    """Held, released, confirmed: each with its moment, and the release with how long it had been held."""
    breaker = dependencies.current().breaker
    breaker.operators.force_open("op@example.com", "maintenance")
    held_at = carry(asked).held_at
    breaker.reset("op@example.com")
    carry(asked, after=600)
    held, released, confirmed = story(asked)
    assert (held.kind, made(held)) == ("held", [])
    attempt(held)
    assert held_at is not None
    assert (released.kind, released.detail["held"]) == ("pending", "breaker_open")
    assert released.created_at.fromisoformat(released.detail["since"]) == held_at - timedelta(seconds=600)
    assert made(confirmed) == [(CREATE, 201)]


def test_a_hold_that_ends_by_its_time_tells_since_when_it_was(asked: int) -> None:
    """As what the breaker lets go does."""
    write(
        asked, status=Status.HELD, hold_reason=HoldReason.UNREACHABLE, held_at=text("now()"), hold_until=text("now()")
    )
    held_at = row(asked).held_at
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        queue_sweeps.release_due(conn, BOOKINGS, key=deps.calcom.key_fingerprint, settings="", limit=9)
    [released] = story(asked)
    assert held_at is not None
    assert released.created_at.fromisoformat(released.detail["since"]) == held_at


def test_an_evidence_post_and_the_looks_before_it_are_told(settings: Callable[..., Any], simulator: Any) -> None:
    """A host whom the key does not see: list, event type, and the same bytes once more; every call has its time."""
    settings(CALCOM_API_KEY="cal_test_host4")
    others = accept(request(9, ROUND_ROBIN), request(0, BUSY_HOST))
    for one in others:
        carry(one)
    simulator.faults("commit_then_reset", match=POST | {"event_type_id": ROUND_ROBIN}, count=1)
    [lost] = accept(request(0, ROUND_ROBIN))
    carry_until(lost, lambda now: now.status is Status.CONFIRMED, every=60, attempts=8)
    told = story(lost)
    attempts = [event for event in told if event.by == "worker"]
    assert made(attempts[0]) == [(CREATE, "reset")]
    assert made(attempts[-1])[-1] == (CREATE, 201)
    assert {endpoint for event in attempts[1:] for endpoint, _ in made(event)} >= {LIST, CREATE}
    calls = [entry for entry in simulator.journal() if str(row(lost).uuid) in str(entry)]
    assert sum(made(event).count((CREATE, 201)) for event in attempts) == len(calls) - 1 == 1
    for event in attempts:
        attempt(event)


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_worker_that_is_gone_is_told_by_its_lease(asked: int, *, cancelled: bool) -> None:
    """What it called nobody knows; its lease's end is in the event, also where a cancel was asked for since."""
    claimed = claim(dependencies.current(), asked)
    assert claimed is not None
    let_pass(claimed.deps.timings.lease + 0.1)
    if cancelled:
        with dependencies.current().engine.begin() as conn:
            assert events.request_cancel(conn, asked, Status.BOOKING, by="caller", why="wanted no more")
    before = row(asked)
    with dependencies.current().engine.begin() as conn:
        queue_sweeps.lost_leases(conn, BOOKINGS, 10, settle_seconds=0)
    gone = story(asked)[-1]
    told = {name: datetime.fromisoformat(gone.detail[name]) for name in ("written_at", "lease_ended_at")}
    assert told == {"written_at": before.updated_at, "lease_ended_at": before.lease_expires_at}
    assert before.lease_expires_at is not None
    assert (before.updated_at > before.lease_expires_at) is cancelled


def test_an_answer_that_came_too_late_has_its_call(asked: int) -> None:
    """The worker woke after its lease; its call is told with the uid that it recorded."""
    late = claim(dependencies.current(), asked)
    assert late is not None
    write(asked, lease_expires_at=text("created_at"))
    with dependencies.current().engine.begin() as conn:
        queue_sweeps.lost_leases(conn, BOOKINGS, 10, settle_seconds=0)
    book(late)
    told = story(asked)
    assert [event.kind for event in told] == ["retrying", "late_uid"]
    assert made(told[-1]) == [(CREATE, 201)]
    attempt(told[-1])


def test_looks_of_others_tell_their_calls(asked: int, simulator: Any) -> None:
    """A suspect that is found; and a confirmed one that is gone when its caller asks again."""
    simulator.faults("commit_then_reset", match=POST, count=1)
    carry(asked)
    write(asked, status=Status.HELD, hold_reason=HoldReason.SUSPECT, held_at=text("now()"), next_attempt_at=None)
    assert look_again()["suspects"] == 1
    assert [made(event) for event in story(asked) if event.kind == "late_uid"] == [[(LIST, 200)]]
    simulator.person("cancel", row(asked).calcom_booking_uid, reason="by the attendee")
    assert recheck.still_booked(dependencies.current(), asked).standing is Standing.CANCELLED
    assert (story(asked)[-1].kind, made(story(asked)[-1])) == ("cancelled", [("bookings.get", 200)])
