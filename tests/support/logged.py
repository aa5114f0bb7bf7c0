"""What our own loggers write while a block runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tasks.host.log import LogLine


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """Yield the list of our lines: the fields of each, its `event` and its `level`."""
    lines: list[dict[str, Any]] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if isinstance(record.msg, LogLine):
                lines.append({**record.msg.fields, "event": record.msg.event, "level": record.levelname.lower()})

    root, keeping = logging.getLogger(), Keeping()
    level = root.level
    root.addHandler(keeping)
    root.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(keeping)
