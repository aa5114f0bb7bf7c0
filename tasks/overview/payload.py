"""An overview and its verdict as JSON: what the page polls, and `booking status --json` prints beside its own keys.

It holds moments, no ages: while nothing changes it is the same text, `read_at` apart.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from db.lifecycle import HoldReason
from db.monitoring.overview import HeldNow
from tasks.overview.cards import Card
from tasks.overview.ranking.phrases import held_count
from tasks.overview.reading import Overview, PartState
from tasks.overview.record import BreakerMove, OpenIncident, RecordView
from tasks.overview.sentences import Sentence, as_json, iso, sentence, time_until
from tasks.overview.verdict import Verdict

TRY = "booking enqueue examples/bookings.jsonl"  # shown while there is no booking
_WITH_THE_BREAKER = "itself, in order: 1, 2, 4, ... at once when Cal.com is back"
_MOVED_ON_BY: Mapping[HoldReason, str] = MappingProxyType(
    {
        HoldReason.BREAKER_OPEN: _WITH_THE_BREAKER,
        HoldReason.THROTTLED: "itself, at the limit's pace",
        HoldReason.UNREACHABLE: "itself",
        HoldReason.SETTLING: "itself: a look at Cal.com",
        HoldReason.CREDENTIALS: "a key that Cal.com takes; asked each minute",
        HoldReason.CONFIGURATION: "Cal.com's answer; asked each minute",
        HoldReason.BLIND_KEY: "you, or a key that sees it",
        HoldReason.SUSPECT: "you",
    }
)
_TIMED = {HoldReason.UNREACHABLE, HoldReason.SETTLING}


def payload(overview: Overview, verdict: Verdict) -> dict[str, Any]:
    """Return both as JSON types; what a server that does not answer would know is null."""
    record = overview.record
    return {
        "read_at": iso(overview.read_at),
        "verdict": _verdict(verdict),
        "parts": {name: _part(getattr(overview, name)) for name in ("postgres", "redis", "broker")},
        "cards": [_card(card) for card in overview.shared.cards],
        **_recorded(overview, record),
        "first_day": record is not None and record.empty,
        "try": TRY if record is not None and record.empty else None,
    }


def _recorded(overview: Overview, record: RecordView | None) -> dict[str, Any]:
    if record is None:
        return dict.fromkeys(("holds", "now", "day", "changes", "incidents"))
    moving = record.moving
    return {
        "holds": [_hold(hold) for hold in record.holds],
        "now": {
            "pending": moving.pending,
            "booking": moving.booking,
            "retrying": moving.retrying,
            "held": held_count(overview),
        },
        "day": {name: getattr(record.day, name) for name in record.day.__slots__} if record.day else None,
        "changes": [_change(change) for change in record.changes],
        "incidents": [_incident(incident) for incident in record.incidents],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "level": verdict.level.value,
        "row": verdict.row,
        "name": verdict.name,
        "whose": verdict.whose.value,
        "sentence": as_json(verdict.sentence),
        "nothing": as_json(verdict.if_nobody_acts),
        "also": [as_json(one) for one in verdict.also],
        "buttons": list(verdict.buttons),
        "reason": verdict.reason and verdict.reason.value,
        "done_at": _moment(verdict.done_at),
    }


def _part(part: PartState) -> dict[str, Any]:
    return {"well": part.answers, "since": _moment(part.since), "ms": part.ms}


def _card(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "kind": card.kind,
        "state": card.state,
        "since": _moment(card.since),
        "next_at": _moment(card.next_at),
        "until": _moment(card.until),
        "by": card.by,
        "why": card.why,
        "calls": card.calls,
        "failed": card.failed,
        "average_ms": card.average_ms,
        "limit_left": card.limit_left,
        "epoch": card.epoch,
    }


def _hold(hold: HeldNow) -> dict[str, Any]:
    by: Sentence = sentence(_MOVED_ON_BY[hold.reason])
    if hold.reason in _TIMED and hold.next_until:
        by = sentence(by, ", next in ", time_until(hold.next_until))
    return {
        "reason": hold.reason.value,
        "count": hold.count,
        "capped": hold.capped,
        "at_risk": hold.at_risk,
        "oldest_at": iso(hold.oldest_held_at),
        "first_start": iso(hold.first_start),
        "next_until": _moment(hold.next_until),
        "moves_on": as_json(by),
    }


def _change(change: BreakerMove) -> dict[str, Any]:
    return {
        "at": iso(change.at),
        "of": change.of,
        "from": change.old,
        "to": change.new,
        "reason": change.reason,
        "by": change.by,
        "why": change.why,
    }


def _incident(incident: OpenIncident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "kind": incident.kind,
        "title": incident.title,
        "opened_at": iso(incident.opened_at),
        "told_at": _moment(incident.told_at),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
