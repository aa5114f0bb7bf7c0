"""A booking's events as spans. Moments are PostgreSQL's, so that the clocks of many workers do not matter.

Every id is computed from the booking: each process that sends a trace sends the same ids, also a second time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from booking_client.redaction import scrub
from db.appointments.events import Event
from db.appointments.stories import Numbered, Story
from db.lifecycle import Status

OURS = frozenset({"worker", "sweeper", "release"})  # these write our own text; a person's may name a customer
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_STATES = frozenset(Status)


@dataclass(frozen=True, slots=True)
class TraceSpan:
    """One span; `is_call`: it is a call to Cal.com."""

    name: str
    trace_id: int
    id: int
    parent: int | None
    start: datetime
    end: datetime
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    failed: bool = False
    is_call: bool = False


def trace_id(correlation_id: str) -> int:
    """Return the trace id: the correlation id itself, where that is 32 hexadecimal digits (or a UUID), else a hash."""
    digits = correlation_id.lower().replace("-", "")
    if _TRACE_ID.fullmatch(digits) and int(digits, 16):
        return int(digits, 16)
    return int.from_bytes(sha256(correlation_id.encode()).digest()[:16])


def spans_of(story: Story) -> Iterator[TraceSpan]:
    """Yield the spans of a story: the booking, and in it enqueue, waits, attempts with their calls, holds, moves."""
    first, (_, last) = story.events[0], story.events[-1]
    begun_at = story.requested_at or _begun(first.event)
    teller = _Teller(story, first.place)
    about: dict[str, str | int] = {"booking.id": story.id, "booking.outcome": last.kind}
    if story.event_type_id is not None:
        about["booking.event_type_id"] = story.event_type_id
    failed = last.kind == Status.FAILED
    yield teller.span("booking", "", begun_at, last.created_at, about, parent=None, failed=failed)
    if story.requested_at is not None:
        yield teller.span("enqueue", "", begun_at, begun_at)
    before: Event | None = None
    for one in story.events:
        yield from _of_event(teller, one, before)
        before = one.event


class _Teller:
    """Make the spans of one story."""

    def __init__(self, story: Story, first: int) -> None:
        self._uuid = story.uuid
        self._trace_id = trace_id(story.correlation_id)
        self._root = self.id("booking", first)

    def id(self, name: str, place: int | str) -> int:
        """Return a span's id, never 0, which means no span."""
        return int.from_bytes(sha256(f"{self._uuid} {place} {name}".encode()).digest()[:8]) or 1

    def span(
        self,
        name: str,
        place: int | str,
        start: datetime,
        end: datetime,
        attributes: Mapping[str, str | int] | None = None,
        *,
        parent: int | None = 0,
        **more: bool,
    ) -> TraceSpan:
        """Return a span; `parent` 0 is the booking's own, which has None."""
        own = self._root if parent is None else self.id(name, place)
        above = self._root if parent == 0 else parent
        return TraceSpan(name, self._trace_id, own, above, min(start, end), end, attributes or {}, **more)


def _of_event(teller: _Teller, one: Numbered, before: Event | None) -> Iterator[TraceSpan]:
    place, event = one
    at, detail = event.created_at, event.detail
    held_at = _held_since(event, before)
    if held_at is not None:
        yield teller.span("hold", place, held_at, at, _given({"booking.hold_reason": detail.get("held")}))
    parent = 0
    if "attempt_ms" in detail:
        begun_at = _begun(event)
        if detail.get("waited_ms"):
            yield teller.span("wait", place, begun_at - _ms(detail["waited_ms"]), begun_at)
        parent = teller.id("attempt", place)
        yield teller.span("attempt", place, begun_at, at, {"booking.moved_to": event.kind})
        yield from _calls(teller, place, event, parent)
    name = f"move {event.kind}" if event.kind in _STATES else event.kind
    yield teller.span(name, place, at, at, _about_move(event), parent=parent)


def _calls(teller: _Teller, place: int, event: Event, parent: int) -> Iterator[TraceSpan]:
    """Yield the calls of an attempt; their start follows from their durations, the last one ends at the move."""
    calls = event.detail.get("calls", [])
    at = event.created_at - sum((_ms(call["ms"]) for call in calls), timedelta())
    for number, call in enumerate(calls):
        start, at = at, at + _ms(call["ms"])
        about = _given({"http.response.status_code": call.get("status"), "error.type": call.get("error")})
        failed = "error" in call or call.get("status", 0) >= 400
        name = call["endpoint"]
        yield teller.span(name, f"{place}.{number}", start, at, about, parent=parent, failed=failed, is_call=True)


def _held_since(event: Event, before: Event | None) -> datetime | None:
    """Return since when the booking was held before this event; None: it was not held."""
    since = event.detail.get("since")
    if isinstance(since, str) and "held" in event.detail:
        return datetime.fromisoformat(since)
    return before.created_at if before is not None and before.kind == Status.HELD else None


def _about_move(event: Event) -> dict[str, str | int]:
    ours = event.by in OURS
    why = scrub(str(event.detail.get("why") or "")) if ours else ""  # never the `words`: those are Cal.com's
    about = {"booking.by": event.by if ours else "person", "booking.why": why or None}
    return _given({**about, "booking.retry_in_ms": event.detail.get("retry_in_ms")})


def _begun(event: Event) -> datetime:
    return event.created_at - _ms(event.detail.get("attempt_ms", 0))


def _ms(number: float) -> timedelta:
    return timedelta(milliseconds=number)


def _given(attributes: Mapping[str, Any]) -> dict[str, str | int]:
    return {name: value for name, value in attributes.items() if value is not None}
