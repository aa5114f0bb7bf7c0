"""An overview and its verdict as JSON: the page polls it, and `booking status --json` prints it beside its own keys.

The JSON holds moments, not ages: while nothing changes the text is the same, except `read_at`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from db.account_troubles import DEFAULT, TroubledAccount, TroubledService
from db.appointments.queue import QUEUED
from db.lifecycle import HoldReason
from db.monitoring import counts_now
from db.monitoring.counts_now import HeldNow
from db.monitoring.front_door import CAP, FrontDoor
from db.monitoring.heartbeats import EVERY
from db.monitoring.incidents import Incident
from resilience.circuit_breaker.types import Block
from tasks.accounts.remedies import new_key, tried_again
from tasks.accounts.services import Service
from tasks.overview.cards import Card
from tasks.overview.ranking.accounts import trouble_phrase
from tasks.overview.ranking.phrases import held_count, several
from tasks.overview.ranking.services import host_of, service_phrase
from tasks.overview.reading import Overview, PartState
from tasks.overview.record import BreakerMove, RecordView
from tasks.overview.sentences import Sentence, as_json, iso, sentence, time_until
from tasks.overview.verdict import Verdict

COUNTS_LAST = timedelta(seconds=EVERY + 2)  # what an incident's title counts is of this moment for so long
TRY = "booking enqueue examples/bookings.jsonl"  # shown while there is no booking
_GRADUALLY = "itself, in order: 1, 2, 4, ... at once when Cal.com is back"
_MOVED_ON_BY: Mapping[HoldReason, str] = MappingProxyType(
    {
        HoldReason.UNREACHABLE: "itself",
        HoldReason.SETTLING: "itself: a lookup at Cal.com",
        HoldReason.CREDENTIALS: "a key that Cal.com takes; Cal.com is asked each minute",
        HoldReason.CONFIGURATION: "Cal.com's answer; Cal.com is asked each minute",
        HoldReason.BLIND_KEY: "you, or a key that sees the booking",
        HoldReason.SUSPECT: "you",
        HoldReason.PAUSED: "you, by `booking accounts resume`",
    }
)
_QUEUE_MOVED_ON_BY: Mapping[Block, str] = MappingProxyType(
    {
        Block.UNKNOWN: "itself, in order",
        Block.CREDENTIALS: "itself, in order, when Cal.com takes our key",
        Block.CONFIGURATION: "itself, in order, when Cal.com's API answers",
        Block.ORDER: "itself, in order, when the operator's order ends",
        Block.BREAKER_OPEN: _GRADUALLY,
        Block.PROBE: _GRADUALLY,
        Block.THROTTLED: "itself, in order, when the pause that Cal.com asked for is over",
        Block.NOTHING: "itself, in order, now",
    }
)
_EACH_BY_ITS_CAUSE = "itself, in order, when what stops its account or its Cal.com is over"
_TIMED = {HoldReason.UNREACHABLE, HoldReason.SETTLING}


def payload(overview: Overview, verdict: Verdict) -> dict[str, Any]:
    """Return an overview and its verdict as JSON types; the data of a server that does not answer is null."""
    record = overview.record
    return {
        "read_at": iso(overview.read_at),
        "verdict": _verdict(verdict),
        "parts": {name: _part(getattr(overview, name)) for name in ("postgres", "redis", "broker")},
        "queues": None if overview.queues is None else dict(overview.queues),
        "cards": [_card(card, overview) for card in overview.shared.cards],
        **_recorded(overview, record),
        "first_day": record is not None and record.empty,
        "try": TRY if record is not None and record.empty else None,
    }


def _recorded(overview: Overview, record: RecordView | None) -> dict[str, Any]:
    if record is None:
        return dict.fromkeys(
            (
                *("holds", "now", "capped", "unknown", "day", "calcoms", "services", "accounts", "changes"),
                *("front_door", "incidents"),
            )
        )
    return {
        "holds": [_hold(hold, overview) for hold in record.holds],
        "now": {**_fields(record.moving, "pending", "booking", "retrying"), "held": held_count(overview)},
        "capped": _capped(record),
        "unknown": record.unknown,
        "day": _fields(record.day, *record.day.__slots__) if record.day else None,
        "calcoms": sorted(Service(*one).host for one in record.accounts.other_services.items()),
        "services": [_service(service) for service in record.accounts.services],
        "accounts": [_account(account) for account in record.accounts.accounts],
        "changes": [_change(change) for change in record.changes],
        "front_door": _front_door(record.front_door),
        "incidents": [_incident(incident, record.now) for incident in record.incidents],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        **_fields(verdict, "level", "row", "name", "whose", "reason", "done_at"),
        "sentence": as_json(verdict.sentence),
        "nothing": as_json(verdict.if_nobody_acts),
        "also": [as_json(one) for one in verdict.also],
        "buttons": list(verdict.buttons),
    }


def _part(part: PartState) -> dict[str, Any]:
    return {"well": None if part.is_late else part.answers, **_fields(part, "since", "ms")}


def _card(card: Card, overview: Overview) -> dict[str, Any]:
    state = _fields(card, "name", "kind", "state", "since", "next_at", "until", "by", "why", "epoch")
    whole = overview.shared.counts_whole(card, overview.read_at)
    return state | _fields(card, "calls", "failed", "average_ms", "limit_left") | {"since_closed": not whole}


def _hold(hold: HeldNow, overview: Overview) -> dict[str, Any]:
    queued, block = hold.reason in QUEUED, overview.shared.block
    if several(overview):
        block = Block.NOTHING  # of the line of `default` alone it is known
    by: Sentence = sentence(_moved_on_by(hold.reason, overview))
    if hold.reason in _TIMED and hold.next_until:
        by = sentence(by, ", next in ", time_until(hold.next_until))
    return {
        **_fields(hold, "reason", "count", "capped", "at_risk", "first_start", "next_until"),
        "waits_for": block.value if queued and block is not Block.NOTHING else None,
        "oldest_at": iso(hold.oldest_held_at),
        "moves_on": as_json(by),
    }


def _capped(record: RecordView) -> list[str]:
    """Return the names of the figures that are counted up to a cap, and of which there may be more."""
    moving = record.moving
    counts = {"pending": moving.pending, "booking": moving.booking, "retrying": moving.retrying}
    counts["unknown"] = record.unknown
    held = ["held"] if any(one.capped for one in record.holds) else []
    return [*(name for name, count in counts.items() if count >= counts_now.CAP), *held]


def _moved_on_by(reason: HoldReason, overview: Overview) -> str:
    if overview.record is None or not several(overview):
        return _QUEUE_MOVED_ON_BY[overview.shared.block] if reason in QUEUED else _MOVED_ON_BY[reason]
    if reason in QUEUED:
        return _EACH_BY_ITS_CAUSE
    if reason is HoldReason.CONFIGURATION:
        return f"Cal.com's answer; Cal.com is asked {tried_again(DEFAULT)}"
    if reason is not HoldReason.CREDENTIALS:
        return _MOVED_ON_BY[reason]
    refused = {one.account for one in overview.record.accounts.causes if one.held.reason is HoldReason.CREDENTIALS}
    [name, *others] = sorted(refused, key=str)
    cure = new_key(name) if name and not others else "`booking accounts list` names the accounts"
    return f"a key that Cal.com takes: {cure}; Cal.com is asked {tried_again(DEFAULT)}"


def _account(account: TroubledAccount) -> dict[str, Any]:
    figures = _fields(account, "name", "trouble", "waiting", "capped", "since")
    return figures | {"sentence": as_json(trouble_phrase(account))}


def _service(service: TroubledService) -> dict[str, Any]:
    figures = _fields(service, "state", "since", "waiting", "capped")
    return {"host": host_of(service), **figures, "sentence": as_json(service_phrase(service))}


def _change(change: BreakerMove) -> dict[str, Any]:
    return {**_fields(change, "at", "of", "reason", "by", "why"), "from": change.old, "to": change.new}


def _front_door(door: FrontDoor) -> dict[str, Any]:
    return {
        "cap": CAP,
        "changes": [_fields(one, "state", "count", "oldest_at") for one in door.changes],
        "callbacks": _fields(door.callbacks, *door.callbacks.__slots__),
        "webhooks": [_fields(one, *one.__slots__) for one in door.hints],
    }


def _incident(incident: Incident, now: datetime) -> dict[str, Any]:
    counted_at = incident.counted_at
    is_old = counted_at is not None and now - counted_at > COUNTS_LAST  # no health check has counted since
    told_at, as_of = _plain(incident.notified_at), _plain(counted_at) if is_old else None
    return {**_fields(incident, "id", "kind", "title", "opened_at"), "told_at": told_at, "as_of": as_of}


def _fields(of: object, *names: str) -> dict[str, Any]:
    """Return the named attributes as JSON has them."""
    return {name: _plain(getattr(of, name)) for name in names}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: moments and words as text."""
    if isinstance(value, datetime):
        return iso(value)
    return value.value if isinstance(value, StrEnum) else value
