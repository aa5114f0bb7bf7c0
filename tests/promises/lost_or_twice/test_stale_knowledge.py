"""Promises 2 and 5: what was known of a booking, or of its type, is asked again before it is built upon."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from booking_client.request.model import BookingRequest
from db.appointments import event_types
from db.lifecycle import Status
from tasks import dependencies
from tasks.audit.calls import AuditCalls
from tasks.audit.finding import AuditFindingKind
from tasks.audit.survey import mend, survey
from tests.support.fleet import request, row
from tests.support.stepping import POST, accept, carry, carry_until, let_pass, lose, write
from worker import enqueue_booking

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
PLAIN, SERIES = 101, 129
START = datetime(2030, 3, 1, 9, tzinfo=UTC)


def by_name(number: int, slug: str, username: str) -> BookingRequest:
    """Ask for the slot of this number of a user's own type, which is named by its slug."""
    return BookingRequest.parse(
        {
            "event_type_slug": slug,
            "username": username,
            "start": START + number * timedelta(minutes=30),
            "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"},
        }
    )


def kind_of(appointment_id: int) -> str | None:
    """Return what our key was last told that the booking's type is."""
    with dependencies.current().engine.connect() as conn:
        known = event_types.known(conn, dependencies.current().calcom.key_fingerprint, row(appointment_id).event_type)
    return None if known is None else known.kind.value


def test_a_series_whose_first_week_was_cancelled_stands(settings: Settings, simulator: Any) -> None:
    """Seven weeks are the customer's still: who asks again is not booked a second time."""
    settings()
    [booked] = accept(request(1, SERIES))
    simulator.person("cancel", carry(booked).calcom_booking_uid)

    again = enqueue_booking(request(1, SERIES))

    assert (again.appointment_id, again.status, again.duplicate) == (booked, Status.CONFIRMED, True)
    assert again.as_of is None, "Cal.com was asked"
    assert Counter(one["status"] for one in simulator.bookings()) == {"accepted": 7, "cancelled": 1}


def test_a_series_of_which_every_week_was_cancelled_is_booked_again(settings: Settings, simulator: Any) -> None:
    """Nothing of it stands."""
    settings()
    [booked] = accept(request(1, SERIES))
    simulator.person("cancel", carry(booked).series_uid)

    again = enqueue_booking(request(1, SERIES))

    assert (again.status, again.duplicate) == (Status.PENDING, False)
    assert row(booked).status is Status.CANCELLED


def test_no_404_cancels_a_booking_here(settings: Settings, simulator: Any) -> None:
    """However old it is, and in whatever words: Cal.com shows what was cancelled, and another Cal.com may answer."""
    settings()
    [booked] = accept(request(1, PLAIN))
    carry(booked)
    of_a_booking = {"method": "GET", "path": "/v2/bookings/*"}
    for words in ("Invalid Query", f"Booking with uid={row(booked).calcom_booking_uid} was not found in the database"):
        let_pass(3600)
        simulator.faults("status", status=404, shape="A", message=words, match=of_a_booking, count=1)

        again = enqueue_booking(request(1, PLAIN))

        assert (again.appointment_id, again.status, again.duplicate) == (booked, Status.CONFIRMED, True)
        assert again.as_of == row(booked).updated_at


def test_a_type_that_was_deleted_and_made_anew_is_asked_what_it_is_now(
    settings: Settings, simulator: Any, posts: Counts
) -> None:
    """It was plain, and is a series that its host confirms: a second POST of that one books eight weeks more."""
    settings(CALCOM_API_KEY="cal_test_host90", CALCOM_SETTLE_SECONDS="130")
    simulator.event_type(549, slug="another", hosts=["host90"])  # so that the user stays
    simulator.event_type(540, slug="intro", hosts=["host90"])
    first, while_gone, lost = accept(*(by_name(number, "intro", "host90") for number in range(3)))
    lose(first)
    assert (carry(first).status, kind_of(first)) == (Status.CONFIRMED, "plain")
    simulator.delete_event_type(540)
    lose(while_gone)
    carry(while_gone)
    assert kind_of(while_gone) == "plain", "what is gone stays what it was"
    simulator.event_type(541, slug="intro", kind="recurring+confirm", hosts=["host90"], recurrences=8)
    simulator.settings(replica_lag=60)
    simulator.faults("commit_then_status", name="internal", match=POST, count=1)
    carry(lost)

    waiting = [carry(lost, after=5) for _ in range(3)]

    reference = str(row(lost).uuid)
    assert (posts()[reference], len(simulator.bookings(reference))) == (1, 8)
    assert {one.outcome_unknown for one in waiting} == {True}
    assert kind_of(lost) == "other"


def test_a_users_type_that_is_named_keeps_its_kind_when_it_is_asked_again(settings: Settings, simulator: Any) -> None:
    """By its name it is shown to everybody, by its number to its owner: the key is somebody else's.

    Whether it confirms free addresses is told to its owner alone: it may.
    """
    settings(CALCOM_API_KEY="cal_test_host50", CALCOM_SETTLE_SECONDS="130")
    simulator.event_type(540, slug="intro", hosts=["host90"])
    simulator.faults("status", name="internal", match=POST, count=2)
    [lost] = accept(by_name(0, "intro", "host90"))

    now = carry_until(lost, lambda one: one.status is Status.CONFIRMED, every=5, attempts=6)

    assert (now.posts, kind_of(lost)) == (3, "confirmation")


def test_an_audit_records_nothing_that_was_cancelled_since_it_looked(settings: Settings, simulator: Any) -> None:
    """Its list of a whole range may be minutes old."""
    settings()
    kept, cancelled = accept(request(1, PLAIN), request(2, PLAIN))
    uids = {one: carry(one).calcom_booking_uid for one in (kept, cancelled)}
    for one in uids:
        write(one, status=Status.FAILED, calcom_booking_uid=None, sent_at=row(one).requested_at)
    let_pass(3600)
    calls = AuditCalls(dependencies.current(), pause=lambda _: None)
    seen = survey(calls, START - timedelta(days=1), START + timedelta(days=1))
    assert [(one.kind, one.row and one.row.id) for one in seen.findings] == [
        (AuditFindingKind.NOT_HERE, one) for one in uids
    ]
    simulator.person("cancel", uids[cancelled])

    done = {finding.row.id: fixed.ok for finding, fixed in mend(calls, seen) if finding.row}

    assert done == {kept: True, cancelled: False}
    assert (row(kept).status, row(kept).calcom_booking_uid) == (Status.CONFIRMED, uids[kept])
    assert (row(cancelled).status, row(cancelled).calcom_booking_uid) == (Status.FAILED, None)
