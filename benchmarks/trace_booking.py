"""Book plain appointments in this process, and print as JSON which files of the product their way leads through.

plainest_booking.py runs it in a process of its own, which finds the settings in its environment and the version that is
traced at the front of its path. That version may be an old one: only what no version has changed is asked of it.
"""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import wraps
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import FrameType
from typing import Any

from redis.commands.core import Script
from redis.connection import AbstractConnection
from sqlalchemy import Engine, event

BOOKINGS = 4
EVENT_TYPE = 110  # its slots are not exclusive
PACKAGES = ("worker", "tasks", "resilience", "db", "client/booking_client")
TASK = "tasks.booking.book_appointment"


class Trace:
    """Collect the files of the product whose functions are entered, and those that are sent, in all threads to come."""

    def __init__(self, root: Path) -> None:
        self._files = {
            str(path): str(path.relative_to(root)) for name in PACKAGES for path in (root / name).rglob("*.py")
        }
        self._sent = {
            _code(path.read_text(encoding="utf-8")): str(path.relative_to(root))
            for name in PACKAGES
            for path in sorted((root / name).rglob("*"))
            if path.suffix in {".lua", ".sql"}
        }
        self._statements = {file: _pattern(code) for code, file in self._sent.items() if file.endswith(".sql")}
        self._scripts: dict[str, str] = {}
        self._met: dict[str, None] = {}

    def install(self) -> None:
        """Begin; from now on `met` is filled."""
        _before(Script, "__init__", self._keep_script)
        _before(AbstractConnection, "send_packed_command", self._keep_command)
        event.listen(Engine, "before_execute", self._keep_statement)
        event.listen(Engine, "before_cursor_execute", self._keep_prepared)
        threading.setprofile(self._keep_function)
        sys.setprofile(self._keep_function)

    def taken(self) -> list[str]:
        """Return the files that were met since the last time, in the order in which they were."""
        met, self._met = list(self._met), {}
        return met

    def _keep_function(self, frame: FrameType, what: str, _: Any) -> None:
        # Of a module and of a class the body is no function, and is run once, when it is imported.
        if what == "call" and frame.f_code.co_flags & CO_OPTIMIZED and frame.f_code.co_filename in self._files:
            self._met[self._files[frame.f_code.co_filename]] = None

    def _keep_script(self, _: Script, _client: Any, text: str) -> None:
        self._scripts[hashlib.sha1(text.encode()).hexdigest()] = _code(text)  # noqa: S324 - Redis's name of a script

    def _keep_command(self, _: AbstractConnection, packed: Sequence[bytes] | str, *_rest: Any, **_options: Any) -> None:
        sent = packed.encode() if isinstance(packed, str) else b"".join(packed)
        for digest in self._scripts if b"EVALSHA" in sent else ():
            if digest.encode() in sent:
                text = self._scripts[digest]
                self._met |= {file: None for code, file in self._sent.items() if file.endswith(".lua") and code in text}

    def _keep_statement(self, _conn: Any, statement: Any, *_: Any) -> None:
        self._keep_sql(getattr(statement, "text", ""))

    def _keep_prepared(self, _conn: Any, _cursor: Any, sql: str, *_: Any) -> None:
        self._keep_sql(re.sub(r"%\((\w+)\)s", r":\1", sql).replace("%%", "%"))

    def _keep_sql(self, sql: str) -> None:
        code = _code(sql)
        self._met |= {file: None for file, statement in self._statements.items() if statement.fullmatch(code)}


def _before(owner: type, name: str, see: Callable[..., None]) -> None:
    """Have `see` called with the same arguments before the method of that name."""
    method = getattr(owner, name)

    @wraps(method)
    def seen(*arguments: Any, **options: Any) -> Any:
        see(*arguments, **options)
        return method(*arguments, **options)

    setattr(owner, name, seen)


def _code(text: str) -> str:
    """Return a script or a statement without its comments and empty lines, as it is sent."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--"))
    return "\n".join(lines)


def _pattern(statement: str) -> re.Pattern[str]:
    """Return what a statement looks like when it is sent: something stands where its file has a comment's place."""
    return re.compile(".*".join(map(re.escape, re.split(r"/\* \w+ \*/", statement))), re.DOTALL)


def plain_bookings(root: Path) -> list[str]:
    """Return the files that each plain booking meets between its claim and its acknowledgement, in that order.

    The first booking makes the connections and is not counted. A file that only some of the others meet is not on the
    way of a booking: what is reported once a second is met by the booking that passes then.
    """
    trace = Trace(root)
    trace.install()
    import worker  # noqa: PLC0415 - the version to trace, which is not to be imported before

    worker.app.loader.import_default_modules()
    met = []
    for number in range(BOOKINGS):
        receipt = worker.enqueue_booking(worker.BookingRequest.parse(_request(number)))
        trace.taken()
        status = worker.app.tasks[TASK].apply(args=[receipt.appointment_id]).result
        met.append(trace.taken())
        if status != "confirmed":
            raise SystemExit(f"no plain booking: {status!r}")
    sys.setprofile(None)
    first, *others = met[1:]
    return [file for file in first if all(file in other for other in others)]


def _request(number: int) -> dict[str, Any]:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return {
        "event_type_id": EVENT_TYPE,
        "start": noon + timedelta(days=30, minutes=30 * number),
        "attendee": {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"},
    }


if __name__ == "__main__":
    print(json.dumps(plain_bookings(Path(sys.argv[1]))))
