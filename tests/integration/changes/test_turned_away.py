"""A change that was turned away at its claim goes as soon as the other one has left their uid: its message is gone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import func, update

from db.appointments import Appointment, FromNow
from db.changes import moves
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import booking_changes
from tasks import dependencies
from tasks.changes.claim import ChangeClaim, claim_change
from tasks.maintenance.sweeper import expire_held
from tasks.work.moves import Move
from tasks.work.publish import QUEUE
from tests.support.changes import ask_change
from tests.support.fleet import request, row
from tests.support.stepping import accept, write

HELD = Move(Status.HELD, "a test", {"hold_reason": HoldReason.THROTTLED})
AGAIN = Move(Status.RETRYING, "a test", {"next_attempt_at": FromNow(60), "error_type": "dns"}, retry_in=60)
DONE = Move(ChangeStatus.DONE, "a test")  # type: ignore[arg-type]
UNKNOWN = Move(
    Status.RETRYING,
    "a test",
    {"outcome_unknown": True, "posts": 1, "settle_at": FromNow(60), "ends_at": FromNow(160)},
    retry_in=60,
)


@pytest.fixture
def messages(settings: Callable[..., dict[str, str]]) -> Callable[[], int]:
    """Return how many messages have come into the queue since the last question."""
    url = settings()["REDIS_URL"]

    def come() -> int:
        with redis.Redis.from_url(url) as client:
            count = int(client.llen(QUEUE))  # type: ignore[arg-type]
            client.delete(QUEUE)
        return count

    return come


def seat(number: int) -> Appointment:
    """Return one of several seats of one booking at Cal.com."""
    [one] = accept(request(number))
    write(one, status=Status.CONFIRMED, calcom_booking_uid="shared", enqueued_at=None)
    return row(one)


def ask(one: Appointment, start: datetime | None = None) -> BookingChange:
    """Ask for a change of a seat."""
    with dependencies.current().engine.begin() as conn:
        return ask_change(conn, one, start)


def claimed(one: BookingChange) -> ChangeClaim | None:
    """Claim a change."""
    return claim_change(dependencies.current(), one.id)


def stands(one: BookingChange) -> ChangeStatus:
    """Return where a change is."""
    with dependencies.current().engine.connect() as conn:
        now = moves.get(conn, one.id)
    assert now is not None
    return now.status


@pytest.mark.parametrize(("move", "came"), [(DONE, 1), (HELD, 1), (AGAIN, 1), (UNKNOWN, 0)])
def test_it_goes_when_the_other_one_is_at_work_no_more(messages: Callable[[], int], move: Move, came: int) -> None:
    """However that one stands then, unless its outcome is unknown."""
    first, second = (ask(seat(number)) for number in range(2))
    at_work = claimed(first)
    assert at_work is not None
    assert claimed(second) is None
    messages()

    assert at_work.write(move) is not None

    assert messages() == came
    assert (claimed(second) is not None) is bool(came)


def test_one_that_is_tried_again_goes_as_well(messages: Callable[[], int]) -> None:
    """Once it is due; one that is to come later has its own message."""
    first, due, later = (ask(seat(number)) for number in range(3))
    at_work = claimed(first)
    assert at_work is not None
    columns = booking_changes.c
    with dependencies.current().engine.begin() as conn:
        for one, seconds in ((due, -1), (later, 60)):
            moment = func.now() + timedelta(seconds=seconds)
            again = {"status": ChangeStatus.RETRYING, "next_attempt_at": moment}
            conn.execute(update(booking_changes).where(columns.id == one.id).values(**again))
    messages()

    at_work.write(DONE)

    assert messages() == 1
    assert [claimed(one) is not None for one in (due, later)] == [True, False]


def test_it_goes_when_the_other_one_has_expired(messages: Callable[[], int]) -> None:
    """Nobody else would send it while the queue is never empty."""
    first, second = ask(seat(0), datetime.now(UTC)), ask(seat(1))
    at_work = claimed(first)
    assert at_work is not None
    at_work.write(Move(Status.RETRYING, "a test", {"next_attempt_at": FromNow(60), "posts": 1}, retry_in=60))
    assert claimed(second) is None
    messages()

    expire_held()

    assert stands(first) is ChangeStatus.EXPIRED
    assert messages() == 1
    assert claimed(second) is not None


def test_of_one_booking_the_earlier_one_goes_first(messages: Callable[[], int]) -> None:
    """Also while neither was ever sent: a cancel that overtakes a move leaves the booking alive."""
    booking = seat(0)
    move, cancel = ask(booking, datetime(2031, 3, 5, 9, tzinfo=UTC)), ask(booking)
    messages()

    assert claimed(cancel) is None
    at_work = claimed(move)
    assert at_work is not None
    at_work.write(DONE)

    assert messages() == 1
    assert claimed(cancel) is not None
