"""The dispatcher listens again, and neither a bulk nor another deployment is in its way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest

from booking_client import AppointmentDatabaseException, Bookings
from db import revisions
from db.engine import make_engine
from db.lifecycle import Status
from tasks import dependencies
from tasks.maintenance.asked_again import look_asked_again
from tasks.maintenance.dispatch import BATCH, dispatch
from tasks.maintenance.sweeper import rescue_stranded
from tests.chaos.faults.proxy import Network, Weather
from tests.integration.booking_client.test_client_kept import wanted
from tests.integration.conftest import Record
from tests.support.fleet import eventually, row
from tests.support.logged import logged
from tests.support.servers.patience import patient_callers
from tests.support.workers.dispatching import dispatching_on

Give = Callable[..., dict[str, str]]
Run = Callable[[str], None]


@pytest.fixture
def run() -> Iterator[Run]:
    """Run dispatchers until the test ends."""
    with ExitStack() as running:
        yield lambda url: running.enter_context(dispatching_on(url))


def is_published(appointment_id: int) -> Callable[[], bool]:
    """Return what looks whether a booking has its message."""
    return lambda: row(appointment_id).enqueued_at is not None


def keep_published(bookings: Bookings, number: int) -> None:
    """Keep a request, and wait until a dispatcher has published it."""
    with patient_callers():
        kept = bookings.enqueue(wanted(number)).appointment_id
    eventually(is_published(kept), what="it is published")


def test_killed_postgres_is_listened_to_again(settings: Give, database_url: str, postgres: Any, run: Run) -> None:
    """What is committed after that is published at its commit; nobody sweeps."""
    settings()
    run(database_url)
    with Bookings(database_url) as bookings:
        keep_published(bookings, 1)
        postgres.kill()
        postgres.recover()
        eventually(lambda: bookings.outcome(1), what="Postgres answers")
        keep_published(bookings, 2)
        keep_published(bookings, 3)


@pytest.mark.parametrize("weather", [Weather.CUT, Weather.SWALLOWED])
def test_a_connection_that_is_cut_is_made_again_and_the_sweeper_publishes_meanwhile(
    settings: Give, database_url: str, run: Run, weather: Weather
) -> None:
    """With a word, or without one: then it is given up after 12 s. Only the dispatcher's own line is hurt."""
    settings()
    with Network() as network, Bookings(database_url) as bookings, logged() as lines:
        run(network.lay("dispatcher", "postgres", database_url))
        keep_published(bookings, 1)
        network.become(weather, "postgres", ("dispatcher",))
        eventually(lambda: any(line["event"] == "dispatcher_does_not_listen" for line in lines), what="it gives up")
        meanwhile = bookings.enqueue(wanted(2)).appointment_id
        assert rescue_stranded()["requests"] == 1
        assert is_published(meanwhile)()
        network.become(Weather.FAIR, "postgres", ("dispatcher",))
        keep_published(bookings, 3)


@pytest.mark.usefixtures("impatient")
def test_a_frozen_postgres_is_listened_to_when_it_goes_on(
    settings: Give, database_url: str, postgres: Any, run: Run
) -> None:
    """No client was told that its request is kept meanwhile, so none waits."""
    settings()
    run(database_url)
    with Bookings(database_url) as bookings:
        keep_published(bookings, 1)
        postgres.pause()
        with pytest.raises(AppointmentDatabaseException, match="may have kept"):
            bookings.enqueue(wanted(2))
        postgres.resume()
        keep_published(bookings, 2)


def test_a_bulk_keeps_neither_ends_nor_single_requests_waiting(settings: Give, database_url: str) -> None:
    """Between its batches ends are notified of, and what was kept meanwhile is in the next one."""
    settings()
    published: list[bool] = []
    with Bookings(database_url) as bookings:
        bulk = 2 * BATCH + 1
        bookings.enqueue_many([wanted(number) for number in range(bulk)])
        single: list[int] = []

        def keep_or_look() -> None:
            if single:
                published.append(is_published(single[0])())
            else:
                single.append(bookings.enqueue(wanted(bulk)).appointment_id)

        assert dispatch(dependencies.current(), keep_or_look) == bulk + 1

    assert published == [True, True]


def test_two_deployments_in_one_database_take_only_their_own(settings: Give, empty_database_url: str, run: Run) -> None:
    """They hear each other's notifications, which say nothing but that there may be something."""
    for schema in ("one", "two"):
        engine = make_engine(empty_database_url, schema=schema)
        revisions.migrate(engine)
        engine.dispose()
    settings(DATABASE_URL=empty_database_url, DATABASE_SCHEMA="two")
    run(empty_database_url)
    with Bookings(empty_database_url, schema="one") as ones, Bookings(empty_database_url, schema="two") as twos:
        begun = twos.cursor()
        anothers = ones.enqueue(wanted(1)).appointment_id
        own = twos.enqueue(wanted(1)).appointment_id
        eventually(is_published(own), what="it is published")
        with closing(twos.listen(begun, every=60)) as heard, psycopg.connect(empty_database_url) as conn:
            record = Record(dependencies.current().engine)
            claimed = record.claim(own)
            assert record.move(claimed, Status.CONFIRMED, why="", calcom_booking_uid="uid-1")
            told = next(heard).outcome
            published = conn.execute("SELECT enqueued_at FROM one.appointments").fetchall()
            seen = ones.settled_since()

    assert (anothers, own) == (1, 1)
    assert (told.appointment_id, told.status) == (own, Status.CONFIRMED)
    assert (published, seen) == ([(None,)], [])
    assert look_asked_again(99) == "unasked"
