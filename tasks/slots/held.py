"""How many bookings wait for Cal.com, for a caller who cannot be given free times."""

import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from booking_client.asking import patience
from db.appointments.views import count_held
from db.connection import deadline
from tasks import dependencies
from tasks.accounts.recent import Recent

MOST = 1_000  # counted; more are told as that many
FRESH = 5.0  # seconds: in an outage many ask, and each count reads the held rows

_counted = WeakKeyDictionary[Engine, Recent[int | None, tuple[float, int]]]()  # by API key


def held(api_key_id: int | None, *, clock: Callable[[], float] = time.monotonic) -> int | None:
    """Return how many bookings of an API key are held, or of all (None), MOST at most; None: not counted."""
    engine, now = dependencies.current().autocommit, clock()
    counted = _counted.setdefault(engine, Recent(1_000))
    known = counted.get(api_key_id)
    if known is not None and now - known[0] < FRESH:
        return known[1]
    try:
        with deadline(patience()), engine.connect() as conn:
            number = count_held(conn, api_key_id, MOST)
    except SQLAlchemyError:
        return None
    counted[api_key_id] = now, number
    return number
