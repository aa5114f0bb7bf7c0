"""Loggers for modules that a caller's process loads, too: structlog is imported with the first line that is logged."""

from functools import cached_property
from typing import Any


class Logger:
    """Create structlog's logger at its first use: structlog imports rich, and an enqueuing process seldom logs."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _logger(self) -> Any:
        import structlog  # noqa: PLC0415 - see the class

        return structlog.get_logger(self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._logger, name)
