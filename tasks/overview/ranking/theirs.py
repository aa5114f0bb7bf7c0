"""Rows 7 to 13: what an order, Cal.com's state or the limit holds up."""

from datetime import datetime, timedelta

from db.lifecycle import HoldReason
from db.monitoring.breaker_events import OutageSpan
from resilience.circuit_breaker.types import State
from tasks.overview.cards import SERVICE, Card
from tasks.overview.ranking.phrases import (
    by_themselves,
    call_those,
    failing_breaker,
    hold,
    is_waited_for,
    many,
    pace,
    risk,
    since,
    until_or_ever,
    wait,
    why,
    with_damage,
    with_risk,
)
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.sentences import Part, Sentence, clock, sentence, until
from tasks.words import duration

_MINUTE = 60
_NOT_CLOSED = (State.OPEN, State.HALF_OPEN)


def forced_open(seen: Overview) -> TrueRow | None:
    """An operator holds all back."""
    card = seen.service
    if card.state != State.FORCED_OPEN:
        return None
    said = sentence("An operator holds all back", until_or_ever(card), why(card))
    nothing = sentence("nothing goes until the order is ended (`booking breaker auto`)", call_those(seen), ".")
    if card.until:
        nothing = by_themselves(seen, " then")
    return _holding(7, "forced_open", Whose.ORDERED, seen, said, nothing, ("auto",))


def breaker_open(seen: Overview) -> TrueRow | None:
    """Cal.com fails, and is left alone."""
    card = failing_breaker(seen, State.OPEN)
    if card is None:
        return None
    where = "" if card.kind == SERVICE else f" for {card.name}"
    said = sentence(f"Cal.com is down{where}", since(_down_since(seen, card)))
    probe = (", next probe in ", until(card.next_at)) if card.next_at else ()
    return _holding(8, "open", Whose.CALCOM, seen, said, by_themselves(seen), ("open",), *probe)


def half_open(seen: Overview) -> TrueRow | None:
    """One booking probes, or one is held that can."""
    card = failing_breaker(seen, State.HALF_OPEN)
    if card is None or not is_waited_for(seen, card):
        return None
    begun = (", down", *since(_down_since(seen, card))) if card.opens else (" after an order",)
    said = sentence("Cal.com is being tried", *begun)
    return _holding(9, "half_open", Whose.CALCOM, seen, said, by_themselves(seen), ("open",))


def unreachable(seen: Overview) -> TrueRow | None:
    """Calls found nobody, or a list that could not be read."""
    held = hold(seen, HoldReason.UNREACHABLE)
    if held is None:
        return None
    again = (", tried again in ", until(held.next_until)) if held.next_until else ()
    said = sentence("Cal.com cannot be reached")
    return _holding(10, "unreachable", Whose.CALCOM, seen, said, by_themselves(seen), ("retry",), *again)


def draining(seen: Overview) -> TrueRow | None:
    """The outage is over, and what it held goes."""
    held = hold(seen, HoldReason.BREAKER_OPEN)
    card = seen.service
    if held is None or seen.record is None or card.state != State.CLOSED or failing_breaker(seen, *_NOT_CLOSED):
        return None
    outage, speed = seen.record.outage, pace(seen)
    said = sentence("Cal.com is back", since(outage.ended or card.since), _lasted(outage))
    still = f"{many(held.count, capped=held.capped)} still held"
    told = f", {speed:,.0f} a second" if speed >= 1 else f", {_MINUTE * speed:.0f} a minute" if speed else ""
    nothing = sentence("all go by themselves, in order", call_those(seen), ".")
    if speed:
        nothing = sentence("done at about ", clock(seen.read_at + timedelta(seconds=held.count / speed)), ".")
    return TrueRow(
        11,
        "draining",
        Whose.CALCOM,
        Level.WARNING,
        sentence(said, f": {still}", risk(seen), told, "."),
        nothing,
        with_risk(seen, ("show_held",)),
        short=sentence(said, f": {still}."),
    )


def calcom_failing(seen: Overview) -> TrueRow | None:
    """Too many calls fail, and the breaker is still closed; one that is not says more than they do."""
    if failing_breaker(seen, *_NOT_CLOSED):
        return None
    mostly = f", mostly {seen.record.mostly}" if seen.record and seen.record.mostly else ""
    nothing, button = "the breaker opens by itself if it gets worse.", "open"
    if seen.service.state == State.OFF:
        nothing, button = "the breaker is off: it never opens, and retries may be used up.", "auto"
    then = sentence(f"failed calls are repeated, and {nothing}")
    return _failing(seen.service, "Cal.com", Whose.CALCOM, f"calls in 5 min{mostly}", then, (button,))


def database_failing(seen: Overview) -> TrueRow | None:
    """Too many statements fail, though Postgres answers."""
    nothing = sentence("what failed is repeated; look at Postgres: its log, its locks, its connections.")
    return _failing(seen.shared.database, "The database", Whose.OURS, "statements in 5 min", nothing, ())


def throttled(seen: Overview) -> TrueRow | None:
    """The limit of calls is reached, Cal.com's or our own."""
    held = hold(seen, HoldReason.THROTTLED)
    if held is None:
        return None
    waits = wait(held.count, capped=held.capped)
    begins, pause = seen.read_at, seen.shared.throttled_until
    told: tuple[Part, ...] = (f", {seen.limit:,} a minute go",) if seen.limit else ()
    if pause and pause > seen.read_at:
        begins, told = pause, (", and nothing goes for ", until(pause))
    nothing = sentence("all go by themselves, in order", call_those(seen), ".")
    if seen.limit:
        nothing = sentence("done in about ", until(_done(begins, held.count, seen.limit)), ".")
    said = sentence(f"The limit is reached: {waits}", *told, ".")
    return TrueRow(13, "throttled", Whose.LIMIT, Level.WARNING, said, nothing, with_risk(seen, ("show_held",)))


def _done(begins: datetime, number: int, a_minute: int) -> datetime:
    return begins + timedelta(seconds=_MINUTE * number / a_minute)


def _lasted(outage: OutageSpan) -> str:
    if outage.began is None or outage.ended is None:
        return ""
    return f" (down {duration(int((outage.ended - outage.began).total_seconds()))})"


def _failing(
    card: Card, who: str, whose: Whose, what: str, nothing: Sentence, buttons: tuple[str, ...]
) -> TrueRow | None:
    if not card.level:
        return None
    said = sentence(f"{who} is failing: {card.failed or 0:,} of {card.calls or 0:,} {what}.")
    return TrueRow(12, "failing", whose, Level.WARNING, said, nothing, buttons)


def _down_since(seen: Overview, card: Card) -> datetime | None:
    """Return when the outage began that goes on; where its first opening is not written down yet, the state's begin."""
    outage = seen.record.outage if seen.record else None
    return outage.began if outage and outage.began and not outage.ended else card.since


def _holding(
    row: int,
    name: str,
    whose: Whose,
    seen: Overview,
    said: Sentence,
    nothing: Sentence,
    buttons: tuple[str, ...],
    *more: Part,
) -> TrueRow:
    return TrueRow(
        row,
        name,
        whose,
        Level.WARNING,
        with_damage(said, seen, *more),
        nothing,
        with_risk(seen, ("show_held", *buttons)),
        short=sentence(said, "."),
        counts_endings=True,
    )
