"""Loggers for modules that a caller's process loads, too: the standard library's, so a host decides on its lines."""

import logging
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log record's message: an event and its fields; a host reads it as text, `worker.logs` as JSON."""

    event: str
    fields: dict[str, Any]

    def __str__(self) -> str:
        return " ".join([self.event, *(f"{name}={_shown(value)}" for name, value in self.fields.items())])


def _shown(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and not {" ", "="} & set(text) else repr(value)


class Logger:
    """Write an event and its fields to the logger of this name."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: Any) -> None:
        """Write what happened."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Write what an operator may have to look at."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Write what failed."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """Write what failed, with the traceback of the exception that is handled now."""
        self._write(logging.ERROR, event, fields, exc_info=True)

    def _write(self, level: int, event: str, fields: dict[str, Any], *, exc_info: bool = False) -> None:
        self._logger.log(level, LogLine(event, fields), exc_info=exc_info, stacklevel=3)
