"""What tests of changes ask of our rows and of Cal.com."""

from typing import Any

import pytest
from sqlalchemy import func, select

from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import Status
from db.models.bookings import appointment_events
from tasks import dependencies
from tests.support.fleet import eventually, finals, request
from worker import enqueue_booking

PLAIN = 110


class ChangesSeen:
    """Book, wait for changes, and read what Cal.com has."""

    def __init__(self, simulator: Any) -> None:
        self.simulator = simulator

    def booked(self, number: int = 1, event_type: int = PLAIN) -> int:
        """Book one request, and return its id."""
        asked = enqueue_booking(request(number, event_type)).appointment_id
        [end] = finals([asked]).values()
        assert end.status is Status.CONFIRMED
        return asked

    def of(self, booking: int) -> list[BookingChange]:
        """Return the changes of a booking."""
        with dependencies.current().engine.connect() as conn:
            return asking.of_booking(conn, booking)

    def over(self, booking: int, within: float = 60) -> BookingChange:
        """Wait until the latest change of a booking is over, and return it."""
        eventually(lambda: self.of(booking)[-1].over, within=within, what="the change is over")
        return self.of(booking)[-1]

    def leases_lost(self, booking: int) -> int:
        """Count the leases that changes of a booking have lost."""
        told = appointment_events.c
        lost = told.appointment_id == booking, told.kind.like("change_%"), told.detail.has_key("leases_lost")
        with dependencies.current().engine.connect() as conn:
            return int(conn.execute(select(func.count()).where(*lost)).scalar_one())

    def living(self) -> list[dict[str, Any]]:
        """Return what lives at Cal.com."""
        return [one for one in self.simulator.bookings() if one["status"] in ("accepted", "pending")]

    def calls(self, since: int) -> list[str]:
        """Return the methods and the ends of the paths of the calls after an entry of the journal."""
        entries = self.simulator.journal(since)
        return [f"{one['method']} {one['target'].partition('?')[0].rpartition('/')[2]}" for one in entries]

    def posts(self, what: str) -> int:
        """Count the POSTs of cancels or moves."""
        return sum(one["method"] == "POST" and one["target"].endswith(what) for one in self.simulator.journal())

    def now(self) -> int:
        """Return the number of the latest entry of the journal."""
        return int(self.simulator.journal()[-1]["n"])


@pytest.fixture
def seen(simulator: Any) -> ChangesSeen:
    """Hand out what tests of changes ask for."""
    return ChangesSeen(simulator)
