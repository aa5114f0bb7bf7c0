"""`booking show`: one booking's state, facts and history."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Column, Table
from rich.text import Text
from sqlalchemy import Connection

from db.appointments import Appointment
from db.appointments.events import Event
from db.changes.change import BookingChange
from db.lifecycle import FINAL, Status
from resilience.circuit_breaker.types import Block
from tasks.calcom.access import fingerprint
from tasks.changes.ask.sentences import standing
from tasks.story.booking_story import BookingStory, block_of, gather
from tasks.story.sentences import Run, facts, folded, sentence, title
from tasks.story.timeline import INTERNAL, PERSONAL
from tasks.words import ago, clock, plural
from worker.cli.named import named
from worker.cli.session import record, wired
from worker.console import screen

HIDDEN = "hidden (--personal shows it)"
STYLES: Mapping[str, str] = {
    Status.CONFIRMED: "bold green",
    Status.HELD: "bold yellow",
    Status.FAILED: "bold red",
    Status.REJECTED: "bold red",
    Status.EXPIRED: "bold red",
}


def run(booking: str, *, personal: bool, json: bool) -> None:
    """Show the booking.

    Raises:
        Stop: No booking has this name, or several have it.
    """
    with record() as (conn, settings):
        key = fingerprint(settings.calcom_api_key.get_secret_value() if settings.calcom_api_key else "")
        story = gather(conn, named(conn, booking), key=key, blocked_by=_blocked_by)
    row = story.row
    if json:
        screen.as_json(as_dict(story, personal=personal))
        return
    screen.say((f"Booking {row.id}", "bold"), "  ", (_standing(row), STYLES.get(row.status, "bold")))
    screen.say(story.why)
    screen.say()
    screen.facts(_facts(story, personal=personal))
    screen.say()
    screen.show(_timeline(story.timeline))


def _blocked_by(conn: Connection, row: Appointment) -> Block:
    """Ask the breaker what stops a booking's line; what is in no line needs no connection to Redis."""
    return block_of(wired(), conn, row)


def as_dict(story: BookingStory, *, personal: bool) -> dict[str, Any]:
    """Return the booking for JSON; without personal data unless `personal`."""
    row = story.row
    left_out = INTERNAL if personal else INTERNAL + PERSONAL
    fields = {name: value for name, value in asdict(row).items() if name not in left_out}
    first = {"id": row.id, "status": row.status, "final": row.status in FINAL, "why": story.why}
    if story.account is not None:
        first["account"] = story.account
    changes = [_change(change, personal=personal) for change in story.changes]
    return {**first, **fields, "changes": changes, "story": [asdict(event) for event in story.events]}


def _change(change: BookingChange, *, personal: bool) -> dict[str, Any]:
    left_out = {"claim_token"} if personal else {"claim_token", "reason"}
    return {name: value for name, value in asdict(change).items() if name not in left_out}


def _standing(row: Appointment) -> str:
    return f"{row.status} ({row.hold_reason})" if row.hold_reason else str(row.status)


def _facts(story: BookingStory, *, personal: bool) -> Iterator[tuple[str, str]]:
    row, now = story.row, story.now
    if story.account is not None:
        yield "account", story.account
    yield "what", story.what
    yield "when", _when(row, row.present_start)
    if story.moved is not None:
        yield "moved", f"{story.moved}; it was asked for {_when(row, row.start_at)}"
    yield "who", _who(row) if personal else HIDDEN
    if personal:
        yield from _further(row)
    yield "asked", f"{ago(row.requested_at, now)} ({clock(row.requested_at)})"
    if row.answer_by:
        yield "wanted until", clock(row.answer_by)
    if row.calcom_booking_uid:
        seat = f", seat {row.calcom_seat_uid}" if row.calcom_seat_uid else ""
        owner = " (another request's)" if row.status is Status.REJECTED else ""
        known = f", as of {clock(row.updated_at)}" if row.status is Status.CONFIRMED else ""
        yield "at Cal.com", f"{row.calcom_booking_uid}{seat}{owner}{known}"
    if row.series_uid:
        yield "series", _series(row, now)
    yield "tries", _tries(row)
    for change in story.changes:
        yield "change", standing(change, now)
    if row.last_error:
        yield "last error", row.last_error
    yield "key", row.idempotency_key + (" (made from the request)" if row.key_derived else "")
    yield "ids", f"uuid {row.uuid}, task {row.task_id}, correlation {row.correlation_id}"


def _when(row: Appointment, start: datetime) -> str:
    local = start.astimezone(ZoneInfo(row.attendee_time_zone))
    return f"{local:%a %d %b %Y, %H:%M} {row.attendee_time_zone} ({clock(start)})"


def _who(row: Appointment) -> str:
    return ", ".join(part for part in (row.attendee_name, row.attendee_email, row.attendee_phone) if part)


def _further(row: Appointment) -> Iterator[tuple[str, str]]:
    if row.guests:
        yield "guests", ", ".join(row.guests)
    given = {"where": row.location, "answers": row.booking_fields_responses, "metadata": row.request_metadata}
    for name, values in given.items():
        if values:
            yield name, ", ".join(f"{key}: {value}" for key, value in values.items())


def _series(row: Appointment, now: datetime) -> str:
    if row.series_weeks is not None:
        if row.series_of is None:
            return f"{plural(row.series_weeks, 'week')} booked; of how many, this API key is not shown"
        return f"{row.series_weeks} of {plural(row.series_of, 'week')} booked"
    soon = ago(row.ends_at, now) if row.ends_at and row.ends_at > now else "soon"
    return f"its weeks are counted {soon}"


def _tries(row: Appointment) -> str:
    effort = f"{_calls(row)}, {plural(row.retry_count, 'retry', 'retries')}"
    return f"{effort}; helped by {row.resilience_strategy.replace('_', ' ')}" if row.resilience_strategy else effort


def _calls(row: Appointment) -> str:
    """Write the number of POSTs; a worker that died during one has not counted it, but what is booked was posted."""
    if row.posts or row.sent_at is None:
        return f"{plural(row.posts, 'call')} to book"
    return "at least 1 call to book" if row.status is Status.CONFIRMED else "perhaps 1 call to book"


def _timeline(timeline: list[Event]) -> Table:
    columns = (Column(style="dim", no_wrap=True), Column(no_wrap=True), Column(no_wrap=True), Column(overflow="fold"))
    table = Table.grid(*columns, padding=(0, 3))
    for entry in folded(timeline):
        at = f"{entry.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        if isinstance(entry, Run):
            table.add_row(at, "", Text(Status.HELD, style=STYLES[Status.HELD]), f"{entry.sentence}; --json has each")
        else:
            table.add_row(at, entry.by, Text(title(entry), style=STYLES.get(entry.kind, "")), _detail(entry))
    return table


def _detail(event: Event) -> str:
    texts, more = [why] if (why := sentence(event)) else [], facts(event)
    texts += [
        f"{one['endpoint']} {one.get('status') or one.get('error')} in {one['ms']} ms" for one in more.pop("calls", ())
    ]
    texts += [_fact(name, value) for name, value in more.items() if value]
    return "; ".join(texts)


def _fact(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    return f"{words.removesuffix(' ms')} {value} ms" if words.endswith(" ms") else f"{words} {value}"
