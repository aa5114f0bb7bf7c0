"""Rows 14 to 18: what waits for a person, and what needs nobody."""

from db.lifecycle import HoldReason
from resilience.circuit_breaker.types import State
from tasks.overview.ranking.phrases import (
    damage,
    failing_breaker,
    hold,
    is_late,
    is_waited_for,
    since,
    until_or_ever,
    wait,
    why,
    with_risk,
)
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.record import ForAPerson
from tasks.overview.sentences import Sentence, ago, sentence
from tasks.words import plural

ENDED_BADLY = "ended_badly"
_UNTIL_ANSWERED = "Cal.com is asked again each minute, and they go by themselves when it answers."
_UNTIL_FOUND = "the event type is looked for each minute, and they go by themselves when it is there again."


def waits_for_you(seen: Overview) -> TrueRow | None:
    """Nothing of ours, and nothing of Cal.com's, moves these on."""
    reasons = [HoldReason.BLIND_KEY, HoldReason.SUSPECT]
    if not seen.shared.settings_wrong:  # else it is the whole fleet's matter
        reasons.append(HoldReason.CONFIGURATION)
    held = [found for reason in reasons if (found := hold(seen, reason))]
    if seen.record is None or not held:
        return None
    number, capped, known = sum(one.count for one in held), any(one.capped for one in held), seen.record.for_a_person
    causes = [_cause(one.reason, known) + (f" ({one.count:,})" if len(held) > 1 else "") for one in held]
    said = sentence(f"{wait(number, capped=capped)} for you: {', '.join(causes)}.")
    nothing = sentence("nothing is posted, and each ends with its slot.")
    if held[0].reason is HoldReason.CONFIGURATION:
        only_missing = known.missing_types and not known.page_met
        nothing = sentence(_UNTIL_FOUND if only_missing else _UNTIL_ANSWERED)
    buttons = with_risk(seen, ("show_reason", "retry", "cancel"))
    return TrueRow(14, "waits_for_you", Whose.YOURS, Level.CRITICAL, said, nothing, buttons, reason=held[0].reason)


def switched_off(seen: Overview) -> TrueRow | None:
    """An operator lets every call go."""
    card = seen.service
    if card.state != State.OFF:
        return None
    said = sentence("An operator turned the breaker off", until_or_ever(card), why(card), ".")
    nothing = sentence("every call goes, whatever fails; retries may be used up.")
    return TrueRow(15, "off", Whose.ORDERED, Level.WARNING, said, nothing, ("auto",))


def ended_badly(seen: Overview) -> TrueRow | None:
    """Bookings ended without being booked, and somebody waits for an answer."""
    failed, expired = (seen.record.ended.failed, seen.record.ended.expired) if seen.record else (0, 0)
    if not failed + expired:
        return None
    told = [f"{plural(failed, 'booking')} failed for good"] if failed else []
    if expired:
        told.append(f"{expired:,} expired" if failed else f"{plural(expired, 'booking')} expired")
    said = sentence(f"{' and '.join(told)} in the last 15 min.")
    nothing = sentence(f"they stay as they are: call the customers{', or Retry what failed' if failed else ''}.")
    buttons = ("show_failed", "retry") if failed else ("show_failed",)
    return TrueRow(16, ENDED_BADLY, Whose.YOURS, Level.CRITICAL, said, nothing, buttons)


def not_called(seen: Overview) -> TrueRow | None:
    """A breaker waits for the next booking, and none is held: nobody knows whether Cal.com is down."""
    card = failing_breaker(seen, State.HALF_OPEN)
    if card is None or is_waited_for(seen, card):
        return None
    said = sentence("Cal.com was not called", since(card.since), "; the next booking tries it.")
    return TrueRow(17, "not_called", Whose.NOBODY, Level.CALM, said, sentence("nothing is held up."))


def calm(seen: Overview) -> TrueRow:
    """Return the last row, which is true when no other is."""
    record = seen.record
    if record and record.empty:
        said = sentence("Ready: no booking yet.")
    elif is_late(seen):
        said = sentence(damage(seen), "; nothing else is wrong.")
    else:
        booked = f"{record.day.confirmed:,} booked in 24 h, " if record and record.day else ""
        said = sentence(f"All is well: {booked}", damage(seen), _last_call(seen), ".")
    return TrueRow(18, "calm", Whose.NOBODY, Level.CALM, said, buttons=with_risk(seen, ()))


def _cause(reason: HoldReason, known: ForAPerson) -> str:
    match reason:
        case HoldReason.BLIND_KEY:
            types = ", ".join(known.unseen_types)
            return f"our key cannot see type {types}" if types else "our key cannot see their type"
        case HoldReason.SUSPECT:
            return "half made at Cal.com" if known.half_made else "three workers were lost"
        case _:
            named = ", ".join(known.missing_types)
            causes = [f"Cal.com no longer has the event type {named}"] if named else []
            if known.page_met or not named:
                causes.append("something else than Cal.com answered")
            return " and ".join(causes)


def _last_call(seen: Overview) -> Sentence:
    card = seen.service
    if card.last_call_at is None:
        return ()
    took = f" in {card.last_call_ms / 1000:.1f} s" if card.last_call_ms is not None else ""
    return sentence(", last call ", ago(card.last_call_at), f" ago{took}")
