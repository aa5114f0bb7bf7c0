"""A listener of the fire suite: it writes down each end that it hears, and its cursor after that.

A process of its own, so that it can die between the two: then it hears that end once more.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from booking_client import AsyncBookings, Bookings, SettledBooking

NAMES = ("listener", "async listener")


def heard(file: Path) -> list[tuple[int, str]]:
    """Read (appointment id, status) in the order in which a listener heard them."""
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [(number, status) for number, status in map(json.loads, lines)]


def _note(file: Path, settled: SettledBooking) -> None:
    now = settled.outcome
    with file.open("a") as lines:
        lines.write(json.dumps([now.appointment_id, now.status]) + "\n")
    draft = file.with_suffix(".draft")
    draft.write_text(settled.cursor)
    draft.rename(_cursor(file))


def _cursor(file: Path) -> Path:
    return file.with_suffix(".cursor")


def listen(file: Path, url: str) -> None:
    """Listen from where the process before this one was, from the beginning if there was none, for ever."""
    with Bookings(url) as bookings:
        for settled in bookings.listen(_begin(file)):
            _note(file, settled)


def listen_async(file: Path, url: str) -> None:
    """Do the same in an event loop."""
    asyncio.run(_listen_async(file, url))


async def _listen_async(file: Path, url: str) -> None:
    async with AsyncBookings(url) as bookings, aclosing(bookings.listen(_begin(file))) as ends:
        async for settled in ends:
            _note(file, settled)


def _begin(file: Path) -> str:
    return _cursor(file).read_text() if _cursor(file).exists() else "1:1:"  # before every transaction


WAYS: dict[str, Callable[[Path, str], None]] = {"listener": listen, "async listener": listen_async}

if __name__ == "__main__":
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    WAYS[sys.argv[1]](Path(sys.argv[2]), os.environ["DATABASE_URL"])  # noqa: TID251 - a host's own settings
