"""Promise 1 for a caller who waits until a moment only: then the booking has ended, and is not made later."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import appointments
from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tests.support.fleet import request, row
from tests.support.stepping import carry, lose, state, write
from worker import enqueue_booking, outcome


@pytest.fixture
def deployed(settings: Callable[..., dict[str, str]]) -> None:
    """Deploy, without a worker."""
    settings()


def ask(number: int, within: timedelta) -> int:
    """Ask for a booking that is wanted for so long."""
    return enqueue_booking(wanted(number, within)).appointment_id


def wanted(number: int, within: timedelta) -> Any:
    """Return a request whose answer is wanted within so long."""
    return request(number).model_copy(update={"answer_by": datetime.now(UTC) + within})


def posts(simulator: Any) -> int:
    """Count the POSTs that came to Cal.com."""
    return sum(call["method"] == "POST" for call in simulator.journal())


@pytest.mark.usefixtures("deployed")
def test_what_waits_ends_at_its_answer_by_and_its_caller_is_told() -> None:
    """Held for the breaker; the others stay."""
    dependencies.current().breaker.operators.force_open("operator", "outage")
    first, other = ask(1, timedelta(minutes=1)), ask(2, timedelta(hours=1))
    write(first, answer_by=datetime.now(UTC) - timedelta(seconds=1))

    with dependencies.current().engine.begin() as conn:
        expired = appointments.expire(conn, lead_seconds=0, limit=10)

    assert [one.id for one in expired] == [first]
    told = outcome(first)
    assert told is not None
    assert (told.status, told.final, told.last_error) == (
        Status.EXPIRED,
        True,
        "it could not be booked by its answer_by",
    )
    assert state(row(other)) == (Status.HELD, HoldReason.BREAKER_OPEN)


@pytest.mark.usefixtures("deployed")
def test_what_comes_to_a_worker_after_its_answer_by_is_not_posted(simulator: Any) -> None:
    """Its message waited behind others, and no sweep came before it."""
    asked = ask(1, timedelta(minutes=1))
    write(asked, answer_by=datetime.now(UTC) - timedelta(seconds=1))

    ended = carry(asked)

    assert (ended.status, ended.last_error) == (Status.EXPIRED, "it could not be booked by its answer_by")
    assert posts(simulator) == 0


@pytest.mark.usefixtures("deployed")
def test_an_unknown_outcome_is_told_once_it_is_known_and_posted_no_more(simulator: Any) -> None:
    """It may be booked already: no sweep ends it, a look does."""
    absent, there = ask(1, timedelta(minutes=1)), ask(2, timedelta(minutes=1))
    assert carry(there).status is Status.CONFIRMED
    now = datetime.now(UTC)
    for one in (absent, there):
        lose(one)
        write(one, answer_by=now - timedelta(seconds=1), ends_at=now + timedelta(minutes=1))

    with dependencies.current().engine.begin() as conn:
        assert appointments.expire(conn, lead_seconds=0, limit=10) == []

    assert carry(there).status is Status.CONFIRMED
    assert carry(absent).outcome_unknown  # another POST would be harmless, and is wanted no more
    assert carry(absent, after=120).status is Status.EXPIRED
    assert posts(simulator) == 1


@pytest.mark.usefixtures("deployed")
def test_who_asks_again_with_another_answer_by_has_the_first_ones() -> None:
    """One request is one row; once that has expired, the same request is a new one."""
    first = ask(1, timedelta(minutes=1))
    until = row(first).answer_by

    assert (ask(1, timedelta(hours=1)), row(first).answer_by) == (first, until)
    write(first, answer_by=datetime.now(UTC) - timedelta(seconds=1))
    assert carry(first).status is Status.EXPIRED
    assert ask(1, timedelta(hours=1)) != first
