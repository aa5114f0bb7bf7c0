"""An audit reads each change of its days by the uid that its POSTs named, whatever the start of its booking."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, update

from db.appointments import Appointment
from db.audits import nights
from db.changes.change import SeriesPart
from db.lifecycle import ChangeStatus, Status
from db.models.audits import nightly_audits
from db.models.changes import SeriesScope, booking_changes
from tasks import dependencies
from tasks.audit.finding import AuditFindingKind
from tasks.audit.survey import Survey, mend, survey
from tests.support.audits.nights import Night
from tests.support.audits.scene import SEATS, Scene
from tests.support.changes import ask_change, ended_change

RECURRING, DAY = 129, timedelta(days=1)
LONG_AGO = func.now() - timedelta(minutes=10)
QUICK = "6000"


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE=QUICK)
    simulator.settings(rate_limit=0)
    return Scene(record, simulator)


def midnight() -> datetime:
    """Return the begin of today."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def audited(scene: Scene) -> Survey:
    """Audit yesterday, today and tomorrow: the bookings of a scene begin later."""
    return survey(scene.calls(), midnight() - DAY, midnight() + 2 * DAY)


def found(scene: Scene) -> list[tuple[AuditFindingKind, int | None]]:
    """Return what is found of these days."""
    return [(one.kind, one.row.id if one.row else None) for one in audited(scene).findings]


def reads(scene: Scene, act: Callable[[], object]) -> int:
    """Count the reads of single bookings while something is done."""
    before = len(scene.simulator.journal())
    act()
    entries = scene.simulator.journal()[before:]
    return sum(one["method"] == "GET" and one["target"].startswith("/v2/bookings/") for one in entries)


def cancelled_by_us(scene: Scene, row: Appointment, **columns: Any) -> None:
    """End a cancel of ours as done, a while ago; our row is cancelled with it."""
    ended_change(scene.record, row, None, **{"from_uid": row.calcom_booking_uid, "updated_at": LONG_AGO, **columns})
    assert scene.record.move(row, Status.CANCELLED)
    scene.aged(row)


def moved_by_us(scene: Scene, row: Appointment, days: int = 1) -> str:
    """End a move of ours as done, a while ago; return the new uid."""
    to = row.start_at + days * DAY
    body = {"start": f"{to:%Y-%m-%dT%H:%M:%SZ}"}
    uid: str = scene.call("POST", f"/v2/bookings/{row.calcom_booking_uid}/reschedule", body)["uid"]
    ended_change(scene.record, row, to, from_uid=row.calcom_booking_uid, to_uid=uid, updated_at=LONG_AGO)
    scene.record.write(row.id, calcom_booking_uid=uid, booked_start_at=to)
    scene.aged(row)
    return uid


def moved_there(scene: Scene, row: Appointment, days: int = 3) -> None:
    """Let the host move a booking."""
    scene.deed("move", row.calcom_booking_uid, start=f"{row.start_at + days * DAY:%Y-%m-%dT%H:%M:%SZ}")


def test_a_hosts_move_in_the_second_of_our_cancel_is_found(scene: Scene) -> None:
    """Both were answered with success, months before the booking's day: it lives under another uid."""
    row, well = scene.confirmed(), scene.confirmed()
    moved_there(scene, row)
    cancelled_by_us(scene, row)
    scene.cancel(well.calcom_booking_uid or "")
    cancelled_by_us(scene, well)
    seen = audited(scene)
    assert len(seen.findings) == 1
    one = seen.findings[0]
    assert (one.kind, one.row and one.row.id, seen.changes, seen.confirmed) == (AuditFindingKind.NOT_HERE, row.id, 2, 0)
    assert [place.uid for place in one.there] == list(scene.alive(row))
    calls = scene.calls()
    assert [done.ok for _, done in mend(calls, audited(scene))] == [False], "a person decides whether it is cancelled"
    assert "cancel_there" in scene.story(row)


def test_a_change_that_left_what_it_should_costs_one_read(scene: Scene) -> None:
    """A cancel, a move, the cancel of a seat beside another one, a refused move, the cancel of a series."""
    rows = [scene.confirmed() for _ in range(2)]
    seat, series, refused = scene.confirmed(SEATS), scene.confirmed(RECURRING), scene.confirmed()
    scene.confirmed(SEATS, start_at=seat.start_at)
    for row, cancel in ((rows[0], {}), (seat, {"seat": seat.calcom_seat_uid})):
        scene.deed("cancel", row.calcom_booking_uid, **cancel)
        cancelled_by_us(scene, row)
    moved_by_us(scene, rows[1])
    scene.deed("cancel", series.series_uid)
    cancelled_by_us(scene, series, from_uid=series.series_uid)
    no = {"status": ChangeStatus.REFUSED, "from_uid": refused.calcom_booking_uid, "updated_at": LONG_AGO}
    ended_change(scene.record, refused, refused.start_at + DAY, **no)
    assert found(scene) == []
    assert reads(scene, lambda: audited(scene)) == 5


def test_what_was_never_sent_and_what_is_not_over_is_not_read(scene: Scene) -> None:
    """Nor what ended on another day, or so lately that a replica may be behind it."""
    row = scene.confirmed()
    uid = {"from_uid": row.calcom_booking_uid}
    for columns in (
        {"posts": 0, "updated_at": LONG_AGO},
        {"status": ChangeStatus.PENDING, "updated_at": LONG_AGO},
        {"updated_at": func.now() - timedelta(days=3)},
        {"updated_at": func.now() + timedelta(days=3)},
    ):
        ended_change(scene.record, row, row.start_at + DAY, **uid, **columns)
    assert reads(scene, lambda: audited(scene)) == 0


def test_a_booking_that_lives_beside_the_one_that_we_moved_is_found(scene: Scene) -> None:
    """The old uid of a move of ours lives: a transaction that Cal.com carried out by half."""
    row = scene.confirmed()
    uid = moved_by_us(scene, row)
    scene.deed("revive", row.calcom_booking_uid)
    assert scene.alive(row) == {uid, row.calcom_booking_uid}
    assert found(scene) == [(AuditFindingKind.TWICE, row.id)]


def test_two_moves_in_one_second_are_found(scene: Scene) -> None:
    """The old uid shows the host's successor, and ours lives, too."""
    row = scene.confirmed()
    moved_there(scene, row)
    ours = scene.post(row, start_at=row.start_at + DAY)["uid"]
    to = row.start_at + DAY
    ended_change(scene.record, row, to, from_uid=row.calcom_booking_uid, to_uid=ours, updated_at=LONG_AGO)
    scene.record.write(row.id, calcom_booking_uid=ours, booked_start_at=to)
    scene.aged(row)
    assert found(scene) == [(AuditFindingKind.TWICE, row.id)]


def test_what_a_refused_change_shows_as_moved_is_followed(scene: Scene) -> None:
    """By an order; a person had it moved before our POST."""
    row = scene.confirmed()
    no = {"status": ChangeStatus.REFUSED, "from_uid": row.calcom_booking_uid, "updated_at": LONG_AGO}
    ended_change(scene.record, row, row.start_at + DAY, **no)
    moved_there(scene, row)
    assert found(scene) == [(AuditFindingKind.MOVED, row.id)]
    assert [done.ok for _, done in mend(scene.calls(), audited(scene))] == [True]
    assert scene.record.read(row.id).booked_start_at == row.start_at + 3 * DAY


def test_a_week_that_its_host_moved_while_we_cancelled_it_is_found(scene: Scene) -> None:
    """The row stays confirmed, with its other weeks; one that was moved before is cancelled where it was."""
    row = scene.confirmed(RECURRING)
    weeks = sorted(scene.simulator.bookings(str(row.uuid)), key=lambda one: str(one["start"]))
    week = datetime.fromisoformat(weeks[2]["start"])
    with scene.record.engine.begin() as conn:
        asked = ask_change(conn, row, part=SeriesPart(SeriesScope.ONE, week))
        done = {"status": ChangeStatus.DONE, "posts": 1, "updated_at": LONG_AGO, "enqueued_at": None}
        done |= {"from_uid": row.series_uid, "weeks_named": [weeks[2]["uid"]]}
        conn.execute(update(booking_changes).where(booking_changes.c.id == asked.id).values(done))
    scene.deed("move", weeks[2]["uid"], start=f"{week + DAY:%Y-%m-%dT%H:%M:%SZ}")
    assert found(scene) == [(AuditFindingKind.NOT_HERE, row.id)]
    new = next(one for one in scene.simulator.bookings(str(row.uuid)) if one.get("rescheduledFromUid"))
    scene.cancel(new["uid"])
    assert found(scene) == []


def test_weeks_that_had_begun_are_no_finding_of_a_cancelled_series(scene: Scene) -> None:
    """A cancel of a series leaves them as they were."""
    row = scene.confirmed(RECURRING)
    weeks = sorted(scene.simulator.bookings(str(row.uuid)), key=lambda one: str(one["start"]))
    for week in weeks[2:]:
        scene.deed("cancel", week["uid"])
    cancelled_by_us(scene, row, from_uid=row.series_uid)
    scene.record.write(row.id, updated_at=row.start_at + 8 * DAY)
    assert (found(scene), scene.found()) == ([], [])
    scene.record.write(row.id, updated_at=row.start_at + 6 * DAY)
    assert found(scene) == scene.found() == [(AuditFindingKind.NOT_HERE, row.id)]


def test_a_change_whose_booking_cannot_be_read_is_said(scene: Scene) -> None:
    """It is no clean bill."""
    row = scene.confirmed()
    scene.cancel(row.calcom_booking_uid or "")
    cancelled_by_us(scene, row)
    path = f"/v2/bookings/{row.calcom_booking_uid}"
    scene.simulator.faults("status", name="internal", match={"method": "GET", "path": path})
    seen = audited(scene)
    assert (seen.findings, seen.clean, seen.silent["cannot_tell"]) == ([], False, [row.id])


class TestAtNight:
    """The night reads the changes of the day before it, once, and follows or tells what it finds."""

    @pytest.fixture
    def night(self, scene: Scene) -> Night:
        """Begin the audit of the night that ends yesterday."""
        return Night(datetime.now(UTC).date(), scene.simulator)

    @staticmethod
    def ended() -> Any:
        """Return what the newest audit that has ended found."""
        with dependencies.current().engine.connect() as conn:
            return nights.last_ended(conn)

    def test_it_tells_what_lives_and_follows_what_moved(self, scene: Scene, night: Night) -> None:
        """Of yesterday: what ended today is the next night's."""
        yesterday = midnight() - timedelta(hours=2)
        lives, moved, of_today = scene.confirmed(), scene.confirmed(), scene.confirmed()
        for row in (lives, of_today):
            moved_there(scene, row)
            cancelled_by_us(scene, row, updated_at=yesterday if row is lives else midnight() + timedelta(hours=1))
        no = {"status": ChangeStatus.REFUSED, "from_uid": moved.calcom_booking_uid, "updated_at": yesterday}
        ended_change(scene.record, moved, moved.start_at + DAY, **no)
        moved_there(scene, moved)

        assert night.go_on()

        assert (self.ended().findings, self.ended().unfinished) == ({"not_here": [lives.id]}, None)
        now = scene.record.read(moved.id)
        assert (now.status, now.booked_start_at) == (Status.CONFIRMED, moved.start_at + 3 * DAY)
        assert "moved_there" in scene.story(moved)

    def test_each_is_read_once_also_by_two_processes(self, scene: Scene, night: Night) -> None:
        """25 changes that are well: 25 reads within a tenth of the limit, after a kill those that were not stored."""
        for _ in range(25):
            row = scene.confirmed()
            scene.cancel(row.calcom_booking_uid or "")
            cancelled_by_us(scene, row, updated_at=midnight() - timedelta(hours=2))

        def read() -> int:
            entries = scene.simulator.journal()
            return sum(one["method"] == "GET" and one["target"].startswith("/v2/bookings/") for one in entries)

        def die() -> None:
            if read() >= 22:
                raise KeyboardInterrupt

        night.on_pause = die
        with pytest.raises(KeyboardInterrupt):
            night.go_on()
        with dependencies.current().engine.begin() as conn:
            conn.execute(update(nightly_audits).values(lease_expires_at=func.now()))
        night.on_pause = lambda: None
        assert night.go_on()
        assert (self.ended().findings, 25 <= read() <= 27) == ({}, True)

    def test_a_booking_that_its_host_moved_is_followed_by_the_night_of_its_day(self, scene: Scene) -> None:
        """On its old day, and on the day to which it was moved; nobody is told, and its caller's callback goes."""
        row, other = scene.confirmed(), scene.confirmed()
        for one in (row, other):
            moved_there(scene, one, 9)
        by_old = Night((row.start_at + DAY).date(), scene.simulator)
        assert by_old.go_on()
        assert (self.ended().findings, scene.record.read(row.id).booked_start_at) == ({}, row.start_at + 9 * DAY)

        third = scene.confirmed(start_at=row.start_at + 20 * DAY)
        moved_there(scene, third, -10)
        by_new = Night((row.start_at + 11 * DAY).date(), scene.simulator)
        assert by_new.go_on()
        assert (self.ended().findings, scene.record.read(third.id).booked_start_at) == ({}, row.start_at + 10 * DAY)
