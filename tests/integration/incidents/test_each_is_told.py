"""Of incidents about single bookings each further one is told, once, ten minutes after the last message."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from db.appointments import events
from db.lifecycle import HoldReason, Status
from db.models.changes import booking_changes
from db.monitoring import incidents
from db.monitoring.incidents import Incident, IncidentKind
from tasks import dependencies
from tasks.incidents import check
from tasks.incidents import update as update_of_incidents
from tests.support.callbacks.callers import sql
from tests.support.changes import held_change

TEN_MINUTES = 600


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings()


def later(seconds: int) -> None:
    """Let time pass since all incidents began and were told; the messages at fixed times are long over."""
    earlier = "opened_at = opened_at - make_interval(secs => :secs), news_at = news_at - make_interval(secs => :secs)"
    sql(f"UPDATE alert_incidents SET {earlier}", secs=seconds)  # noqa: S608 - a text of ours


def told(kind: IncidentKind) -> Incident:
    """Run the health check, and return the one incident of a kind that operators were notified of."""
    check.check()
    with dependencies.current().engine.connect() as conn:
        [one] = [one for one in incidents.notified(conn) if one.kind == kind]
    return one


def suspect(record: Any) -> int:
    """Set a booking aside."""
    number: int = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT).id
    return number


def blind(record: Any) -> int:
    """Hold a booking that our key cannot see."""
    number: int = record.moved(Status.HELD, hold_reason=HoldReason.BLIND_KEY).id
    return number


def change(record: Any) -> int:
    """Hold a cancel until a person acts."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid")
    record.write(row.id, calcom_booking_uid=f"uid-{row.id}")
    held_change(record, record.read(row.id), None)
    number: int = row.id
    return number


def twice(record: Any) -> int:
    """Report a booking that lives twice."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid")
    with record.engine.begin() as conn:
        events.record(conn, row.id, events.CHANGE_NEEDS_YOU, "worker", {"why": "lives twice"})
    number: int = row.id
    return number


def let_go(record: Any, booking: int) -> None:
    """Let the change of a booking go on."""
    released = {"status": "pending", "hold_reason": None, "held_at": None}
    with record.engine.begin() as conn:
        conn.execute(update(booking_changes).where(booking_changes.c.appointment_id == booking).values(released))


@pytest.mark.parametrize(
    ("kind", "happens"),
    [
        (IncidentKind.SUSPECT, suspect),
        (IncidentKind.BLIND_KEY, blind),
        (IncidentKind.CHANGE_HELD, change),
        (IncidentKind.CHANGE_NEEDS_YOU, twice),
    ],
)
def test_the_second_and_the_third_are_told_together_by_their_numbers(
    record: Any, kind: IncidentKind, happens: Callable[[Any], int]
) -> None:
    """Not each check, and not again: what is told was told."""
    first = happens(record)
    assert told(kind).news == 1
    later(90_000)  # the messages at fixed times are over
    assert told(kind).news == 2
    second, third = happens(record), happens(record)
    assert told(kind).news == 2, "within ten minutes of the last message"

    later(TEN_MINUTES)
    seen = told(kind)
    assert seen.news == 3
    assert f"New since the last message: 2 bookings ({', '.join(map(str, sorted((second, third))))})" in (
        seen.message.replace(f"({third}, {second})", f"({second}, {third})")
    )
    assert f"`booking show {first}`" not in seen.message
    later(TEN_MINUTES)
    assert told(kind).news == 3


def test_one_that_takes_the_place_of_another_is_told(record: Any) -> None:
    """As many as before, and another customer; one that is looked up and held again is the same one."""
    first = change(record)
    assert told(IncidentKind.CHANGE_HELD).news == 1
    later(90_000)
    assert told(IncidentKind.CHANGE_HELD).news == 2
    let_go(record, first)
    second = change(record)
    later(TEN_MINUTES)
    seen = told(IncidentKind.CHANGE_HELD)
    assert (seen.news, f"1 booking ({second})" in seen.message) == (3, True)

    sql("UPDATE booking_changes SET status = 'held', hold_reason = 'suspect', held_at = now()")
    later(TEN_MINUTES)
    assert told(IncidentKind.CHANGE_HELD).news == 3


def test_one_that_still_waits_is_not_told_again_after_many_others(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incident keeps a limited number of ids: those that are gone are forgotten first."""
    monkeypatch.setattr(update_of_incidents, "_TOLD_EACH", 2)
    change(record)
    assert told(IncidentKind.CHANGE_HELD).news == 1
    later(90_000)
    for news in (2, 3):
        other = change(record)
        later(TEN_MINUTES)
        assert told(IncidentKind.CHANGE_HELD).news == news
        let_go(record, other)
        later(TEN_MINUTES)
        assert told(IncidentKind.CHANGE_HELD).news == news
