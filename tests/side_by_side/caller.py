"""A caller of either version: asks for COUNT bookings from number FIRST on, RATE a second, and counts what is accepted.

`client` after them: by booking_client, which 0.1.0 does not have, in the place of `enqueue_booking`. It writes the ids
that it has at the end: one line of JSON.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from resilience.exceptions import AppointmentException
from worker import BookingRequest, enqueue_booking

EVENT_TYPE = 110  # its slots are not exclusive, so each booking too many is made, and shows
PAUSE = 0.05
TRIES = 200


def request(number: int) -> BookingRequest:
    """Ask for the slot of this number."""
    return BookingRequest.parse(
        {
            "event_type_id": EVENT_TYPE,
            "start": (datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30)).isoformat(),
            "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"},
        }
    )


def keeper(*names: str) -> Callable[[BookingRequest], Any]:
    """Return what accepts a request and returns its receipt."""
    if "client" not in names:
        return enqueue_booking
    from booking_client import Bookings  # noqa: PLC0415 - the old version has none
    from worker.settings.model import Settings  # noqa: PLC0415 - only its caller reads it

    return Bookings(Settings.load().database_url or "").enqueue


def ask(first: int, count: int, rate: float, keep: Callable[[BookingRequest], Any]) -> list[int]:
    """Ask at an even pace; what is refused is asked again, as a caller does. Return the ids of what was accepted."""
    pause = threading.Event()
    began = time.monotonic()
    accepted = []
    for number in range(first, first + count):
        pause.wait(max(0.0, began + (number - first) / rate - time.monotonic()))
        for _ in range(TRIES):
            try:
                accepted.append(keep(request(number)).appointment_id)
            except AppointmentException as error:
                sys.stderr.write(f"not accepted: {error}\n")
                pause.wait(PAUSE)
            else:
                break
    return accepted


if __name__ == "__main__":
    numbers = (int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
    sys.stdout.write(f"accepted {json.dumps(ask(*numbers, keeper(*sys.argv[4:])))}\n")
