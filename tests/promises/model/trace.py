"""A record of twelve bookings of one run of `make promises`, which a test may spoil before the model walks it."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.model.walk.record import Terms, read
from tests.model.walk.walk import Walk, walk

FILE = Path(__file__).parents[2] / "fixtures" / "traces" / "faults.jsonl"
LINES = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
# Who is who in the record.
PLAIN, SETTLED, LOST, HELD, RETRIED, MOVED, TWO, UNSURE, CANCELLED = 3, 555, 180, 149, 33, 761, 643, 9, 4
LEASE = Terms.of(LINES[0]).lease


def moment(at: float) -> str:
    """Write seconds since the epoch as an event tells a moment."""
    return datetime.fromtimestamp(at, UTC).isoformat()


class Trace:
    """A record that a test may spoil."""

    def __init__(self) -> None:
        self.lines = deepcopy(LINES)

    def all(self, what: str, **of: Any) -> list[dict[str, Any]]:
        """Return the lines of a sort, with these values."""
        return [
            one for one in self.lines if one["is"] == what and all(one[name] == value for name, value in of.items())
        ]

    def events(self, booking: int) -> list[dict[str, Any]]:
        """Return a booking's events."""
        return self.all("event", booking=booking)

    def booking(self, number: int) -> dict[str, Any]:
        """Return a booking's row."""
        [row] = self.all("booking", id=number)
        return row

    def calls(self, booking: int) -> list[dict[str, Any]]:
        """Return the POSTs that have made a booking."""
        return self.all("call", reference=self.booking(booking)["reference"])

    def insert(self, after: dict[str, Any], **values: Any) -> dict[str, Any]:
        """Put in an event a second after another one."""
        new = {**deepcopy(after), "created_at": after["created_at"] + 1, **values}
        self.lines.insert(self.lines.index(after) + 1, new)
        return new

    def walked(self) -> Walk:
        """Walk it."""
        lines = [dict(one) for one in self.lines]
        return walk(read((one.pop("is"), one) for one in lines))


def assert_named(trace: Trace, booking: int, line: dict[str, Any]) -> None:
    """Hold the walk to one stop of a booking: at this line, with a reason."""
    [stop] = [stop for stop in trace.walked().stops if stop.booking == booking]
    assert stop.at == (line["t0"] if line["is"] == "call" else line["created_at"])
    assert line["is"] == "call" or stop.step == line["kind"]
    assert stop.why
