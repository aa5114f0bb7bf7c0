"""Loggers for modules that a caller's process loads, too: the standard library's, so a host decides on its lines."""

import logging
from collections.abc import MutableMapping
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


class Logger(logging.LoggerAdapter[logging.Logger]):
    """Write an event and its fields, given by name, to the logger of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.getLogger(name))

    def process(self, event: Any, given: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Make a LogLine of the event and its fields; `exc_info` is logging's own."""
        fields = dict(given)
        return LogLine(event, fields), {"exc_info": fields.pop("exc_info", None)}
