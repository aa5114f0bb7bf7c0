"""Values and phrases that the rows of the ranking share; each is a pure function of an overview."""

from collections.abc import Collection
from datetime import datetime

from db.account_troubles import DEFAULT
from db.appointments.queue import QUEUED
from db.lifecycle import HoldReason
from db.monitoring.counts_now import HeldNow
from db.monitoring.incidents import IncidentKind
from resilience.call_stats.counts import LATELY
from resilience.circuit_breaker.types import State
from tasks.overview.cards import Card
from tasks.overview.ranking.row import Level
from tasks.overview.reading import Overview
from tasks.overview.sentences import Part, Sentence, sentence, time_of_day

OF_AN_OUTAGE = (*QUEUED, HoldReason.UNREACHABLE, HoldReason.SETTLING)


def counted(count: int, *, capped: bool = False) -> str:
    """Return a number, with a plus behind it if counting stopped there."""
    return f"{count:,}{'+' if capped else ''}"


def number_waiting(count: int, *, capped: bool = False) -> str:
    """Return how many bookings wait: "1 waits", "1,000+ wait"."""
    return f"{counted(count, capped=capped)} {'waits' if count == 1 else 'wait'}"


def since(at: datetime | None) -> Sentence:
    """Return " since 14:02"; empty: the moment is not known."""
    return (" since ", time_of_day(at)) if at else ()


def hold_for(overview: Overview, reason: HoldReason) -> HeldNow | None:
    """Return the bookings that a reason holds; None: it holds no booking."""
    return next((one for one in holds(overview) if one.reason is reason), None)


def holds(overview: Overview) -> tuple[HeldNow, ...]:
    """Return the held bookings by reason; empty: nothing is held, or Postgres does not answer."""
    return overview.record.holds if overview.record else ()


def several(overview: Overview) -> bool:
    """Return whether there are accounts beside `default`."""
    return overview.record is not None and overview.record.accounts.several


def of_default(overview: Overview) -> str:
    """Return " of default" where there are several accounts: each has a key and a limit."""
    return f" of {DEFAULT}" if several(overview) else ""


def is_part(overview: Overview) -> bool:
    """Return whether only what one cause holds is told, and other causes hold more."""
    return overview.record is not None and overview.record.is_part


def held_count(overview: Overview, reasons: Collection[HoldReason] = tuple(HoldReason)) -> int:
    """Return how many bookings these reasons hold."""
    return sum(one.count for one in holds(overview) if one.reason in reasons)


def at_risk_count(overview: Overview) -> int:
    """Return how many held bookings are at risk: their start is near."""
    return sum(one.at_risk for one in holds(overview))


def expires_at(overview: Overview) -> datetime | None:
    """Return when the first held booking expires."""
    starts = [one.first_start for one in holds(overview)]
    return min(starts) - overview.lead if starts else None


def is_late(overview: Overview) -> bool:
    """Return whether a held booking is at risk, or was requested longer ago than HOLD_MAX_AGE.

    The request counts, not the last hold: each failed probe begins a new hold of its booking.
    """
    asked = [one.oldest_requested_at for one in holds(overview)]
    too_old = overview.max_age is not None and any(overview.read_at - at > overview.max_age for at in asked)
    return too_old or at_risk_count(overview) > 0


def level_of_holds(overview: Overview) -> Level:
    """Return the level of a row that tells what is held: critical once a booking is late, or has ended badly."""
    ended = overview.record.ended if overview.record else None
    return Level.CRITICAL if is_late(overview) or (ended and ended.failed + ended.expired) else Level.WARNING


def risk_phrase(overview: Overview) -> Sentence:
    """Return how many held bookings are at risk: ", 2 at risk (first at 15:30)"."""
    return sentence(", ", told) if (told := _risk(overview)) else ()


def _risk(overview: Overview) -> Sentence:
    """Return "2 at risk (first at 15:30)"; empty: none is."""
    number, first = at_risk_count(overview), expires_at(overview)
    if not number:
        return ()
    return sentence(f"{number:,} at risk", *((" (first at ", time_of_day(first), ")") if first else ()))


def at_risk(overview: Overview) -> Sentence:
    """Return how many of what a cause holds are at risk, behind names: "; 2 at risk (first at 15:30)"."""
    return sentence("; ", told) if several(overview) and (told := _risk(overview)) else ()


def level_of_part(overview: Overview) -> Level:
    """Return the level of a row that tells what several causes hold: critical once a booking of theirs is late."""
    return Level.CRITICAL if several(overview) and is_late(overview) else Level.WARNING


def damage_phrase(overview: Overview) -> Sentence:
    """Return the damage so far: "37 held, 2 at risk (first at 15:30), 3 failed or expired"."""
    capped = any(one.capped for one in holds(overview))
    ended = overview.record.ended.failed + overview.record.ended.expired if overview.record else 0
    return sentence(
        f"{counted(held_count(overview), capped=capped)} held",
        *risk_phrase(overview),
        f", {ended:,} failed or expired" if ended else None,
    )


def call_those(overview: Overview) -> Sentence:
    """Return when bookings at risk expire: "; 2 expire from 15:30: call those"."""
    number, first = at_risk_count(overview), expires_at(overview)
    if not number or first is None:
        return ()
    expire, those = ("expires at ", "that one") if number == 1 else ("expire from ", "those")
    return sentence(f"; {number:,} {expire}", time_of_day(first), f": call {those}")


def by_themselves(overview: Overview, when: str = "") -> Sentence:
    """Return a sentence: how many bookings of an outage go by themselves, and how many wait for something else."""
    if overview.record is None:
        return sentence(f"held bookings go by themselves{when}, in order.")
    going = held_count(overview, OF_AN_OUTAGE)
    others = held_count(overview) - going
    goes = f"{counted(going) if others else 'all'} go by themselves{when}, in order"
    if not going:
        goes = "new ones are held, and go by themselves"
    elif going == 1:
        goes = f"{'1' if others else 'it'} goes by itself{when}"
    return sentence(
        goes, f"; {number_waiting(others)} for something else" if others else None, *call_those(overview), "."
    )


def with_risk_button(overview: Overview, buttons: tuple[str, ...]) -> tuple[str, ...]:
    """Return `buttons`; if bookings are at risk, the button that shows them comes first."""
    return ("show_at_risk", *buttons) if at_risk_count(overview) else buttons


def incident_since(overview: Overview, kind: IncidentKind) -> datetime | None:
    """Return since when an incident of this kind is open; None: no such incident is open."""
    incidents = overview.record.incidents if overview.record else ()
    return next((one.opened_at for one in incidents if one.kind == kind), None)


def held_since(overview: Overview, reason: HoldReason) -> datetime | None:
    """Return since when a reason has held its oldest booking; None: it holds no booking."""
    found = hold_for(overview, reason)
    return found.oldest_held_at if found else None


def until_or_ever(card: Card) -> Sentence:
    """Return until when an override lasts."""
    return (" until ", time_of_day(card.until)) if card.until else (" until told otherwise",)


def reason_given(card: Card) -> str:
    """Return who gave an override, and the reason in quotes: ' (ann: "a test")'; empty: neither is known."""
    given = ": ".join(filter(None, (card.by, card.why and f'"{card.why}"')))
    return f" ({given})" if given else ""


def failing_breaker(overview: Overview, *states: State) -> Card | None:
    """Return the breaker that is in one of `states`: the service's, or that of the endpoint that makes bookings."""
    return next((card for card in (overview.service, overview.shared.booking) if card and card.state in states), None)


def is_waited_for(overview: Overview, card: Card) -> bool:
    """Return whether a half-open breaker has a probe under way, or a held booking that can be the probe."""
    return card.probing or held_count(overview, OF_AN_OUTAGE) > 0


def pace(overview: Overview) -> float:
    """Return how many bookings a second were sent lately, since the breaker closed; 0: the pace is not known."""
    card = overview.shared.booking
    if card is None or not card.calls_lately or overview.service.since is None or several(overview):
        return 0.0  # of several accounts the calls of those count, too, for which nothing waits
    closed = max(one.since for one in (overview.service, card) if one.since)
    return card.calls_lately / min(max((overview.read_at - closed).total_seconds(), 1.0), LATELY)


def with_damage(text: Sentence, overview: Overview, *more: Part | Sentence, number: str = "") -> Sentence:
    """Return a sentence that ends with the damage so far; `number`: "11 of ", if only that many are meant.

    While the record cannot be read, how many are held is not known, and the sentence says nothing of it.
    """
    if overview.record is None:
        return sentence(text, *more, ".")
    return sentence(text, f": {number}", damage_phrase(overview), *more, ".")
