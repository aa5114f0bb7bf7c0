"""The loggers of what a caller's process loads, too: structlog's, loaded with the first line."""

from functools import cached_property
from typing import Any


class Logger:
    """Stand for structlog's logger; that library loads rich, and most who only enqueue never write a line."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _logger(self) -> Any:
        import structlog  # noqa: PLC0415 - see above

        return structlog.get_logger(self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._logger, name)
