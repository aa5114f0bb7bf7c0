"""Nobody is told "booked" of what Cal.com has only as a request: its host, or its payment, must confirm it still."""

from collections.abc import Callable
from typing import Any

from db.appointments.appointment import Appointment
from db.lifecycle import Status
from tasks.enqueue import outcome
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry, let_pass, lose
from worker import enqueue_booking

PLAIN, CONFIRM, SERIES = 101, 102, 129
Settings = Callable[..., dict[str, str]]


def booked(event_type: int) -> Appointment:
    """Have a request booked."""
    [booking] = accept(request(1, event_type))
    kept = carry(booking)
    assert kept.status is Status.CONFIRMED
    return kept


def test_the_answer_to_the_post_says_whether_a_host_must_confirm(settings: Settings) -> None:
    """Of an event type without confirmation it is booked, and not known before."""
    settings()
    [pending] = accept(request(9, PLAIN))
    assert row(pending).awaits_host is None
    assert [booked(kind).awaits_host for kind in (PLAIN, CONFIRM, SERIES)] == [False, True, False]


def test_a_look_says_whether_a_host_must_confirm(settings: Settings, simulator: Any) -> None:
    """The answer to its POST was lost."""
    settings(CALCOM_SETTLE_SECONDS="130")
    kept = booked(CONFIRM)
    lose(kept.id)
    assert carry(kept.id).awaits_host is True
    simulator.person("accept", kept.calcom_booking_uid)
    lose(kept.id)
    assert carry(kept.id).awaits_host is False


def test_who_asks_again_hears_when_the_host_has_confirmed(settings: Settings, simulator: Any) -> None:
    """The receipt and the outcome say it."""
    settings()
    kept = booked(CONFIRM)
    assert enqueue_booking(request(1, CONFIRM)).awaits_host is True
    simulator.person("accept", kept.calcom_booking_uid)
    let_pass(60)

    assert enqueue_booking(request(1, CONFIRM)).awaits_host is False
    now = outcome(kept.id)
    assert now is not None
    assert now.awaits_host is False
