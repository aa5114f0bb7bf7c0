"""One booking as the page shows it: its facts, why it is not moving, and what happened when; nothing personal."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, timedelta
from itertools import chain, zip_longest
from typing import Any

from db import appointments
from db.appointments.events import Event
from db.lifecycle import FINAL, Status
from tasks.dependencies import Dependencies
from tasks.operations import preview
from tasks.operations.booking_actions import CANCEL, RETRY
from tasks.overview.sentences import iso
from tasks.story.booking_story import BookingStory, gather


def read(deps: Dependencies, appointment_id: int) -> dict[str, Any] | None:
    """Return one booking for JSON; None: there is none."""
    with deps.autocommit.connect() as conn:
        row = appointments.get(conn, appointment_id)
        if row is None:
            return None
        story = gather(conn, row, deps.calcom.key_fingerprint)
    return _told(story) | {"actions": [] if row.status is Status.CONFIRMED else _offered(deps, row.id)}


def _offered(deps: Dependencies, appointment_id: int) -> list[dict[str, Any]]:
    """Return what may be done with it, each with what it asks for and comes to."""
    previews = {action: preview.of_bookings(deps, action, [appointment_id], zone=UTC) for action in (RETRY, CANCEL)}
    return [
        {"action": action, "asks": seen.asks, "confirmation": " ".join(seen.lines)}
        for action, seen in previews.items()
        if seen.refused is None
    ]


def _told(story: BookingStory) -> dict[str, Any]:
    row = story.row
    return {
        "id": row.id,
        "status": row.status,
        "hold_reason": row.hold_reason,
        "final": row.status in FINAL,
        "why": story.why,
        "facts": facts(story),
        "who": "hidden",
        "timeline": timeline(story.timeline),
    }


def facts(story: BookingStory) -> dict[str, Any]:
    """Return what is known of a booking, moments as such."""
    row = story.row
    return {
        "what": story.what,
        "event_type": row.event_type,
        "start_at": row.start_at,
        "booked_start_at": row.booked_start_at,
        "awaits_host": row.awaits_host,
        "requested_at": row.requested_at,
        "answer_by": row.answer_by,
        "held_at": row.held_at,
        "hold_until": row.hold_until,
        "next_attempt_at": row.next_attempt_at,
        "calcom_uid": row.calcom_booking_uid,
        "seat_uid": row.calcom_seat_uid,
        "series_uid": row.series_uid,
        "series_weeks": row.series_weeks,
        "series_of": row.series_of,
        "calls": row.posts,
        "retries": row.retry_count,
        "tries": f"{row.posts} to book, {row.retry_count} retried, {row.looks} looks",
        "outcome_unknown": row.outcome_unknown,
        "cancel_requested": row.cancel_requested,
        "last_error": row.last_error,
        "error_type": row.error_type,
        "key": row.idempotency_key,
        "key_derived": row.key_derived,
        "uuid": str(row.uuid),
        "task_id": row.task_id,
        "correlation_id": row.correlation_id,
    }


def timeline(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return the events, each with its calls and with how long it was until the next one.

    What ended an attempt tells how long that took: so its claim, of which nothing was written, has an entry, too.
    """
    entries = sorted(chain.from_iterable(map(_with_claim, events)), key=lambda event: event.created_at)
    following: Iterable[Event | None] = entries[1:]
    return [_entry(one, after) for one, after in zip_longest(entries, following)]


def _with_claim(event: Event) -> Iterator[Event]:
    detail = dict(event.detail)
    attempt_ms = detail.pop("attempt_ms", None)
    if attempt_ms is None:
        yield event
        return
    claimed: dict[str, Any] = {name: detail.pop(name) for name in ("waited_ms", "calls") if name in detail}
    yield Event("claimed", event.by, claimed, event.created_at - timedelta(milliseconds=attempt_ms))
    yield Event(event.kind, event.by, detail, event.created_at)


def _entry(event: Event, after: Event | None) -> dict[str, Any]:
    detail = event.facts
    took = None if after is None else round((after.created_at - event.created_at).total_seconds() * 1000)
    return {
        "at": iso(event.created_at),
        "by": event.by,
        "kind": event.kind,
        "why": event.reason,
        "calls": detail.pop("calls", []),
        "detail": detail,
        "took_ms": took,
    }
