"""The preview of an action: what it would do, counted before a person confirms it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, select

from db import appointments
from db.appointments import Appointment
from db.appointments.queue import QUEUED
from db.changes import asking
from db.lifecycle import HoldReason, Status
from db.monitoring import counts_now, operator_actions, status_queries
from db.monitoring.operator_actions import Chosen
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import OperatorOverride
from tasks.changes.ask.ask import AskOutcome, AskResult, open_for, version
from tasks.changes.ask.change import RESCHEDULE, cancel_outcome, refused_at_any_start, reschedule_outcome
from tasks.changes.ask.sentences import sentence_of, what_is_asked
from tasks.changes.resolve_booking import may_be_booked
from tasks.dependencies import Dependencies
from tasks.operations import breaker_actions, breaker_overrides
from tasks.operations.booking_actions import CANCEL, RETRY
from tasks.operations.breaker_actions import AUTO, KEPT
from tasks.operations.breaker_overrides import OFF, OPEN
from tasks.operations.retry import GO_BY_THEMSELVES, retry_outcome, retryable_change
from tasks.words import duration, plural

FEW = 20  # up to this number of bookings nobody has to type their number
_cancel_outcome = partial(cancel_outcome, spares_booked=True)  # of many; one that is booked is cancelled alone
_NOW = {AskOutcome.SENT, AskOutcome.CANCELLED}
_LATER = {AskOutcome.SENT_TO_LOOK_UP, AskOutcome.CANCELLED_AFTER_LOOKUP}
_ONE = {
    AskOutcome.SENT: "Sent again.",
    AskOutcome.SENT_TO_LOOK_UP: "Sent again; looked up first.",
    AskOutcome.CANCELLED: "Cancelled now.",
    AskOutcome.CANCELLED_AFTER_LOOKUP: "Cancelled once a lookup has shown whether it is booked.",
    AskOutcome.CANCELLED_AFTER_CALL: "Its call is under way: cancelled, whatever that call brings.",
    AskOutcome.CANCEL_ASKED: "It is booked: its cancel goes to Cal.com.",
    AskOutcome.MOVE_ASKED: "It is booked: its move goes to Cal.com.",
    AskOutcome.MOVED_LATER: "It may be booked already: moved once that is known.",
    AskOutcome.MOVED: "It is not booked yet: it is asked for at the new start.",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What an action would do now, and what a person must give to request it.

    `lines` describe the effect. `asks` are the inputs: why, until, type, number, looked (an optional tick), uid, start,
    reason (what Cal.com tells the attendee, optional); `typed` is the word or number to type. `ids` are the bookings,
    in the order of their requests; `epoch` is that of the breaker, or the version of the one booking. `refused`: why
    the action is not possible now.
    """

    request_id: UUID
    epoch: int | None
    ids: tuple[int, ...] | None
    count: int
    lines: tuple[str, ...]
    asks: tuple[str, ...] = ("why",)
    typed: str | None = None
    refused: str | None = None


def of_breaker_action(deps: Dependencies, mode: str) -> Preview:
    """Return what an action on the breaker of `deps` would do; counted are the bookings of its own Cal.com.

    Raises:
        SQLAlchemyError: Postgres does not answer.
    """
    seen = deps.breaker.get_status()
    overrides = breaker_overrides.in_force(deps.engine, deps.breaker.service)
    others = deps.services.others()
    with deps.engine.connect() as conn:
        if others:
            under_way, held = status_queries.counts_at(conn, deps.breaker.service)
        else:
            under_way = counts_now.on_the_way(conn).booking
            held = {one.reason: one.count for one in counts_now.held(conn, lead=deps.timings.lead)}
    lines = _breaker_lines(deps, seen, overrides, mode, under_way, Counter(held))
    if not seen.shared and mode in {OPEN, OFF}:
        lines.append(KEPT)
    asks = {OPEN: ("why", "until"), OFF: ("why", "until", "type")}.get(mode, ("why",))
    refused = breaker_actions.why_not(seen, overrides, mode)
    typed = "OFF" if mode == OFF else None
    return Preview(uuid4(), breaker_actions.epoch(seen, mode), None, 0, tuple(lines), asks, typed, refused)


def of_bookings(
    deps: Dependencies, command: str, ids: Sequence[int], *, not_booked: bool = False, zone: tzinfo
) -> Preview:
    """Return what a command to these bookings would do; `zone` is the time zone of the person's "today".

    Raises:
        SQLAlchemyError: Postgres does not answer.
    """
    with deps.engine.connect() as conn:
        row = appointments.get(conn, ids[0]) if len(ids) == 1 else None
        found = operator_actions.chosen(conn, ids)
        now: datetime = conn.execute(select(func.now())).scalar_one()
        seconds = open_for(conn, row) if row else 0.0
        change = retryable_change(conn, row) if row is not None and command == RETRY else None
    if command == CANCEL and row is not None and row.status is Status.CONFIRMED:
        return of_change(deps, CANCEL, row.id, zone=zone)
    if row is not None and change is not None and change.hold_reason not in GO_BY_THEMSELVES:
        said = f"Its {what_is_asked(change)} is sent again."
        return Preview(uuid4(), version(row), (row.id,), 1, (said,))
    outcome = retry_outcome if command == RETRY else _cancel_outcome
    meant = {one: outcome(one, not_booked=not_booked) for one in found if command != RETRY or not _goes(one)}
    taken = [one for one, became in meant.items() if became in _ONE]
    lines = [*_said(command, [meant[one] for one in taken], _today(taken, now, zone))] if taken else []
    lines += _left(command, found, gone=len(set(ids)) - len(found))
    asks = ["why"] + (["number"] if len(taken) > FEW else [])
    refused = None if taken else "; ".join(lines) or "there is nothing to do"
    if len(ids) == 1 and taken and taken[0].outcome_unknown:
        if seconds > 0:
            wait = f"a call may still turn into a booking for {seconds:.0f} s"
            lines.append(f"{wait[0].upper()}{wait[1:]}: before that nobody can know that it is not booked.")
            refused = f"{wait}; look again after that" if not_booked else refused
        else:
            asks.append("looked")
    return Preview(
        uuid4(),
        version(row) if row else None,
        tuple(one.id for one in taken),
        len(taken),
        tuple(lines),
        tuple(asks),
        str(len(taken)) if "number" in asks else None,
        refused,
    )


def of_change(deps: Dependencies, action: str, booking_id: int, *, zone: tzinfo) -> Preview:
    """Return what the cancel of a booked booking, or the move of any, would do; times are given in `zone`.

    Raises:
        SQLAlchemyError: Postgres does not answer.
    """
    with deps.engine.connect() as conn:
        row = appointments.get(conn, booking_id)
        meant = AskOutcome.MISSING if row is None else _of_change(conn, action, row)
    if row is None or meant not in _ONE:
        said = sentence_of(AskResult(booking_id, meant, None if row is None else row.status))
        return Preview(uuid4(), None, (), 0, (), refused=f"{booking_id}: {said}")
    start = row.present_start.astimezone(zone)
    asks = ("start",) if action == RESCHEDULE else ()
    return Preview(
        uuid4(),
        version(row),
        (booking_id,),
        1,
        (f"It starts {start:%a %d %b %Y, %H:%M} ({zone}).", _ONE[meant]),
        (*asks, *(("reason",) if row.status is Status.CONFIRMED else ()), "why"),
    )


def _of_change(conn: Connection, action: str, row: Appointment) -> AskOutcome:
    """Return the outcome that a cancel of a booked booking, or a move of any, would have now."""
    moment = asking.moment_of(conn, row)
    if row.status is Status.CONFIRMED and asking.is_over(row, moment.now):
        return AskOutcome.OVER
    if action == RESCHEDULE:
        return refused_at_any_start(row, moment) or reschedule_outcome(row)
    if not moment.is_open:
        return AskOutcome.ACCOUNT_CLOSED
    is_asked = any(change.ends_booking for change in moment.opened)
    return AskOutcome.BEING_CANCELLED if is_asked else AskOutcome.CANCEL_ASKED


def of_resolving(deps: Dependencies, booking_id: int, *, done: bool | None = None) -> Preview:
    """Return what a person must give who knows which booking at Cal.com this one is, or what its held change has done.

    Raises:
        SQLAlchemyError: Postgres does not answer.
    """
    with deps.engine.connect() as conn:
        row = appointments.get(conn, booking_id)
        change = None if row is None or done is None else asking.held_for_a_person(conn, row.id)
    refused: str | None = "it cannot be resolved now: look again"
    if row is not None and change is not None:
        what = what_is_asked(change)
        lines = (f"Its {what} is held.", "Cal.com is asked for its booking; what it shows must not deny your word.")
        asks = ("new_uid", "why") if done and change.wanted else ("why",)
        return Preview(uuid4(), version(row), (booking_id,), 1, lines, asks)
    if done is None and row is not None and may_be_booked(row):
        refused = None
    lines = (
        "Cal.com is asked for the booking, or the seat, of this uid.",
        "If it carries our reference, this booking is confirmed by it; if not, nothing is changed.",
    )
    return Preview(uuid4(), version(row) if row else None, (booking_id,), 1, lines, ("uid", "why"), refused=refused)


def of_showing(ids: Sequence[int], seconds: float) -> Preview:
    """Return the preview of the action that shows whose bookings these are."""
    return Preview(uuid4(), None, tuple(ids), len(ids), (f"Shown for {duration(seconds)}, recorded.",))


def _breaker_lines(
    deps: Dependencies,
    seen: BreakerStatus,
    overrides: Sequence[OperatorOverride],
    mode: str,
    under_way: int,
    held: Counter[HoldReason],
) -> list[str]:
    waiting = sum(held[one] for one in QUEUED)
    if mode == OPEN:
        go_on = f"{plural(under_way, 'call')} under way {'goes' if under_way == 1 else 'go'} on; " if under_way else ""
        return [f"Nothing is sent until the override ends; {go_on}new ones are held."]
    if mode == OFF:
        return ["Every call goes, whatever fails; retries may be used up."]
    if mode == AUTO:
        then = f"{waiting:,} held {'goes' if waiting == 1 else 'go, one first'}"
        return [f"The override ends; {then if waiting else 'the breaker decides again'}."]
    given = sum(one.kind in {OPEN, OFF} for one in overrides)
    parts = ["Closes all breakers", f"ends {plural(given, 'override')}" if given else ""]
    if deps.calcom.key_fingerprint in seen.blocked_keys:
        parts.append(f"tries the refused key with its {held[HoldReason.CREDENTIALS]:,} held")
    if deps.calcom.settings_fingerprint in seen.wrong_settings:
        parts.append(f"tries the settings with their {held[HoldReason.CONFIGURATION]:,} held")
    if seen.throttled_for:
        parts.append("sends though Cal.com asked to wait")
    return [f"{', '.join(part for part in parts if part)}{f'; {waiting:,} held go' if waiting else ''}."]


def _said(command: str, meant: Sequence[AskOutcome], today: str) -> Iterator[str]:
    """Yield what the command does to the bookings that it takes."""
    if len(meant) == 1:
        yield _ONE[meant[0]]
        return
    counts = Counter(meant)
    now, later = (sum(counts[one] for one in group) for group in (_NOW, _LATER))
    calls = counts[AskOutcome.CANCELLED_AFTER_CALL]
    parts = [f"{now:,} now", f"{later:,} after a lookup" if later else "", f"{calls:,} after the call" if calls else ""]
    yield f"{command.capitalize()} {len(meant):,}: {', '.join(part for part in parts if part)}; {today}."


def _left(command: str, found: Sequence[Chosen], gone: int) -> Iterator[str]:
    """Yield which bookings the command leaves alone, and why."""
    if command == RETRY:
        for reason, count in Counter(one.hold_reason for one in found if _goes(one)).items():
            one = "goes by itself" if count == 1 else "go by themselves"
            yield f"{count:,} held for {reason} {one}."
        over = sum(retry_outcome(one) is AskOutcome.NOT_RETRYABLE for one in found)
        yield from [f"{over:,} {'is' if over == 1 else 'are'} neither held nor failed."] if over else []
    else:
        over = sum(_cancel_outcome(one) is AskOutcome.ENDED for one in found)
        yield from [f"{over:,} {'has' if over == 1 else 'have'} ended: nothing to cancel."] if over else []
        booked = sum(_cancel_outcome(one) is AskOutcome.BOOKED for one in found)
        yield from [f"{booked:,} {'is' if booked == 1 else 'are'} booked: cancel each alone."] if booked else []
        blind = sum(one.hold_reason is HoldReason.BLIND_KEY and one.outcome_unknown for one in found)
        todo = "perhaps no lookup proves that nothing is booked; look at Cal.com and cancel each alone"
        yield from [f"{blind:,} held for blind_key: {todo}."] if blind else []
    yield from [f"{gone:,} {'is' if gone == 1 else 'are'} not there any more."] if gone else []


def _goes(one: Chosen) -> bool:
    return one.hold_reason in GO_BY_THEMSELVES


def _today(taken: Sequence[Chosen], now: datetime, zone: tzinfo) -> str:
    day = now.astimezone(zone).date()
    count = sum(one.start_at.astimezone(zone).date() == day for one in taken)
    return f"{count or 'none'} {'starts' if count < 2 else 'start'} today"
