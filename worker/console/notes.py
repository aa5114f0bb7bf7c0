"""Turn log events of a running command into notes for a person, each once."""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

_BROKER_DOWN = (
    "The broker does not answer. Nothing is lost: what is accepted is kept, and sent when the broker is back."
)


@dataclass
class Notes:
    """What was logged while the command ran."""

    broker_down: bool = False


@contextmanager
def listening(say: Callable[[str], object]) -> Iterator[Notes]:
    """Call `say` with a note about a log event that an operator must know, and drop the log itself."""
    notes = Notes()

    def hear(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("event") == "publish_failed" and not notes.broker_down:
            notes.broker_down = True
            say(_BROKER_DOWN)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[hear], cache_logger_on_first_use=False)
    try:
        yield notes
    finally:
        structlog.configure(**before)
