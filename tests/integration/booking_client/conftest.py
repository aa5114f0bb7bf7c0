"""What tests of the client ask of the database beside it."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from booking_client import Bookings
from tests.support.servers.patience import IMPATIENT, PATIENT
from worker.local.embedded.server import free_port


@pytest.fixture
def unused_port() -> int:
    """Return a port of this machine at which nothing listens."""
    return free_port()


@pytest.fixture
def bookings(settings: Callable[..., dict[str, str]], database_url: str) -> Iterator[Bookings]:
    """Hand out a client beside a deployment that runs nothing but the servers."""
    settings()
    with Bookings(database_url) as client:
        yield client


@pytest.fixture
def roles(database_url: str) -> Iterator[None]:
    """Make the roles `caller` and `reader`, which have no rights; they end with the test."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("CREATE ROLE caller")
        conn.execute("CREATE ROLE reader")
    yield
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("DROP OWNED BY caller, reader")
        conn.execute("DROP ROLE caller, reader")


@pytest.fixture
def eventually_kept(database_url: str) -> Callable[[], int]:
    """Return how many rows there are, once nobody else is at work in the database."""

    def count() -> int:
        with psycopg.connect(database_url, autocommit=True) as conn:
            busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
            while conn.execute(busy).fetchone() != (1,):
                pass
            [found] = conn.execute("SELECT count(*) FROM appointments").fetchone() or (0,)
            return int(found)

    return count


@pytest.fixture(autouse=True)
def _patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the client wait for a Postgres that is only slow, or comes back, where none stands still."""
    if IMPATIENT not in request.fixturenames:
        monkeypatch.setattr("booking_client.asking.PATIENCE", PATIENT)
