"""Rows 7 to 13: an operator's override, Cal.com's state or the rate limit holds bookings."""

from datetime import datetime, timedelta

from db.lifecycle import HoldReason
from db.monitoring.breaker_events import OutageSpan
from resilience.circuit_breaker.types import State
from tasks.overview.cards import ENDPOINT, SERVICE, Card
from tasks.overview.ranking.phrases import (
    by_themselves,
    call_those,
    counted,
    failing_breaker,
    held_count,
    hold_for,
    is_late,
    is_part,
    is_waited_for,
    level_of_holds,
    number_waiting,
    of_default,
    pace,
    reason_given,
    risk_phrase,
    since,
    until_or_ever,
    with_damage,
    with_risk_button,
)
from tasks.overview.ranking.queue import done_at, queue, what_happens
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.sentences import Part, Sentence, sentence, time_of_day, time_until
from tasks.words import duration

_MINUTE = 60
_SAME = timedelta(seconds=10)  # a breaker that closes longer after an outage's end has closed for another reason
_NOT_CLOSED = (State.OPEN, State.HALF_OPEN)


def forced_open(overview: Overview) -> TrueRow | None:
    """An operator has forced the breaker open: no booking is sent."""
    card = overview.service
    if card.state != State.FORCED_OPEN:
        return None
    text = sentence("An operator holds all back", until_or_ever(card), reason_given(card))
    if_nobody_acts = sentence(
        "nothing goes until the override is ended (`booking breaker auto`)", call_those(overview), "."
    )
    if card.until:
        if_nobody_acts = by_themselves(overview, " then")
    return _holding(7, "forced_open", Whose.ORDERED, overview, text, if_nobody_acts, ("auto",))


def breaker_open(overview: Overview) -> TrueRow | None:
    """The breaker is open: Cal.com fails, and no call is made."""
    card = failing_breaker(overview, State.OPEN)
    if card is None:
        return None
    where = "" if card.kind == SERVICE else f" for {card.name}"
    text = sentence(f"Cal.com is down{where}", since(_down_since(overview, card)))
    probe = (", next probe in ", time_until(card.next_at)) if card.next_at else ()
    return _holding(8, "open", Whose.CALCOM, overview, text, by_themselves(overview), ("open",), *probe)


def half_open(overview: Overview) -> TrueRow | None:
    """The breaker is half-open, and a probe is under way or can be sent."""
    card = failing_breaker(overview, State.HALF_OPEN)
    if card is None or not is_waited_for(overview, card):
        return None
    begun = (", down", *since(_down_since(overview, card))) if card.opens else (" after an override",)
    text = sentence("Cal.com is being tried", *begun)
    return _holding(9, "half_open", Whose.CALCOM, overview, text, by_themselves(overview), ("open",))


def unreachable(overview: Overview) -> TrueRow | None:
    """Calls did not reach Cal.com, or its list could not be read: bookings are held because of that."""
    held = hold_for(overview, HoldReason.UNREACHABLE)
    if held is None:
        return None
    again = (", tried again in ", time_until(held.next_until)) if held.next_until else ()
    others = held_count(overview) - held.count
    text = sentence("Cal.com cannot be reached")
    if lookups := _failing_lookups(overview):
        text = sentence(f"Cal.com answers no lookups ({lookups})")
    number = f"{counted(held.count, capped=held.capped)} of " if others else ""
    return _holding(
        10, "unreachable", Whose.CALCOM, overview, text, by_themselves(overview), ("retry",), *again, number=number
    )


def draining(overview: Overview) -> TrueRow | None:
    """The outage is over, and the bookings that it held are released."""
    waiting, card = queue(overview), overview.service
    if waiting is None or waiting.met is not HoldReason.BREAKER_OPEN or overview.record is None:
        return None
    if card.state != State.CLOSED or failing_breaker(overview, *_NOT_CLOSED):
        return None
    outage, speed = overview.record.outage, pace(overview)
    text = sentence("Cal.com is back", since(outage.ended or card.since), _lasted(outage))
    if outage.began is None or (outage.ended and card.since and card.since - outage.ended > _SAME):
        text = sentence("What was held back goes", since(card.since))
    still = f"{counted(waiting.count, capped=waiting.capped)} still held"
    told = f", {speed:,.0f} a second" if speed >= 1 else f", {_MINUTE * speed:.0f} a minute" if speed else ""
    closed = max((one.since for one in (card, overview.shared.booking) if one and one.since), default=None)
    ends = done_at(overview, waiting, closed)
    if_nobody_acts = what_happens(overview, time_of_day(ends) if ends else None, "at about", closed)
    return TrueRow(
        11,
        "draining",
        Whose.CALCOM,
        Level.CRITICAL if is_late(overview) else Level.WARNING,
        sentence(text, f": {still}", risk_phrase(overview), told, "."),
        if_nobody_acts,
        with_risk_button(overview, ("show_held",)),
        short=sentence(text, f": {still}."),
        done_at=ends,
    )


def calcom_failing(overview: Overview) -> TrueRow | None:
    """Too many calls fail while the breaker is closed; an open breaker has a row of its own."""
    if failing_breaker(overview, *_NOT_CLOSED):
        return None
    mostly = f", mostly {overview.record.mostly}" if overview.record and overview.record.mostly else ""
    worse, button = "the breaker opens by itself if it gets worse.", "open"
    if overview.service.state == State.OFF:
        worse, button = "the breaker is off: it never opens, and retries may be used up.", "auto"
    if_nobody_acts = sentence(f"failed calls are repeated, and {worse}")
    return _failing(overview.service, "Cal.com", Whose.CALCOM, f"calls in 5 min{mostly}", if_nobody_acts, (button,))


def database_failing(overview: Overview) -> TrueRow | None:
    """Too many statements fail, though Postgres answers."""
    if_nobody_acts = sentence("what failed is repeated; look at Postgres: its log, its locks, its connections.")
    return _failing(overview.shared.database, "The database", Whose.OURS, "statements in 5 min", if_nobody_acts, ())


def throttled(overview: Overview) -> TrueRow | None:
    """The limit of calls, Cal.com's or our own, is reached."""
    waiting = queue(overview)
    if waiting is None or waiting.met is HoldReason.BREAKER_OPEN:
        return None
    waits, pause = number_waiting(waiting.count, capped=waiting.capped), overview.shared.throttled_until
    told: tuple[Part, ...] = (f", at most {overview.limit:,} a minute go",) if overview.limit else ()
    ends = done_at(overview, waiting)
    if pause and pause > overview.read_at:
        ends, told = None, (", and nothing goes for ", time_until(pause))
    if_nobody_acts = what_happens(overview, time_until(ends) if ends else None, "in about")
    text = sentence(f"The limit{of_default(overview)} is reached: {waits}", *told, ".")
    level = Level.CRITICAL if is_late(overview) else Level.WARNING
    buttons = with_risk_button(overview, ("show_held",))
    return TrueRow(13, "throttled", Whose.LIMIT, level, text, if_nobody_acts, buttons, done_at=ends)


def _lasted(outage: OutageSpan) -> str:
    if outage.began is None or outage.ended is None:
        return ""
    return f" (down {duration(int((outage.ended - outage.began).total_seconds()))})"


def _failing(
    card: Card, who: str, whose: Whose, what: str, if_nobody_acts: Sentence, buttons: tuple[str, ...]
) -> TrueRow | None:
    if not card.level:
        return None
    text = sentence(f"{who} is failing: {card.failed or 0:,} of {card.calls or 0:,} {what}.")
    return TrueRow(12, "failing", whose, Level.WARNING, text, if_nobody_acts, buttons)


def _down_since(overview: Overview, card: Card) -> datetime | None:
    """Return when the present outage began, or when the state began if the record has no opening yet."""
    outage = overview.record.outage if overview.record else None
    return outage.began if outage and outage.began and not outage.ended else card.since


def _failing_lookups(overview: Overview) -> str:
    """Return the endpoints that only read and whose breakers are not closed, while bookings are made."""
    failing = [one.name for one in overview.shared.cards if one.kind == ENDPOINT and one.state in _NOT_CLOSED]
    return "" if failing_breaker(overview, *_NOT_CLOSED) else ", ".join(failing)


def _holding(
    row: int,
    name: str,
    whose: Whose,
    overview: Overview,
    text: Sentence,
    if_nobody_acts: Sentence,
    buttons: tuple[str, ...],
    *more: Part,
    number: str = "",
) -> TrueRow:
    return TrueRow(
        row,
        name,
        whose,
        level_of_holds(overview),
        with_damage(text, overview, *more, number=number),
        if_nobody_acts,
        with_risk_button(overview, ("show_held", *buttons)),
        short=sentence(text, "."),
        counts_endings=not is_part(overview),
    )
