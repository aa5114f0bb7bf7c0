"""`booking audit --once-unknown`: whom to call, of all that is kept, and nothing changed by it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.lifecycle import Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.operations import breaker_overrides
from tests.support.audits.scene import Scene

Booking = Callable[..., Any]


@pytest.fixture
def scene(booking: Booking, record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    assert booking
    return Scene(record, simulator)


@pytest.fixture
def told(scene: Scene) -> list[tuple[Any, str]]:
    """Give three that were told not booked and are, on three days far apart; beside them all that is none of these."""
    booked = []
    for status, days in ((Status.REJECTED, 0), (Status.FAILED, 9), (Status.EXPIRED, 90)):
        row = scene.once_unknown(status, start_at=next(scene.starts) + timedelta(days=days))
        booked.append((row, scene.post(row)["uid"]))
        scene.once_unknown(status, start_at=next(scene.starts) + timedelta(days=days))
    scene.confirmed()
    scene.post(scene.once_unknown(Status.CANCELLED))
    scene.post(scene.row(Status.FAILED))  # never unknown: the audit of its day finds it
    return booked


def test_it_lists_whom_to_call_of_all_days(booking: Booking, told: list[tuple[Any, str]]) -> None:
    """Each with its id, start, type and uid, by their start; of a person nothing, unless it is asked for."""
    ran = booking("audit", "--once-unknown")
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == [str(row.id) for row, _ in told]
    for line, (row, uid) in zip(lines, told, strict=False):
        assert f"{row.start_at:%Y-%m-%d %H:%M:%S} UTC, event type 110, {row.status} here, {uid} there" in line
    days = f"--from {told[0][0].start_at:%Y-%m-%d} --to {told[2][0].start_at:%Y-%m-%d}"
    assert lines[3:] == [
        "6 bookings ended rejected, failed or expired after their outcome had been unknown.",
        f"Cal.com has 3 of them: call them. `booking audit {days} --fix` confirms what is safe.",
    ]
    assert "example.com" not in ran.said
    assert told[0][0].attendee_email in booking("audit", "--once-unknown", "--personal").out


def test_json_is_one_object(booking: Booking, told: list[tuple[Any, str]]) -> None:
    """With personal data only when it is asked for."""
    ran = booking("audit", "--once-unknown", "--json")
    assert (ran.code, len(ran.out.splitlines()), ran.json["asked"]) == (1, 1, 6)
    assert [(one["id"], one["status"], one["there"][0]["uid"]) for one in ran.json["booked"]] == [
        (row.id, row.status, uid) for row, uid in told
    ]
    assert "attendee_email" not in ran.json["booked"][0]
    assert (
        booking("audit", "--once-unknown", "--personal", "--json").json["booked"][0]["attendee_name"] == "Ann Example"
    )


def test_what_the_list_hides_is_asked_for_by_its_uid(
    scene: Scene, booking: Booking, settings: Callable[..., dict[str, str]]
) -> None:
    """Where one was ever recorded; without it a blind key can find nothing."""
    row, other = scene.once_unknown(Status.FAILED), scene.once_unknown(Status.FAILED)
    scene.post(other)
    scene.record.write(row.id, calcom_booking_uid=scene.post(row)["uid"])
    settings(CALCOM_API_KEY="cal_test_blind")
    found = booking("audit", "--once-unknown", "--json").json
    assert ([one["id"] for one in found["booked"]], found["asked"]) == ([row.id], 2)


def test_nothing_to_call_about_is_said(scene: Scene, booking: Booking) -> None:
    """With exit code 0, and nothing asked where there is no row."""
    ran = booking("audit", "--once-unknown")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Cal.com shows none of them.")
    assert scene.simulator.journal() == []


def test_it_changes_nothing(scene: Scene, booking: Booking, told: list[tuple[Any, str]]) -> None:
    """Neither a row, nor its story, nor a booking."""
    before = [(scene.record.read(row.id), scene.story(row)) for row, _ in told], scene.simulator.bookings()
    booking("audit", "--once-unknown")
    assert ([(scene.record.read(row.id), scene.story(row)) for row, _ in told], scene.simulator.bookings()) == before


def test_each_call_needs_a_permit(scene: Scene, booking: Booking, told: list[tuple[Any, str]]) -> None:
    """While the breaker is open nothing goes, and that is said."""
    calls = len(scene.simulator.journal())
    breaker_overrides.force(
        dependencies.current().engine,
        dependencies.current().breaker,
        "open",
        by="ops",
        why="Cal.com asked us to",
        until=None,
    )
    ran = booking("audit", "--once-unknown")
    assert ran.code == 1
    assert "the circuit breaker is open: Cal.com is left alone" in ran.err
    assert "0 were asked for, and nothing was changed; run it again" in ran.err
    assert len(scene.simulator.journal()) == calls
    assert dependencies.current().breaker.get_status().state is State.FORCED_OPEN
    assert told
