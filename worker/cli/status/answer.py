"""The verdict for a terminal: one sentence, what happens if nobody acts, what else is true; and its figures.

No meaning is in a colour alone: who must act, and how bad it is, are written as words.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from db.monitoring.front_door import CAP
from tasks.overview.cards import DATABASE, SERVICE, Card
from tasks.overview.payload import payload
from tasks.overview.ranking.accounts import trouble_phrase
from tasks.overview.ranking.phrases import counted, since
from tasks.overview.ranking.row import Level, Whose
from tasks.overview.ranking.services import host_of, service_phrase
from tasks.overview.reading import Overview
from tasks.overview.record import RecordView
from tasks.overview.sentences import Sentence, render
from tasks.overview.verdict import Verdict
from tasks.words import ago
from worker.console import screen

WELL = "All is well: "
_FEW = 5  # changes, and incidents
_STYLES: Mapping[Level, str] = MappingProxyType(
    {Level.CALM: "bold green", Level.WARNING: "bold yellow", Level.CRITICAL: "bold red"}
)


def lines(overview: Overview, verdict: Verdict) -> Iterator[Text]:
    """Yield the verdict, line by line."""
    yield Text(f"{_whose(verdict)}{_text(verdict.sentence, overview)}", style=_STYLES[verdict.level])
    if verdict.if_nobody_acts:
        yield Text(f"If you do nothing: {_text(verdict.if_nobody_acts, overview)}")
    for also in verdict.also:
        yield Text(f"Also: {_text(also, overview)}")


def error(overview: Overview, verdict: Verdict) -> Iterator[str]:
    """Yield the verdict of a command that has no figures."""
    yield _text(verdict.sentence, overview)
    yield f"If you do nothing: {_text(verdict.if_nobody_acts, overview)}"


def line(overview: Overview, verdict: Verdict) -> str:
    """Return the verdict as one line of a log: when, how bad, who must act, what."""
    also = "".join(f" Also: {_text(one, overview)}" for one in verdict.also)
    return f"{_clock(overview.read_at)} {verdict.level} {_whose(verdict)}{_text(verdict.sentence, overview)}{also}"


def view(overview: Overview, verdict: Verdict) -> Group:
    """Return the verdict and its figures for a live display."""
    table = Table.grid(Column(style="dim", no_wrap=True), Column(overflow="fold"), padding=(0, 3, 0, 0))
    for name, value in _figures(overview, verdict):
        table.add_row(name, Text(screen.plain(value)))
    return Group(*lines(overview, verdict), Text(), table)


def _whose(verdict: Verdict) -> str:
    whose = "" if verdict.whose is Whose.NOBODY else verdict.whose.upper()
    bad = verdict.level if verdict.level is Level.CRITICAL else ""
    tag = ", ".join(filter(None, (whose, bad)))
    return f"[{tag}] " if tag else ""


def _text(parts: Sentence, overview: Overview) -> str:
    return screen.plain(render(parts, overview.read_at))


def _figures(overview: Overview, verdict: Verdict) -> Iterator[tuple[str, str]]:
    yield "read", _clock(overview.read_at)
    for name, part in (("Postgres", overview.postgres), ("Redis", overview.redis), ("broker", overview.broker)):
        if not part.answers:
            yield name, f"does not answer{_text(since(part.since), overview)}"
    for card in overview.shared.cards:
        if card.kind in {SERVICE, DATABASE} or card.state != "closed":
            yield card.name, _card(card, overview)
    if overview.record:
        yield from _recorded(overview.record, payload(overview, verdict))
        yield from accounts(overview)
        yield from front_door(overview)


def accounts(overview: Overview, name: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield the other Cal.coms that are down, and the accounts that something of their own stops: a line each.

    Of one account: the account of that name alone.
    """
    for service in overview.record.accounts.services if overview.record and name is None else ():
        yield "Cal.com", f"{host_of(service)}: {_text(service_phrase(service), overview)}"
    for one in overview.record.accounts.accounts if overview.record else ():
        if name in {None, one.name}:
            yield "account", f"{one.name}: {_text(trouble_phrase(one), overview)}"


def front_door(overview: Overview) -> Iterator[tuple[str, str]]:
    """Yield what waits at the front door: a line each for changes, callbacks and webhooks, if there are any."""
    if overview.record is None:
        return
    door, now = overview.record.front_door, overview.record.now
    if door.oldest_change_at:
        states = _counts({one.state.value: one.count for one in door.changes})
        yield "changes", f"{states}, oldest asked {ago(door.oldest_change_at, now)}"
    callbacks = door.callbacks
    if callbacks.waiting or callbacks.given_up:
        capped = {name: getattr(callbacks, name) >= CAP for name in ("waiting", "given_up")}
        oldest = f", oldest {ago(callbacks.oldest_at, now)}" if callbacks.oldest_at else ""
        waiting = counted(callbacks.waiting, capped=capped["waiting"])
        given_up = counted(callbacks.given_up, capped=capped["given_up"])
        yield "callbacks", f"{waiting} waiting{oldest}, {given_up} given up (`booking callbacks`)"
    for trigger in dict.fromkeys(one.trigger for one in door.hints):
        found = {one.outcome or "waits": one.count for one in door.hints if one.trigger == trigger}
        yield "webhooks", f"{trigger} in 24 h: {_counts(found)}"


def _recorded(record: RecordView, told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "now", _counts(told["now"], told["capped"])
    for hold, shown in zip(record.holds, told["holds"], strict=True):
        at_risk = f", {hold.at_risk:,} at risk" if hold.at_risk else ""
        until = f", next {ago(hold.next_until, record.now)}" if hold.next_until else ""
        stopped = shown["waits_for"] not in {None, hold.reason.value}
        waits = f" (stopped by: {shown['waits_for'].replace('_', ' ')})" if stopped else ""
        oldest = f", oldest {ago(hold.oldest_held_at, record.now)}"
        yield "held", f"{counted(hold.count, capped=hold.capped)} {hold.reason}{waits}{at_risk}{oldest}{until}"
    if told["day"]:
        yield "24 h", _counts(told["day"])
    for change in record.changes[:_FEW]:
        by = f" by {change.by}" if change.by else ""
        yield "change", f"{_clock(change.at)} {change.of} {change.old} > {change.new}, {change.reason}{by}"
    for incident in record.incidents[:_FEW]:
        yield "incident", f"{_clock(incident.opened_at)} {incident.title}"


def _counts(counts: dict[str, int], capped: Collection[str] = ()) -> str:
    return ", ".join(f"{name} {counted(count, capped=name in capped)}" for name, count in counts.items())


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M:%S}"


def _card(card: Card, overview: Overview) -> str:
    begun = f",{_text(since(card.since), overview)}" if card.since else ""
    period = "in 5 min" if overview.shared.counts_whole(card, overview.read_at) else "since it closed"
    calls = f", {card.failed or 0:,} of {card.calls:,} failed {period}" if card.calls else ""
    left = f", limit: {card.limit_left:,} left" if card.limit_left is not None else ""
    return f"{card.state.replace('_', '-')}{begun}{calls}{left}"
