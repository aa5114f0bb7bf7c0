"""The caller of the fire suite: asks at an even rate, writes down each receipt, and asks again when refused.

A process of its own, so that it can die between a row's commit and its message, or its receipt. What it was not given a
receipt for it asks again, as a caller does; the same request is then the same row.
"""

import json
import random
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from booking_client.request.model import BookingRequest
from resilience.exceptions import AppointmentException
from tasks.enqueue import Receipt
from tests.chaos import kinds
from tests.chaos.accounts import fleet
from worker import enqueue_bookings

TYPES = (110, 110, 110, 110, 102, 103, 104)  # plain; to be confirmed; with seats; round robin
SILENT = ".silent"  # a file beside the receipts: nothing is asked for while it is there
LARGEST = 10  # requests in one call
PAUSE = 0.05
KEY = "fire-{}"


def few(number: int) -> BookingRequest:
    """Ask for the slot of this number; every third brings a key of its own."""
    return BookingRequest.parse(few_fields(number))


def few_fields(number: int) -> dict[str, Any]:
    """Return the fields of that request, as JSON has them."""
    return {
        "event_type_id": TYPES[number % len(TYPES)],
        "start": (datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30)).isoformat(),
        "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"},
        **({"idempotency_key": KEY.format(number)} if number % 3 == 0 else {}),
    }


def receipts(file: Path) -> list[tuple[int, int]]:
    """Read (number, appointment id) of what was accepted; a line that its writer died over was not."""
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [(number, appointment_id) for number, appointment_id in map(json.loads, lines)]


def ask(file: Path, rate: float, rng: random.Random, request: Callable[[int], BookingRequest]) -> None:
    """Ask for so many bookings a second, for ever; after a restart go on where the receipts end."""
    pause = threading.Event()
    following = max((number for number, _ in receipts(file)), default=-1) + 1
    began = _began(file.with_suffix(".began"))
    while True:
        due = int((time.monotonic() - began) * rate) - following
        if due <= 0 or file.with_suffix(SILENT).exists():
            pause.wait(PAUSE)
            continue
        numbers = range(following, following + min(due, rng.randint(1, LARGEST)))
        try:
            kept = enqueue_bookings([request(number) for number in numbers])
        except AppointmentException as error:
            sys.stdout.write(f"not accepted: {error}\n")
            pause.wait(PAUSE)
            continue
        with file.open("a") as lines:
            for number, one in zip(numbers, kept, strict=True):
                lines.write(json.dumps([number, one.appointment_id]) + "\n" if isinstance(one, Receipt) else "")
        following = numbers.stop


def _began(file: Path) -> float:
    if not file.exists():
        file.write_text(str(time.monotonic()))
    return float(file.read_text())


if __name__ == "__main__":
    from tests.chaos.processes import entry  # noqa: F401 - puts the steps in place, in this process only

    accounts = int(sys.argv[5])
    wanted = kinds.request if sys.argv[4] == "kinds" else few
    if accounts:
        wanted = partial(fleet.request, accounts=accounts)
    ask(Path(sys.argv[1]), float(sys.argv[2]), random.Random(sys.argv[3]), wanted)  # noqa: S311 - chance for sizes
