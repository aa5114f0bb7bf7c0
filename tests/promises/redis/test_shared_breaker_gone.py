"""A fleet whose breaker is not shared says so, though its broker is another and everything seems well."""

from collections.abc import Callable

import pytest

from db.monitoring import incidents
from db.monitoring.incidents import IncidentKind
from tasks import dependencies
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_bookings

NOWHERE = "redis://127.0.0.1:1/0"


def told() -> list[str]:
    """Return what was told of Redis, the newest first."""
    with dependencies.current().engine.connect() as conn:
        return [one.title for one in incidents.notified(conn) if one.kind == IncidentKind.REDIS_GONE]


@pytest.mark.long
def test_one_host_that_cannot_reach_the_shared_breaker_is_told_and_books_on(
    fleet: Callable[..., Fleet], redis_url: str
) -> None:
    """The health check runs on another host, which sees it well; and it is told once, by however many."""
    running = fleet(CELERY_BROKER_URL=redis_url)
    running.maintenance()
    running.celery("beat", app="tests.support.workers.fast_beat")
    running.environment["REDIS_URL"] = NOWHERE
    for name in ("one", "two"):
        running.celery(
            "worker",
            "-P",
            "threads",
            "-c",
            "4",
            "-Q",
            "bookings",
            "-n",
            f"{name}@test",
            app="tests.support.workers.impatient",
        )

    finals([one.appointment_id for one in enqueue_bookings([request(number) for number in range(4)])])  # type: ignore[union-attr]

    eventually(told, what="it is told")
    assert told() == ["Redis is gone: each process keeps a circuit breaker and a rate limit of its own"]
