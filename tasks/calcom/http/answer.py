"""What a call to Cal.com sends, and what it came back with: an answer, or none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what is sent; `headers` is all of them, but for the body's length."""

    method: str
    path: str
    headers: Mapping[str, str]
    params: Mapping[str, str | int] | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what Cal.com, or a proxy before it, answered.

    `headers` have lower-case names; `body` is decoded (no gzip); `elapsed` is in seconds; `truncated` means that the
    connection ended, or a limit was passed, before the body was whole.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    truncated: bool = False

    @property
    def date(self) -> datetime | None:
        """Return when it was answered by the server's own clock, in whole seconds; None when it does not say."""
        return http_date(self.headers.get("date", ""))


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Say why there is no answer, and whether the request may have reached Cal.com.

    `sent` is False only when certainly no byte of the request left this machine. `error_type` is a value of
    `tasks.calcom.reply.ErrorType`; `message` holds no secret and no personal data; `elapsed` is in seconds.
    """

    sent: bool
    error_type: str
    message: str
    elapsed: float


def parse(body: bytes) -> Any:
    """Return the JSON of `body`; None for what is not JSON (no answer of Cal.com is a bare null)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def http_date(text: str) -> datetime | None:
    """Return the moment of an HTTP date, in UTC; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
