"""Hold one call: what came in, what goes out, and the refusals between."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from simulator.state.faults import Fault
    from simulator.state.journal import Entry

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """A whole HTTP request; header names are lower case, the target is as it stood on the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Give the target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """Give the query's parameters; the last of a repeated one wins, a bare + is a space."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer, before any fault."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Call:
    """A request on its way through the simulator, with its line in the journal."""

    request: Request
    entry: Entry
    received: datetime  # when it came: the `createdAt` of what it books (seen)
    body: Any = None
    key: str | None = None
    extra_work: float = 0.0  # seconds that a latency fault adds
    pace: float | None = None  # seconds that its whole work takes
    worked: float = 0.0  # the share of it that is done
    at_steps: list[Fault] = field(default_factory=list)  # what holds it up, or breaks it off, at a step
    date_off: float = 0.0  # seconds that the answer's Date is off
    headers: list[tuple[str, str]] = field(default_factory=list)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of Cal.com's, not an error of ours
    """Cal.com says no. `shape` A and B as docs/calcom.md names them.

    `code` and `details` are for shape A; a plain one derives both from the status, as NestJS does.
    """

    def __init__(
        self, status: int, message: str, *, shape: str = "A", code: str | None = None, details: Any = "standard"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.shape = shape
        self.code = code
        self.details = details


def dump(value: Any) -> bytes:
    """Write JSON the way Node does: no spaces, no escapes for letters."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def success(status: int, data: Any, **more: Any) -> Answer:
    """Wrap data the way every good answer of API v2 is wrapped."""
    return Answer(status, dump({"status": "success", "data": data, **more}))
