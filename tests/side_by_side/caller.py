"""A caller of either version: asks for COUNT bookings from number FIRST on, RATE a second, and counts what is accepted.

It writes what it has in its hands at the end: one line of JSON.
"""

import json
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

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


def ask(first: int, count: int, rate: float) -> list[int]:
    """Ask at an even pace; what is refused is asked again, as a caller does. Return the ids of what was accepted."""
    pause = threading.Event()
    began = time.monotonic()
    accepted = []
    for number in range(first, first + count):
        pause.wait(max(0.0, began + (number - first) / rate - time.monotonic()))
        for _ in range(TRIES):
            try:
                accepted.append(enqueue_booking(request(number)).appointment_id)
            except AppointmentException as error:
                sys.stderr.write(f"not accepted: {error}\n")
                pause.wait(PAUSE)
            else:
                break
    return accepted


if __name__ == "__main__":
    sys.stdout.write(f"accepted {json.dumps(ask(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))}\n")
