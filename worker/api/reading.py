"""Bookings that are asked about at the same time are read together: one statement, and one call of the limit a key."""

from collections.abc import Callable, Sequence
from functools import partial

from db.api_keys.keys import ApiKey
from db.appointments.views import BookingName
from resilience.call_limit import CallLimit
from tasks.changes.ask import by_caller
from tasks.changes.ask.by_caller import SeenBooking
from worker.api.calls import HttpCall
from worker.api.concurrency.arrived import Arrived, answered
from worker.api.concurrency.groups import Groups
from worker.api.concurrency.threads import Threads


class Reading:
    """Read the bookings that callers of one process ask for."""

    def __init__(self, threads: Threads, limit: CallLimit) -> None:
        self._groups: Groups[Arrived[BookingName], SeenBooking | None] = Groups(
            threads, partial(answered, limit, answer=_read)
        )

    async def read(
        self, named: BookingName, key: ApiKey, require_key: Callable[[], None], call: HttpCall
    ) -> SeenBooking | None:
        """Count a call of a key, and return a booking with its newest change; None: there is none that it may see.

        Raises:
            ApiError: The key's rate is used up, it was revoked, or no thread was free in time.
            AppointmentDatabaseException: Postgres did not answer.
        """
        return await self._groups.ask(Arrived(named, key, require_key, call))


def _read(arrived: Sequence[Arrived[BookingName]]) -> list[SeenBooking | None]:
    return by_caller.seen([(one.key, one.question) for one in arrived])
