"""What the rows of the ranking ask of an overview, and the phrases that they share. Pure."""

from collections.abc import Collection
from datetime import datetime

from db.lifecycle import HoldReason
from db.monitoring.incidents import IncidentKind
from db.monitoring.overview import HeldNow
from resilience.call_stats.counts import LATELY
from resilience.circuit_breaker.types import State
from tasks.overview.cards import Card
from tasks.overview.reading import Overview
from tasks.overview.sentences import Part, Sentence, clock, sentence

_OF_AN_OUTAGE = (HoldReason.BREAKER_OPEN, HoldReason.UNREACHABLE, HoldReason.THROTTLED, HoldReason.SETTLING)


def many(count: int, *, capped: bool = False) -> str:
    """Write a number; one that is counted no further has a plus."""
    return f"{count:,}{'+' if capped else ''}"


def wait(count: int, *, capped: bool = False) -> str:
    """Say how many wait."""
    return f"{many(count, capped=capped)} {'waits' if count == 1 else 'wait'}"


def since(at: datetime | None) -> Sentence:
    """Say since when, where that is known."""
    return (" since ", clock(at)) if at else ()


def hold(seen: Overview, reason: HoldReason) -> HeldNow | None:
    """Return what a reason holds; None: nothing."""
    return next((one for one in holds(seen) if one.reason is reason), None)


def holds(seen: Overview) -> tuple[HeldNow, ...]:
    """Return what is held, as far as is known."""
    return seen.record.holds if seen.record else ()


def count(seen: Overview, reasons: Collection[HoldReason] = tuple(HoldReason)) -> int:
    """Count what these reasons hold."""
    return sum(one.count for one in holds(seen) if one.reason in reasons)


def at_risk(seen: Overview) -> int:
    """Count what is held and whose time is near."""
    return sum(one.at_risk for one in holds(seen))


def expires_at(seen: Overview) -> datetime | None:
    """Return when the first of what is held expires."""
    starts = [one.first_start for one in holds(seen)]
    return min(starts) - seen.lead if starts else None


def is_late(seen: Overview) -> bool:
    """Return whether something held is at risk, or has waited longer than anything should: since its request.

    Each probe that fails holds its booking anew: by when its last hold began it would never be late.
    """
    asked = [one.oldest_requested_at for one in holds(seen)]
    too_old = seen.max_age is not None and any(seen.read_at - at > seen.max_age for at in asked)
    return too_old or at_risk(seen) > 0


def risk(seen: Overview) -> Sentence:
    """Say how many are at risk: ", 2 at risk (first at 15:30)"."""
    number, first = at_risk(seen), expires_at(seen)
    if not number:
        return ()
    return sentence(f", {number:,} at risk", *((" (first at ", clock(first), ")") if first else ()))


def damage(seen: Overview) -> Sentence:
    """Say what it has done so far: "37 held, 2 at risk (first at 15:30), 3 failed or expired"."""
    capped = any(one.capped for one in holds(seen))
    ended = seen.record.ended.failed + seen.record.ended.expired if seen.record else 0
    return sentence(
        f"{many(count(seen), capped=capped)} held", *risk(seen), f", {ended:,} failed or expired" if ended else None
    )


def call_those(seen: Overview) -> Sentence:
    """Say what becomes of those at risk: "; 2 expire from 15:30: call those"."""
    number, first = at_risk(seen), expires_at(seen)
    if not number or first is None:
        return ()
    expire, those = ("expires at ", "that one") if number == 1 else ("expire from ", "those")
    return sentence(f"; {number:,} {expire}", clock(first), f": call {those}")


def by_themselves(seen: Overview, when: str = "") -> Sentence:
    """Say that what an outage holds goes without anybody, and that what is held for another reason does not by that."""
    going = count(seen, _OF_AN_OUTAGE)
    others = count(seen) - going
    goes = f"{many(going) if others else 'all'} go by themselves{when}, in order"
    if not going:
        goes = "new ones are held, and go by themselves"
    elif going == 1:
        goes = f"{'1' if others else 'it'} goes by itself{when}"
    return sentence(goes, f"; {wait(others)} for something else" if others else None, *call_those(seen), ".")


def with_risk(seen: Overview, buttons: tuple[str, ...]) -> tuple[str, ...]:
    """Return buttons, before them the one that shows who is at risk, if anybody is."""
    return ("show_at_risk", *buttons) if at_risk(seen) else buttons


def opened(seen: Overview, kind: IncidentKind) -> datetime | None:
    """Return since when an incident of this kind is open."""
    incidents = seen.record.incidents if seen.record else ()
    return next((one.opened_at for one in incidents if one.kind == kind), None)


def oldest(seen: Overview, reason: HoldReason) -> datetime | None:
    """Return since when a reason has held something."""
    found = hold(seen, reason)
    return found.oldest_held_at if found else None


def until_or_ever(card: Card) -> Sentence:
    """Say when an order ends."""
    return (" until ", clock(card.until)) if card.until else (" until told otherwise",)


def why(card: Card) -> str:
    """Quote why an order was given."""
    return f' ("{card.why}")' if card.why else ""


def failing_breaker(seen: Overview, *states: State) -> Card | None:
    """Return the breaker that keeps bookings in such a state: the service's, or of the endpoint that makes them."""
    return next((card for card in (seen.service, seen.shared.booking) if card and card.state in states), None)


def is_waited_for(seen: Overview, card: Card) -> bool:
    """Return whether a half-open breaker has a probe under way, or a held booking that can be one."""
    return card.probing or count(seen, _OF_AN_OUTAGE) > 0


def pace(seen: Overview) -> float:
    """Return how many bookings a second were sent lately, since the breaker closed; 0: not known."""
    card = seen.shared.booking
    if card is None or not card.calls_lately or seen.service.since is None:
        return 0.0
    closed = max(one.since for one in (seen.service, card) if one.since)
    return card.calls_lately / min(max((seen.read_at - closed).total_seconds(), 1.0), LATELY)


def with_damage(said: Sentence, seen: Overview, *more: Part | Sentence) -> Sentence:
    """Return a sentence that goes on with the damage so far."""
    return sentence(said, ": ", damage(seen), *more, ".")
