"""The story of a booking as people read it: a title and a sentence for each event, and runs of holds folded into one.

The page and `booking show` share these words; the events themselves stay as they were written.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from types import MappingProxyType
from typing import Any

from db.appointments.events import Event
from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import State
from resilience.error_types import ErrorType
from tasks.words import plural

FOLDED = 3  # holds without a call, one after the other, from which a run is one entry
BREAKER = "breaker_"  # an event's kind that begins with it is a change of the breaker: the rest is its new state
_SERVICES = {"calcom": "Cal.com", "database": "the database"}
_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "asked": "asked for",
        "claimed": "taken up",
        Status.PENDING: "waits for a worker",
        Status.RETRYING: "will be tried again",
        "breaker_closed": "breaker closed",
        "breaker_open": "breaker opened",
        "breaker_half_open": "breaker let a probe through",
        "breaker_forced_open": "breaker opened by order",
        "breaker_off": "breaker turned off by order",
        "cancel_requested": "cancellation requested",
        "cancel_taken_back": "cancellation taken back",
        "cancel_there": "to be cancelled at Cal.com",
        "degraded": "flagged",
        "late_uid": "found at Cal.com",
        "told_not_booked": "booked, and reported as not booked",
        "series_cut": "some weeks are missing",
        "made_again": "booked by its second POST",
        "change_needs_you": "a change needs an operator",
        "change_asked": "change asked for",
        "change_pending": "change waits for a worker",
        "change_retrying": "change will be tried again",
    }
)
# Why a breaker changed, by the state machine's word; it opens by the last failure's type, which may be the same word.
_CHANGES: Mapping[str, str] = MappingProxyType(
    {
        "probe_succeeded": "the probe was answered",
        "open_over": "its pause is over",
        "off_over": "the order has ended",
        "forced_open": "an operator holds all back",
        "switched_off": "an operator turned it off",
        "automatic_again": "the order was ended",
        "reset": "an operator reset it",
        "restored": "Redis had lost its state",
        "begun": "Redis had lost its state",
    }
)
_FAILURES: Mapping[str, str] = MappingProxyType(
    {
        ErrorType.CONNECT: "no connection",
        ErrorType.DNS: "the name was not found",
        ErrorType.TLS: "the certificate was not accepted",
        ErrorType.TIMEOUT: "no answer in time",
        ErrorType.RESET: "the connection broke",
        ErrorType.HTTP_OTHER: "an unknown answer",
        ErrorType.DATABASE: "Cal.com's database failed",
        ErrorType.UNREADABLE: "an answer that cannot be read",
        **{
            error: f"answered {error.value.removeprefix('http_')}"
            for error in ErrorType
            if error.value.startswith("http_5")
        },
    }
)
_HOLDERS: Mapping[str, str] = MappingProxyType(
    {
        HoldReason.BREAKER_OPEN: "by the breaker",
        HoldReason.THROTTLED: "by the limit",
        HoldReason.CREDENTIALS: "by the refused key",
        HoldReason.CONFIGURATION: "by what answers in Cal.com's place",
    }
)


@dataclass(frozen=True, slots=True)
class Run:
    """Holds and their releases that follow each other without a call, oldest first; they are shown as one entry."""

    events: tuple[Event, ...]

    @property
    def created_at(self) -> datetime:
        """Return when the last of them happened."""
        return self.events[-1].created_at

    @property
    def sentence(self) -> str:
        """Return how often it was held, and by what: "held 38 times without a call: 36 by the limit, 2 ..."."""
        holders = [_holder(event) for event in self.events if event.kind == Status.HELD]
        counts = Counter(holders).most_common()
        parts = [f"{number} {holder}" if len(counts) > 1 else holder for holder, number in counts]
        return f"held {plural(len(holders), 'time')} without a call: {', '.join(parts)}"


def title(event: Event) -> str:
    """Return what happened, in a few words."""
    return _TITLES.get(event.kind, event.kind.replace("_", " "))


def sentence(event: Event) -> str | None:
    """Return why it happened, in words; None: the title says all."""
    if event.kind.startswith(BREAKER):
        return _change(event)
    if event.kind == Status.PENDING and (held := event.detail.get("held")):
        return f"{event.reason}, after it was held: {str(held).replace('_', ' ')}"
    return event.reason


def facts(event: Event) -> dict[str, Any]:
    """Return what else is shown of an event: what neither its title nor its sentence has."""
    said = {"held"} if event.kind == Status.PENDING else set()
    said |= {"of", "reason", "failures", "because"} if event.kind.startswith(BREAKER) else set()
    return {name: value for name, value in event.facts.items() if name not in said}


def because(state: str, reason: str) -> str:
    """Return why a breaker came into a state, in words: it opens by the type of a failure, closes by an event."""
    words = {**_CHANGES, **_FAILURES} if state == State.OPEN else _CHANGES
    return words.get(reason, reason.replace("_", " "))


def folded(events: Sequence[Event]) -> list[Event | Run]:
    """Return the entries of a story in the order of its events: each run of FOLDED holds without a call is one."""
    entries: list[Event | Run] = []
    for may_fold, group in groupby(events, key=_may_fold):
        run = tuple(group)
        holds = sum(event.kind == Status.HELD for event in run)
        entries += [Run(run)] if may_fold and holds >= FOLDED else run
    return entries


def _may_fold(event: Event) -> bool:
    return event.kind in {Status.HELD, Status.PENDING} and event.by != "operator" and not event.detail.get("calls")


def _holder(event: Event) -> str:
    return _HOLDERS.get(event.detail.get("denied_for", ""), "for another reason")


def _change(event: Event) -> str:
    """Return which breaker changed and why: "that of Cal.com: answered 503, 5 failures in a row"."""
    detail = event.detail
    of = _SERVICES.get(detail["of"], detail["of"])
    why = because(event.kind.removeprefix(BREAKER), detail["reason"])
    failures = f", {plural(detail['failures'], 'failure')}" if detail.get("failures") else ""
    asked = f" (“{detail['because']}”)" if detail.get("because") else ""
    return f"that of {of}: {why}{failures}{asked}"
