"""The request of a call to Cal.com, and its result: an answer, or the reason why there is none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_BODY = 1024 * 1024  # bytes, decoded

MaySend = Callable[[], bool]
"""Called right before the first byte of a request; if it returns False, nothing is sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """Hold a request; `headers` are all of its headers except the body's length.

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
    """Hold an answer of Cal.com, or of a proxy in front of it.

    `headers` have lower-case names. `body` is decoded (no gzip). `elapsed` is in seconds. `truncated`: the connection
    ended before the body was complete, or the body is longer than the limit.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: float
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Hold why there is no answer, and whether the request may have reached Cal.com.

    `sent` is False only if certainly no byte of the request has left this process. `error_type` is a value of
    `tasks.calcom.reply.ErrorType`; `message` holds no secret and no personal data; `elapsed` is in seconds.
    """

    sent: bool
    error_type: str
    message: str
    elapsed: float
