"""One booking for the page: its facts, why it is not moving, and its timeline; nothing personal."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from db import appointments
from db.appointments import Appointment
from db.appointments.events import Event
from db.changes import asking
from db.changes.change import BookingChange
from db.monitoring import call_marks
from db.snapshot import snapshot
from tasks.changes.ask.change import RESCHEDULE
from tasks.changes.ask.sentences import standing
from tasks.changes.resolve_booking import RESOLVE, may_be_booked
from tasks.dependencies import Dependencies
from tasks.operations import preview
from tasks.operations.booking_actions import CANCEL, RETRY
from tasks.overview.sentences import iso
from tasks.story.booking_story import BookingStory, block_of, gather
from tasks.story.sentences import BREAKER, Run, facts, folded, sentence, title
from tasks.words import plural

LOOKUPS = frozenset({"bookings.list", "bookings.get"})
NOT_BOOKED, DONE, NOT_DONE = "not_booked", "done", "not_done"
_MOMENTS = ("start_at", "booked_start_at", "moved", "awaits_host", "requested_at", "answer_by", "held_at", "hold_until")
_THERE = ("next_attempt_at", "calcom_booking_uid", "calcom_seat_uid", "series_uid", "series_weeks", "series_of")
_TRIED = ("tries", "outcome_unknown", "cancel_requested", "last_error", "error_type")
_FACTS = ("account", "what", *_MOMENTS, *_THERE, *_TRIED, "idempotency_key", "uuid", "task_id", "correlation_id")


def read(deps: Dependencies, appointment_id: int) -> dict[str, Any] | None:
    """Return one booking for JSON; None: there is none."""
    with snapshot(deps.engine) as conn:
        row = appointments.get(conn, appointment_id)
        if row is None:
            return None
        story = gather(conn, row, key=deps.calcom.key_fingerprint, blocked_by=partial(block_of, deps))
        called = call_marks.in_force(conn, [row.id]).get(row.id)
        held = asking.held_for_a_person(conn, row.id) is not None
    return {
        "id": row.id,
        "status": row.status,
        "hold_reason": row.hold_reason,
        "why": story.why,
        "called": called,
        "facts": row_facts(story),
        "changes": [_change(change, story.now) for change in reversed(story.changes)],
        "timeline": timeline(story.timeline),
        "actions": _offered(deps, row, held=held),
    }


def _offered(deps: Dependencies, row: Appointment, *, held: bool) -> list[str]:
    """Return the actions that are not refused for this booking; `not_booked` is a retry after a person has looked.

    `held`: a change of it waits for a person's word.
    """

    def may(action: str, *, not_booked: bool = False) -> bool:
        return preview.of_bookings(deps, action, [row.id], not_booked=not_booked, zone=UTC).refused is None

    offered = {
        RETRY: may(RETRY),
        RESOLVE: may_be_booked(row),
        DONE: held,
        NOT_DONE: held,
        NOT_BOOKED: row.outcome_unknown and may(RETRY, not_booked=True),
        RESCHEDULE: preview.of_change(deps, RESCHEDULE, row.id, zone=UTC).refused is None,
        CANCEL: may(CANCEL),
    }
    return [name for name, is_offered in offered.items() if is_offered]


def _change(change: BookingChange, now: datetime) -> dict[str, Any]:
    """Return a cancel or a move for JSON; without its reason, which is a customer's words."""
    return {
        "id": change.id,
        "kind": change.kind,
        "wanted": change.wanted,
        "status": change.status,
        "hold_reason": change.hold_reason,
        "at": change.requested_at,
        "by": change.asked_by,
        "via": change.via,
        "said": standing(change, now),
    }


def row_facts(story: BookingStory) -> dict[str, Any]:
    """Return what is known of a booking, in the order in which the page shows it."""
    row = story.row
    looked = sum(call.get("endpoint") in LOOKUPS for event in story.events for call in event.facts.get("calls", ()))
    tries = f"{row.posts} to book, {row.retry_count} retried, {plural(looked, 'lookup')}"
    known = asdict(row) | {"account": story.account, "what": story.what, "moved": story.moved, "tries": tries}
    return {name: known[name] for name in _FACTS}


def timeline(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return the story for JSON, the newest first: the events, each with its calls, and runs of holds with theirs.

    The event that ends an attempt has how long that took, so the attempt's claim has an entry, too, though no event was
    written of it.
    """
    entries = chain.from_iterable(map(_entries, folded(events)))
    return sorted(entries, key=lambda entry: str(entry["at"]))[::-1]


def _entries(told: Event | Run) -> Iterator[dict[str, Any]]:
    if isinstance(told, Event):
        yield from map(_entry, _with_claim(told))
        return
    inner = [_entry(event) for event in chain.from_iterable(map(_with_claim, told.events))][::-1]
    run = {"at": inner[0]["at"], "from": inner[-1]["at"], "kind": "run", "title": told.sentence, "entries": inner}
    yield {**run, "by": "", "why": None, "calls": [], "detail": {}}


def _with_claim(event: Event) -> Iterator[Event]:
    detail = dict(event.detail)
    attempt_ms = detail.pop("attempt_ms", None)
    if attempt_ms is None:
        yield event
        return
    claimed: dict[str, Any] = {name: detail.pop(name) for name in ("waited_ms", "calls") if name in detail}
    yield Event("claimed", event.by, claimed, event.created_at - timedelta(milliseconds=attempt_ms))
    yield Event(event.kind, event.by, detail, event.created_at)


def _entry(event: Event) -> dict[str, Any]:
    detail = facts(event)
    by = detail.pop("by", "") if event.kind.startswith(BREAKER) else event.by
    return {
        "at": iso(event.created_at),
        "by": by,
        "kind": event.kind,
        "title": title(event),
        "why": sentence(event),
        "calls": detail.pop("calls", []),
        "detail": detail,
    }
