"""Turn log events of a running command into notes for a person, each once."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tasks.host.log import LogLine

_BROKER_DOWN = (
    "The broker does not answer. Nothing is lost: what is accepted is kept, and sent when the broker is back."
)


@dataclass
class Notes:
    """What was logged while the command ran."""

    broker_down: bool = False


@contextmanager
def listening(say: Callable[[str], object]) -> Iterator[Notes]:
    """Call `say` with a note about a log event that an operator must know, and keep the log itself off the screen."""
    notes, root = Notes(), logging.getLogger()
    before = list(root.handlers)
    root.handlers[:] = [Hearing(notes, say, before)]
    try:
        yield notes
    finally:
        root.handlers[:] = before


class Hearing(logging.Handler):
    """Hear our own lines, and hand those of libraries on."""

    def __init__(self, notes: Notes, say: Callable[[str], object], before: list[logging.Handler]) -> None:
        super().__init__()
        self._notes, self._say, self._before = notes, say, before

    def emit(self, record: logging.LogRecord) -> None:
        """Note one of our lines, or hand on another."""
        if not isinstance(record.msg, LogLine):
            for handler in self._before:
                handler.handle(record)
        elif record.msg.event == "publish_failed" and not self._notes.broker_down:
            self._notes.broker_down = True
            self._say(_BROKER_DOWN)
