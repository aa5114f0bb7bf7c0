"""Rows 14 to 18: bookings wait for a person, or nothing has to be done."""

from db.lifecycle import HoldReason
from resilience.circuit_breaker.types import State
from tasks.overview.ranking.phrases import (
    call_those,
    damage_phrase,
    failing_breaker,
    hold_for,
    is_waited_for,
    number_waiting,
    reason_given,
    several,
    since,
    until_or_ever,
    with_risk_button,
)
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.record import ForAPerson
from tasks.overview.sentences import Sentence, sentence, time_since
from tasks.words import plural

ENDED_BADLY = "ended_badly"
_UNTIL_ANSWERED = "Cal.com is asked again each minute, and these bookings go by themselves when it answers."
_UNTIL_FOUND = "the event type is looked for each minute, and its bookings go by themselves when it is there again."


def waits_for_you(overview: Overview) -> TrueRow | None:
    """Only a person moves these bookings on."""
    reasons = [HoldReason.BLIND_KEY, HoldReason.SUSPECT]
    if several(overview) or not overview.shared.settings_wrong:  # that hold is else the whole fleet's matter
        reasons.append(HoldReason.CONFIGURATION)
    held = [found for reason in reasons if (found := hold_for(overview, reason))]
    if overview.record is None or not held:
        return None
    number, capped, known = (
        sum(one.count for one in held),
        any(one.capped for one in held),
        overview.record.for_a_person,
    )
    causes = [_cause(one.reason, known) + (f" ({one.count:,})" if len(held) > 1 else "") for one in held]
    text = sentence(f"{number_waiting(number, capped=capped)} for you: {', '.join(causes)}.")
    if_nobody_acts = sentence("nothing is posted, and each ends with its slot.")
    if held[0].reason is HoldReason.CONFIGURATION:
        only_missing = known.missing_types and not known.page_met
        if_nobody_acts = sentence(_UNTIL_FOUND if only_missing else _UNTIL_ANSWERED)
    buttons = with_risk_button(overview, ("show_reason", "retry", "cancel"))
    return TrueRow(
        14, "waits_for_you", Whose.YOURS, Level.CRITICAL, text, if_nobody_acts, buttons, reason=held[0].reason
    )


def switched_off(overview: Overview) -> TrueRow | None:
    """An operator has turned the breaker off: every call is made."""
    card = overview.service
    if card.state != State.OFF:
        return None
    text = sentence("An operator turned the breaker off", until_or_ever(card), reason_given(card), ".")
    if_nobody_acts = sentence("every call goes, whatever fails; retries may be used up.")
    return TrueRow(15, "off", Whose.ORDERED, Level.WARNING, text, if_nobody_acts, ("auto",))


def ended_badly(overview: Overview) -> TrueRow | None:
    """Bookings failed or expired, and their customers wait for an answer."""
    failed, expired = (overview.record.ended.failed, overview.record.ended.expired) if overview.record else (0, 0)
    if not failed + expired:
        return None
    told = [f"{plural(failed, 'booking')} failed for good"] if failed else []
    if expired:
        told.append(f"{expired:,} expired" if failed else f"{plural(expired, 'booking')} expired")
    text = sentence(f"{' and '.join(told)} in the last 15 min.")
    if_nobody_acts = sentence(f"they stay as they are: call the customers{', or Retry what failed' if failed else ''}.")
    buttons = ("show_failed", "retry") if failed else ("show_failed",)
    return TrueRow(16, ENDED_BADLY, Whose.YOURS, Level.CRITICAL, text, if_nobody_acts, buttons)


def not_called(overview: Overview) -> TrueRow | None:
    """A breaker waits for the next booking, and no booking is held: it is not known whether Cal.com is down."""
    card = failing_breaker(overview, State.HALF_OPEN)
    if card is None or is_waited_for(overview, card):
        return None
    text = sentence("Cal.com was not called", since(card.since), "; the next booking tries it.")
    return TrueRow(17, "not_called", Whose.NOBODY, Level.CALM, text, sentence("nothing is held up."))


def late(overview: Overview) -> TrueRow:
    """Return the row of bookings that are held for too long, where no critical row names them."""
    text = sentence("Some wait for long: ", damage_phrase(overview), ".")
    if_nobody_acts = sentence("they go when what holds them is over", call_those(overview), ".")
    buttons = with_risk_button(overview, ("show_held",))
    return TrueRow(14, "late", Whose.YOURS, Level.CRITICAL, text, if_nobody_acts, buttons)


def calm(overview: Overview) -> TrueRow:
    """Return the last row, which is true when no other row is."""
    record = overview.record
    if record and record.empty:
        text = sentence("Ready: no booking yet.")
    else:
        booked = f"{record.day.confirmed:,} booked in 24 h, " if record and record.day else ""
        text = sentence(f"All is well: {booked}", damage_phrase(overview), _last_call(overview), ".")
    return TrueRow(18, "calm", Whose.NOBODY, Level.CALM, text)


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
                causes.append("another server than Cal.com answered")
            return " and ".join(causes)


def _last_call(overview: Overview) -> Sentence:
    card = overview.service
    if card.last_call_at is None:
        return ()
    took = f" in {card.last_call_ms / 1000:.1f} s" if card.last_call_ms is not None else ""
    return sentence(", last call ", time_since(card.last_call_at), f" ago{took}")
