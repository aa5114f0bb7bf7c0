"""What is held goes in one order, bookings and changes together: by its place in the line, whatever it waits for."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import redis
from sqlalchemy import func, update

from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import booking_changes
from db.queue.items import item
from db.queue.kinds import CHANGES
from tasks import dependencies
from tasks.maintenance.release import release_paced
from tasks.work.publish import CHANGE_TASK, QUEUE
from tests.integration.accounts.test_lines import open_window
from tests.support.changes import ask_change
from tests.support.fleet import request, row
from tests.support.stepping import accept, write

EACH, STEP = 20, 8  # bookings, and changes; places in the window that become free at a time
LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)
REASONS = (HoldReason.BREAKER_OPEN, HoldReason.THROTTLED)


def sent(url: str) -> list[str]:
    """Return the items of all messages, in the order in which they were sent."""
    with redis.Redis.from_url(url) as client:
        messages = [json.loads(one)["headers"] for one in reversed(client.lrange(QUEUE, 0, -1))]  # type: ignore[arg-type]
    numbers = [(one["task"], json.loads(one["argsrepr"])[0]) for one in messages]
    return [item(CHANGES, number) if task == CHANGE_TASK else str(number) for task, number in numbers]


def test_held_bookings_and_held_changes_go_in_one_order(
    settings: Callable[..., dict[str, str]], redis_url: str
) -> None:
    """As the window has room, a few at a time; cancels and moves alike."""
    settings()
    deps = dependencies.current()
    ids = accept(*(request(number) for number in range(2 * EACH)))
    bookings, changed = ids[:EACH], ids[EACH:]
    places = [row(ids[0]).line_at + timedelta(seconds=number) for number in range(2 * EACH)]
    Random(31).shuffle(places)  # noqa: S311 - a test's deal
    held = {"held_at": func.now(), "enqueued_at": None}
    line: dict[str, datetime] = {}
    for number, one in enumerate(bookings):
        line[str(one)] = places.pop()
        write(one, status=Status.HELD, hold_reason=REASONS[number % 2], line_at=line[str(one)], **held)
    for number, one in enumerate(changed):
        write(one, status=Status.CONFIRMED, calcom_booking_uid=f"uid-{one}", enqueued_at=None)
        with deps.engine.begin() as conn:
            change = ask_change(conn, row(one), LATER + timedelta(minutes=number) if number % 3 else None)
            line[item(CHANGES, change.id)] = place = places.pop()
            stands = {"status": ChangeStatus.HELD, "hold_reason": REASONS[number % 2], "line_at": place}
            conn.execute(update(booking_changes).where(booking_changes.c.id == change.id).values(**stands, **held))
    with redis.Redis.from_url(redis_url) as client:
        client.delete(QUEUE)
    order = sorted(line, key=line.__getitem__)

    for released in range(STEP, 2 * EACH + 1, STEP):
        open_window(redis_url, released)
        assert release_paced(deps) == STEP
        assert sent(redis_url) == order[:released]
