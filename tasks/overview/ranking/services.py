"""Rows 12 and 13 of several Cal.coms: the trouble of another one than the settings' is that of its accounts alone."""

from db.account_troubles import TroubledService
from resilience.circuit_breaker.types import State
from tasks.accounts.services import Service
from tasks.overview.outages import OutageLevel
from tasks.overview.ranking.phrases import at_risk, call_those, level_of_part, number_waiting, since
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.sentences import Sentence, sentence
from tasks.words import plural

_NAMED = 3  # Cal.coms in a sentence
_FAILING = (OutageLevel.DEGRADED, OutageLevel.CRITICAL)
_WHAT = {
    State.OPEN.value: "it is down",
    State.HALF_OPEN.value: "it is being tried",
    State.FORCED_OPEN.value: "an operator holds all back",
    State.CLOSED.value: "its breaker is closed, and what is held goes in order",
}


def services_wait(overview: Overview) -> TrueRow | None:
    """Other Cal.coms are down, or held back: what is for them waits, and all else goes on."""
    down = [one for one in overview.record.accounts.services if one.state in _WHAT] if overview.record else []
    if not down:
        return None
    parts: list[str | Sentence] = []
    for one in down[:_NAMED]:
        parts += ["; " if parts else "", f"{host_of(one)}: ", service_phrase(one)]
    more = f"; {len(down) - _NAMED:,} more" if len(down) > _NAMED else None
    text = sentence(
        f"{plural(len(down), 'other Cal.com is', 'other Cal.coms are')} held up: ",
        *parts,
        more,
        *at_risk(overview),
        ".",
    )
    when = "" if all(one.state == State.CLOSED for one in down) else ", when it is back"
    if_nobody_acts = sentence(
        f"they go by themselves, in order{when}; what is for others goes on", call_those(overview), "."
    )
    if all(one.state == State.FORCED_OPEN for one in down):
        if_nobody_acts = sentence(
            f"nothing goes there until the override is ended (`booking breaker auto --service {host_of(down[0])}`)",
            call_those(overview),
            ".",
        )
    whose = Whose.ORDERED if down[0].state == State.FORCED_OPEN else Whose.CALCOM
    return TrueRow(13, "services_wait", whose, level_of_part(overview), text, if_nobody_acts)


def services_fail(overview: Overview) -> TrueRow | None:
    """Too many calls fail at other Cal.coms whose breakers are closed, as the last health check has found."""
    found = overview.record.incidents if overview.record else ()
    known = [one for one in found if one.detail.get("host") and not one.is_past]
    failing = [one for one in known if one.detail.get("level") in _FAILING]
    if not failing:
        return None
    parts: list[str | Sentence] = []
    for one in failing[:_NAMED]:
        calls = f"{one.detail['percent']} % of {plural(one.detail['calls'], 'call')} fail"
        parts += ["; " if parts else "", f"{one.detail['host']}: {calls}", since(one.opened_at)]
    more = f"; {len(failing) - _NAMED:,} more" if len(failing) > _NAMED else None
    text = sentence(f"{plural(len(failing), 'other Cal.com is', 'other Cal.coms are')} failing: ", *parts, more, ".")
    if_nobody_acts = sentence("failed calls are repeated, and the breaker opens by itself if it gets worse.")
    return TrueRow(12, "services_fail", Whose.CALCOM, Level.WARNING, text, if_nobody_acts)


def service_phrase(one: TroubledService) -> Sentence:
    """Return what stops a Cal.com, since when, and how many wait: "it is down since 14:02, 12 wait"."""
    waits = f", {number_waiting(one.waiting, capped=one.capped)}" if one.waiting else ""
    by = f' ({one.by}: "{one.why}")' if one.state == State.FORCED_OPEN and one.by else ""
    where = "" if one.endpoint is None else f" for {one.endpoint}"
    return sentence(f"{_WHAT.get(one.state, one.state)}{where}", since(one.since), by, waits)


def host_of(one: TroubledService) -> str:
    """Return what operators call a Cal.com."""
    return Service(one.service, one.base_url).host
