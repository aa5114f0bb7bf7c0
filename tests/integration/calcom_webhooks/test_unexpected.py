"""A hint finds what the audit finds: a booking cancelled here that lives at Cal.com, and one that lives there twice."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func

from db import appointments
from db.appointments import Appointment, events
from db.lifecycle import Status
from db.monitoring.incidents import IncidentKind
from tasks import dependencies
from tasks.calcom_webhooks.looks import look_at_hints
from tasks.incidents.observations import observe_endings
from tasks.operations import breaker_overrides
from tests.support.audits.scene import Scene
from tests.support.callbacks.callers import sql
from tests.support.callbacks.hints import asked, due, looked, now, told
from tests.support.callbacks.webhooks import GIVEN
from tests.support.changes import ended_change

SEATS, RECURRING = 103, 111
LONG_AGO = func.now() - timedelta(minutes=10)


def cancelled(scene: Scene) -> Appointment:
    """Book a request, and cancel it there and here, a while ago."""
    row = scene.confirmed()
    scene.deed("cancel", row.calcom_booking_uid)
    assert scene.record.move(row, Status.CANCELLED)
    return scene.aged(row)


def reported(scene: Scene, row: Appointment) -> list[str]:
    """Return the kinds of a row's events that an operator must see."""
    return [kind for kind in scene.story(row) if kind in events.NOTABLE]


def incidents() -> set[IncidentKind]:
    """Return the incidents that a health check would open."""
    with dependencies.current().engine.connect() as conn:
        return {seen.kind for seen in observe_endings(conn, {}, appointments.now(conn))}


def test_a_cancelled_booking_that_its_host_has_revived_is_reported_once(scene: Scene) -> None:
    """By the CREATED that follows, which has no reference of ours; the row stays cancelled."""
    row = cancelled(scene)
    scene.deed("revive", row.calcom_booking_uid)
    told("BOOKING_CREATED", row.calcom_booking_uid, metadata={})
    assert looked() == "(reported,0,t)"
    told("BOOKING_CREATED", row.calcom_booking_uid, nth=2)
    assert looked() == "(said,0,t)"

    assert (now(scene, row).status, reported(scene, row)) == (Status.CANCELLED, [events.CANCEL_THERE])
    assert IncidentKind.CANCEL_THERE in incidents()


def test_a_cancelled_booking_that_was_moved_at_that_moment_is_reported(scene: Scene) -> None:
    """Its host moved it, and the cancel of the old uid was answered "cancelled"; the row names the new uid after it."""
    row = scene.confirmed()
    scene.deed("move", row.calcom_booking_uid, start=(row.start_at + timedelta(days=1)).isoformat())
    [new] = scene.alive(row)
    assert scene.record.move(row, Status.CANCELLED)
    scene.aged(row)
    ended_change(scene.record, row, None, from_uid=row.calcom_booking_uid)
    told("BOOKING_RESCHEDULED", new, rescheduleUid=row.calcom_booking_uid, reference=str(row.uuid))
    before = asked(scene)
    assert (looked(), asked(scene)) == ("(,0,f)", before)  # a replica may show what was before our cancel

    sql("UPDATE booking_changes SET updated_at = now() - interval '10 minutes'")
    due()
    assert looked() == "(reported,0,t)"
    assert (now(scene, row).status, now(scene, row).calcom_booking_uid) == (Status.CANCELLED, new)
    assert reported(scene, row) == [events.CANCEL_THERE]


def test_a_cancelled_booking_that_stays_cancelled_is_not_reported(scene: Scene) -> None:
    """A late or false hint of its creation: three lookups."""
    row = cancelled(scene)
    before = asked(scene)
    told("BOOKING_CREATED", row.calcom_booking_uid, reference=str(row.uuid))

    assert (looked(4), asked(scene) - before) == ("(unchanged,2,t)", 3)
    assert reported(scene, row) == []


def test_a_stranger_in_a_booking_where_our_seat_was_cancelled_costs_no_call(scene: Scene) -> None:
    """The booking's uid is the seats' own; a signed lie with our reference is not believed either."""
    row = scene.confirmed(SEATS)
    assert scene.record.move(row, Status.CANCELLED)
    before = asked(scene)
    told("BOOKING_CREATED", row.calcom_booking_uid, reference="00000000-0000-0000-0000-000000000007")

    assert (looked(), asked(scene)) == ("(said,0,t)", before)


def test_a_booking_that_lives_twice_is_reported_by_a_second_look(scene: Scene) -> None:
    """Our reference at two uids, at one time or at two; nothing is cancelled, and the audit finds the same."""
    row, moved = scene.confirmed(), scene.confirmed()
    doubles = [
        scene.post(row)["uid"],
        scene.post(moved, start_at=moved.start_at + timedelta(hours=1))["uid"],
    ]
    for one, uid in zip((row, moved), doubles, strict=True):
        told("BOOKING_CREATED", uid, reference=str(one.uuid))
        assert (looked(), reported(scene, one)) == ("(,1,f)", [])
        due()
        assert looked() == "(reported,1,t)"
        told("BOOKING_CREATED", uid, reference=str(one.uuid), nth=2)
        looked()
        due()
        assert looked() == "(said,1,t)"
        assert reported(scene, one) == [events.CHANGE_NEEDS_YOU]
        assert len(scene.alive(one)) == 2

    assert sql("SELECT detail->>'uid' FROM appointment_events WHERE kind = 'change_needs_you'") == doubles[0]
    assert {row for _, row in scene.found()} == {row.id, moved.id}
    assert IncidentKind.CHANGE_NEEDS_YOU in incidents()


def test_a_double_that_ends_before_the_second_look_is_not_reported(scene: Scene) -> None:
    """Somebody has cancelled it."""
    row = scene.confirmed()
    double = scene.post(row)["uid"]
    told("BOOKING_CREATED", double, reference=str(row.uuid))
    looked()
    scene.cancel(double)
    due()

    assert (looked(), reported(scene, row)) == ("(,2,f)", [])


@pytest.mark.parametrize("names_the_old", [True, False])
def test_a_booking_that_its_host_moves_is_followed_and_not_twice(scene: Scene, names_the_old: bool) -> None:  # noqa: FBT001
    """Also where the hint does not name the old uid: one that its host must confirm is told as REQUESTED."""
    row = scene.confirmed()
    scene.deed("move", row.calcom_booking_uid, start=(row.start_at + timedelta(days=1)).isoformat())
    [new] = scene.alive(row)
    old = {"rescheduleUid": row.calcom_booking_uid} if names_the_old else {}
    told("BOOKING_RESCHEDULED" if names_the_old else "BOOKING_REQUESTED", new, reference=str(row.uuid), **old)

    assert (looked(), now(scene, row).calcom_booking_uid, reported(scene, row)) == ("(changed,0,t)", new, [])
    before = asked(scene)
    told("BOOKING_RESCHEDULED", new, reference=str(row.uuid), **old, nth=2)
    assert (looked(), asked(scene)) == ("(said,0,t)", before)


def test_a_hint_of_a_uid_that_our_own_move_has_left_costs_no_call(scene: Scene) -> None:
    """The row names the new one; moved twice, the uid between is left, too."""
    row = scene.confirmed()
    for old in ("uid-first", "uid-second"):
        ended_change(scene.record, row, row.start_at + timedelta(days=1), from_uid=old, updated_at=LONG_AGO)
    before = asked(scene)
    for trigger, uid in (("BOOKING_CREATED", "uid-first"), ("BOOKING_RESCHEDULED", "uid-second")):
        told(trigger, uid, reference=str(row.uuid))
        assert (looked(), asked(scene)) == ("(said,0,t)", before)


def test_another_uid_is_not_asked_for_right_after_our_own_move(scene: Scene) -> None:
    """A replica may show the booking at both; after the settle time it is asked for."""
    row = scene.confirmed()
    double = scene.post(row)["uid"]
    ended_change(scene.record, row, row.start_at, from_uid="uid-before")
    told("BOOKING_RESCHEDULED", double, reference=str(row.uuid), rescheduleUid="uid-before")
    before = asked(scene)
    assert (looked(), asked(scene)) == ("(,0,f)", before)

    sql("UPDATE booking_changes SET updated_at = now() - interval '10 minutes'")
    due()
    assert (looked(2), reported(scene, row)) == ("(reported,1,t)", [events.CHANGE_NEEDS_YOU])


def test_the_weeks_of_a_series_are_not_twice(scene: Scene) -> None:
    """They carry one reference; a week that its host has moved as well."""
    row = scene.confirmed(RECURRING)
    first, second, *_ = sorted(scene.simulator.bookings(str(row.uuid)), key=lambda one: one["start"])
    assert row.calcom_booking_uid == first["uid"]
    scene.deed("move", second["uid"], start=(row.start_at + timedelta(days=9)).isoformat())
    new = next(one for one in scene.simulator.bookings(str(row.uuid)) if one.get("rescheduledFromUid") == second["uid"])
    told("BOOKING_RESCHEDULED", new["uid"], rescheduleUid=second["uid"], reference=str(row.uuid))

    before = asked(scene)
    assert (looked(3), reported(scene, row)) == ("(unchanged,2,t)", [])
    assert [one["target"] for one in scene.simulator.journal()[before:]] == [f"/v2/bookings/{row.series_uid}"] * 3


def test_while_cal_com_must_not_be_called_it_is_looked_up_later(scene: Scene) -> None:
    """The breaker is open."""
    row = cancelled(scene)
    scene.deed("revive", row.calcom_booking_uid)
    told("BOOKING_CREATED", row.calcom_booking_uid)
    deps = dependencies.current()
    breaker_overrides.force(deps.engine, deps.breaker, "open", by="ann", why="a test", until=None)
    before = asked(scene)
    assert (looked(), asked(scene)) == ("(,0,f)", before)


def test_a_lookup_waits_for_no_limit(scene: Scene, settings: Callable[..., dict[str, str]]) -> None:
    """What is over our limit is put off, and the next hint has its turn."""
    settings(**GIVEN, CALCOM_RATE_LIMIT_PER_MINUTE="7")
    rows = [cancelled(scene) for _ in range(9)]
    before = asked(scene)
    for row in rows:
        told("BOOKING_CREATED", row.calcom_booking_uid)
    assert (look_at_hints.run(), look_at_hints.run()) == (5, 4)

    assert 0 < asked(scene) - before < len(rows)
    assert sql("SELECT count(*) FROM calcom_webhooks WHERE next_at > now() AND looks = 0") > 0
