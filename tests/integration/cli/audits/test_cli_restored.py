"""`booking restored`: asks, refuses while a worker runs, waits, and says what it has found."""

import getpass
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.audit import restored as find
from tasks.audit.listing import read_listing
from tasks.calcom import deciding_lookup
from tasks.calcom.lookup import LookupKind
from tasks.operations import breaker_overrides
from tests.support.audits.scene import Scene
from tests.support.fleet import Fleet, eventually
from tests.support.page.operating import recorded
from worker.celery_app import app
from worker.cli.audit import restored

pytestmark = pytest.mark.fresh_database  # a restore turns a trigger on

Booking = Callable[..., Any]
SINCE = ("restored", "--since", "2026-03-01T03:00Z")


@pytest.fixture(autouse=True)
def _workers_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait briefly for the answers of workers: none runs, but where a test says so."""
    monkeypatch.setattr(restored, "PING", 0.05)


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them, and a wait of a quarter of a second."""
    settings(CALCOM_SETTLE_SECONDS="0.2")
    return Scene(record, simulator)


def test_it_says_what_is_unknown_and_what_was_lost(scene: Scene, call: Booking) -> None:
    """A row on its way, a booking at Cal.com without a row, and who asks for it again."""
    waiting, ended = scene.row(), scene.row(Status.CANCELLED)
    lost = scene.record.new(event_type_id=110, start_at=next(scene.starts))
    scene.post(lost)
    ran = call(*SINCE, "--yes", "--json")
    assert (ran.code, ran.json) == (
        0,
        {
            "since": "2026-03-01T03:00:00+00:00",
            "unknown": 1,
            "found": 1,
            "asked_again": 0,
            "unnamed": 0,
            "not_asked": [],
        },
    )
    again = scene.record.keep(event_type_id=110, start_at=lost.start_at, attendee_email=lost.attendee_email)
    assert (again.uuid, again.outcome_unknown) == (lost.uuid, True)
    assert scene.record.read(waiting.id).hold_reason is HoldReason.SETTLING
    assert scene.record.read(ended.id).status is Status.CANCELLED
    assert "is not known; was pending" in " ".join(call("show", waiting.id).out.split())


def test_who_said_so_and_why_is_recorded_with_its_counts(scene: Scene, call: Booking) -> None:
    """As each order of an operator is, before anything is done; also what was not done to its end, and why."""
    deps = dependencies.current()
    for _ in range(3):
        scene.row()
    scene.post(scene.record.new(event_type_id=110, start_at=next(scene.starts)))
    breaker_overrides.force(deps.engine, deps.breaker, "open", by="ops", why="test", until=None)
    assert call(*SINCE, "--yes", "--why", "the disk is gone").code == 1
    breaker_overrides.reset(deps.engine, deps.breaker, by="ops", why="test")
    assert call(*SINCE, "--yes", "--force").code == 0

    halted, done = recorded(deps)

    assert {(one.who, one.via, one.action) for one in (halted, done)} == {
        (getpass.getuser(), "command line", "restored")
    }
    about = {"since": "2026-03-01T03:00:00+00:00", "force": False}
    assert (halted.target, done.target) == (about, about | {"force": True})
    assert (halted.why, done.why) == ("the disk is gone", "the operator asked")
    assert (halted.done, halted.outcomes, bool(halted.refused)) == (3, {"not_done": 1}, True)
    assert (done.done, done.refused, done.done_at is not None) == (3, None, True)
    assert done.outcomes == {"unknown": 3, "found": 1, "asked_again": 0, "unnamed": 0}


def test_what_is_killed_half_way_has_counted_what_it_did(
    scene: Scene, call: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is recorded as what has not ended."""
    scene.row()

    def ctrl_c(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(restored, "_wait", ctrl_c)
    assert call(*SINCE, "--yes").code != 0

    [action] = recorded(dependencies.current())
    assert (action.done, action.done_at, action.outcomes, action.refused) == (1, None, {}, None)


def test_for_a_person_it_says_what_comes_next(scene: Scene, call: Booking) -> None:
    """In the end the workers are started, and an audit says the rest."""
    scene.row()
    ran = call(*SINCE, "--yes")
    assert ran.code == 0
    assert "1 booking on the way or held: each is looked for before it may be posted." in ran.out
    assert "0 bookings at Cal.com without a row here" in ran.out
    assert "Start the workers; then `booking audit --fix`" in ran.out
    assert "Waiting 0.2 s" in ran.err


def test_a_seat_that_was_lost_is_known_by_its_own_attendee(scene: Scene, call: Booking) -> None:
    """Others have theirs in the same booking; a series is known by its first week."""
    start = next(scene.starts)
    seats = [scene.record.new(event_type_id=103, start_at=start) for _ in range(2)]
    weekly = scene.record.new(event_type_id=129, start_at=next(scene.starts))
    for one in (*seats, weekly):
        scene.post(one)
    assert call(*SINCE, "--yes", "--json").json["found"] == 3
    for one in (*seats, weekly):
        again = scene.record.keep(
            event_type_id=one.event_type_id, start_at=one.start_at, attendee_email=one.attendee_email
        )
        assert again.uuid == one.uuid


def test_a_booking_that_was_lost_is_its_bookers_and_no_guests(
    scene: Scene, call: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cal.com's attendees, guests and other hosts among them, have no fixed order."""
    lost = scene.record.new(event_type_id=110, start_at=next(scene.starts), guests=["guest@example.com"])
    scene.post(lost)

    def guests_first(*asked: Any, **options: Any) -> Any:
        listing = read_listing(*asked, **options)
        for place in listing.places[str(lost.uuid)]:
            object.__setattr__(place, "booking", replace(place.booking, attendees=place.booking.attendees[::-1]))
        return listing

    monkeypatch.setattr(find, "read_listing", guests_first)
    assert call(*SINCE, "--yes", "--json").json["found"] == 1
    of_guest, again = (
        scene.record.keep(event_type_id=110, start_at=lost.start_at, attendee_email=email)
        for email in ("guest@example.com", lost.attendee_email)
    )
    assert (of_guest.uuid == lost.uuid, again.uuid == lost.uuid) == (False, True)


def test_a_booking_that_many_newer_ones_hide_is_found(
    scene: Scene, call: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absence counts only down to when it was made, not down to when it was asked for again."""
    lost = scene.record.new(event_type_id=110, start_at=next(scene.starts))
    scene.post(lost)
    assert call("restored", "--since", f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%MZ}", "--yes").code == 0
    for _ in range(3):
        scene.post(scene.record.new(event_type_id=110, start_at=next(scene.starts)))
    again = scene.record.keep(event_type_id=110, start_at=lost.start_at, attendee_email=lost.attendee_email)
    monkeypatch.setattr(deciding_lookup, "PAGE", 2)
    monkeypatch.setattr(deciding_lookup, "_CLOCKS_MARGIN", timedelta(seconds=-10))  # as if all had taken longer
    result = deciding_lookup.deciding_lookup(scene.calls(), again, calcom_id=None, me=None)
    assert result.kind is LookupKind.FOUND


def test_what_was_cancelled_there_is_not_kept(scene: Scene, call: Booking) -> None:
    """Who asks again for that wants to be booked."""
    scene.cancel(scene.post(scene.record.new(event_type_id=110))["uid"])
    assert call(*SINCE, "--yes", "--json").json["found"] == 0


@pytest.mark.parametrize("ended", [Status.REJECTED, Status.FAILED, Status.EXPIRED])
def test_what_had_ended_and_was_booked_since_is_not_sent_once_more(scene: Scene, call: Booking, ended: Status) -> None:
    """An operator's retry after the backup is forgotten; the customer or the operator would have it booked again."""
    row, still = scene.row(ended), scene.row(ended)
    booked = scene.post(row)
    assert call(*SINCE, "--yes", "--json").json["found"] == 0
    now = scene.record.read(row.id)
    assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, booked["uid"])
    assert scene.record.read(still.id) == still
    assert call("retry", row.id).code == 1


def test_without_anybody_to_ask_it_does_nothing(scene: Scene, call: Booking) -> None:
    """A script must say --yes."""
    row = scene.row()
    ran = call(*SINCE)
    assert ran.code == 1
    assert "--yes" in ran.err
    assert scene.record.read(row.id) == row


def test_while_a_worker_runs_it_refuses(
    fleet: Callable[..., Fleet], record: Any, call: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would post again what is booked already; an operator who knows better may force it."""
    monkeypatch.setattr(restored, "PING", 10.0)  # a slow machine's worker answers, too
    running = fleet(CALCOM_SETTLE_SECONDS="0.2")
    running.maintenance()
    eventually(lambda: app.control.ping(timeout=0.5), what="it answers")
    row = record.keep()
    ran = call(*SINCE, "--yes")
    assert ran.code == 1
    assert "a worker runs: maintenance@test" in ran.err
    assert record.read(row.id) == row
    assert call(*SINCE, "--yes", "--force").code == 0


def test_a_broker_that_is_away_proves_nothing(
    settings: Callable[..., dict[str, str]], record: Any, call: Booking
) -> None:
    """A worker may run all the same."""
    settings(CALCOM_SETTLE_SECONDS="0.2", CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    row = record.keep()
    ran = call(*SINCE, "--yes")
    assert ran.code == 1
    assert "nobody can tell whether a worker runs" in ran.err
    assert record.read(row.id) == row
    assert call(*SINCE, "--yes", "--force").code == 0


def test_a_cal_com_that_cannot_be_asked_is_no_end(scene: Scene, call: Booking, simulator: Any) -> None:
    """What was on its way is unknown by then; no worker may run before the list was read."""
    row = scene.row()
    deps = dependencies.current()
    breaker_overrides.force(deps.engine, deps.breaker, "open", by="ops", why="test", until=None)
    ran = call(*SINCE, "--yes")
    assert (ran.code, simulator.journal()) == (1, [])
    assert "no worker may run before this command has ended with exit code 0; run it again" in ran.err
    assert scene.record.read(row.id).outcome_unknown
    breaker_overrides.reset(deps.engine, deps.breaker, by="ops", why="test")
    assert call(*SINCE, "--yes").code == 0


def test_bookings_that_wait_for_the_limit_do_not_stop_it(scene: Scene, call: Booking) -> None:
    """No worker runs that would let them go."""
    scene.record.moved(Status.HELD, hold_reason=HoldReason.THROTTLED)
    assert call(*SINCE, "--yes").code == 0


@pytest.mark.parametrize("moment", ["yesterday", "2999-01-01T00:00Z", ""])
def test_a_moment_that_cannot_be_is_wrong_usage(scene: Scene, call: Booking, moment: str) -> None:
    """Not read, or still to come."""
    row = scene.row()
    ran = call("restored", "--since", moment, "--yes")
    assert ran.code == 2
    assert "--since" in ran.err
    assert scene.record.read(row.id) == row


def test_without_a_moment_it_is_wrong_usage(call: Booking) -> None:
    """Nobody can guess when the backup was made."""
    assert call("restored", "--yes").code == 2
