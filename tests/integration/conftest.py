"""A migrated database and rows in it, for tests of the record."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, func, update

from db import appointments
from db.appointments import Appointment, NewAppointment
from db.engine import make_engine
from db.lifecycle import Status
from db.models.bookings import appointments as table
from tests.support import breakers
from tests.support.api.agents import SECRETS
from tests.support.api.served import Api, Serving
from tests.support.callbacks.webhooks import GIVEN
from tests.support.zygote import Zygote

START = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


def seconds(number: float) -> timedelta:
    """Name a span of time."""
    return timedelta(seconds=number)


class Record:
    """The record under test, with the shortcuts that tests need: rows in any state, and time that has passed."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.numbers = count(1)

    def new(self, **changes: Any) -> NewAppointment:
        """Make a request that differs from all others; name only what a test is about."""
        number = next(self.numbers)
        values: dict[str, Any] = {
            "idempotency_key": f"key-{number}",
            "key_derived": False,
            "payload_hash": f"hash-{number}",
            "correlation_id": f"correlation-{number}",
            "event_type_id": 101,
            "start_at": START + timedelta(minutes=number),
            "attendee_name": "Ann Example",
            "attendee_email": f"ann{number}@example.com",
            "attendee_time_zone": "Europe/Berlin",
        }
        return NewAppointment(**{**values, **changes})

    def keep(self, **changes: Any) -> Appointment:
        """Keep one request: a pending row."""
        with self.engine.begin() as conn:
            [kept] = appointments.insert(conn, [self.new(**changes)])
        return self.read(kept.appointment.id)

    def claimed(self, **changes: Any) -> Appointment:
        """Keep one request and claim it."""
        return self.claim(self.keep(**changes).id)

    def claim(self, appointment_id: int) -> Appointment:
        """Claim a row that can be claimed."""
        with self.engine.begin() as conn:
            claimed = appointments.claim(conn, appointment_id, lease_seconds=50)
        assert claimed is not None
        return claimed.row

    def moved(self, to: Status, **changes: Any) -> Appointment:
        """Keep one request, claim it (but not one that the operator cancels at once), and move it on."""
        row = self.keep() if to is Status.CANCELLED else self.claimed()
        assert self.move(row, to, **changes)
        return self.read(row.id)

    def move(self, row: Appointment, to: Status, **changes: Any) -> bool:
        """Move a row from where it was when it was read."""
        with self.engine.begin() as conn:
            return appointments.move(conn, row.id, row.status, to, token=row.claim_token, **changes)

    def read(self, appointment_id: int) -> Appointment:
        """Read a row that is there."""
        with self.engine.connect() as conn:
            row = appointments.get(conn, appointment_id)
        assert row is not None
        return row

    def write(self, appointment_id: int, **columns: Any) -> None:
        """Write columns past the door, as time or another fault would; a timedelta is an offset from now."""
        values = {
            name: func.now() + value if isinstance(value, timedelta) else value for name, value in columns.items()
        }
        with self.engine.begin() as conn:
            conn.execute(update(table).where(table.c.id == appointment_id).values(**values))

    def sweep(self, function: Callable[..., list[Appointment]], *arguments: Any, **options: Any) -> list[Appointment]:
        """Run one sweep in a transaction of its own."""
        with self.engine.begin() as conn:
            return function(conn, *arguments, **options)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Connect to a migrated database without rows."""
    engine = make_engine(database_url, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def record(engine: Engine) -> Record:
    """Hand out the record of a database without rows."""
    return Record(engine)


@pytest.fixture(scope="module")
def shared(module_database_url: str) -> Iterator[Record]:
    """Hand out one record to many cases that each look at rows of their own."""
    engine = make_engine(module_database_url)
    yield Record(engine)
    engine.dispose()


@pytest.fixture
def make(redis_url: str) -> breakers.Make:
    """Build breakers that a Valkey of the test's own shares."""
    return partial(breakers.make, redis_url)


@pytest.fixture(scope="module")
def api(
    module_database_url: str,
    valkey_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    zygote: Zygote,
) -> Iterator[Api]:
    """Serve one API to all tests of a module; each has keys, and so bookings, of its own."""
    url = module_database_url
    engine = make_engine(url)
    folder = tmp_path_factory.mktemp("served")
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()  # the test before may have left its breaker open
    with Serving({"DATABASE_URL": url, "REDIS_URL": valkey_url, **SECRETS, **GIVEN}, engine, folder, zygote) as serving:
        yield serving.start()
    engine.dispose()


@pytest.fixture(scope="module")
def second_calcom(request: pytest.FixtureRequest) -> Any:
    """Start another Cal.com."""
    return request.getfixturevalue("start_simulator")()


@pytest.fixture
def other(second_calcom: Any) -> Iterator[Any]:
    """Hand out the other Cal.com as after its start."""
    second_calcom.reset()
    yield second_calcom
    second_calcom.no_faults()
