"""What a call to Cal.com sends, and what it came back with: an answer, or none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_BODY = 1024 * 1024  # bytes, decoded

MaySend = Callable[[], bool]
"""Asked right before the first byte of a request: False, and nothing is sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what is sent; `headers` is all of them, but for the body's length.

    `max_body` is how many bytes of the answer's decoded body are read at most.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    params: Mapping[str, str | int] | None = None
    body: bytes | None = None
    max_body: int = MAX_BODY


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
