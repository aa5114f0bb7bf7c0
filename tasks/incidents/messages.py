"""The message of an incident: a first line with everything, then since when, what callers hear, and what to do.

It holds only counts, ids and moments: an alert goes to mail and chat, and must name no person. What callers hear is the
table of docs/degradation.md, word for word (a test compares the two).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from db.monitoring.incidents import Incident, IncidentKind
from tasks.accounts.remedies import new_key
from tasks.incidents.account_templates import OF_ACCOUNTS, THROTTLED_ACCOUNTS
from tasks.incidents.fleet_templates import OF_FLEET
from tasks.incidents.front_door_templates import OF_FRONT_DOOR
from tasks.incidents.template import KEPT, LATER, NORMAL, SLOWER, Template, always, named_bookings
from tasks.overview.outages import OutageLevel
from tasks.words import clock, duration

_BOOKED = "You are booked."
_NAMES = {"calcom": "Cal.com", "database": "The database"}
_GO_BY_THEMSELVES = "nothing; held bookings go by themselves, in order, when Cal.com is back"


_OUTAGE = {
    OutageLevel.DOWN: Template(
        "{who} is down{where}", "{who} was down{where}", KEPT, f"{_GO_BY_THEMSELVES}; `booking status`"
    ),
    OutageLevel.CRITICAL: Template(
        "{who} is failing ({recent} failures in the last minute)",
        "{who} was failing",
        NORMAL,
        "`booking status`; failed calls are tried again, and the breaker opens by itself",
    ),
    OutageLevel.DEGRADED: Template(
        "{who} is degraded ({percent} % of {calls} calls fail)",
        "{who} was degraded",
        NORMAL,
        "`booking status`; failed calls are tried again",
    ),
}
# After a 500, or without an answer, a booking may be made nevertheless (a lagging replica, a cut connection). An alert
# with "down" alone would make operators call customers who are booked. If only an endpoint is blocked, the service as a
# whole still answers.
_BOOKED_ALL_THE_SAME = "; {booked} of the last {unclear} unclear calls are booked nevertheless"
_POSTGRES = "`booking status`; look at Postgres: its log, its locks, its connections"
_DATABASE_OUTAGE = {
    level: Template(template.present, template.past, "I cannot take requests right now. Please try again.", _POSTGRES)
    for level, template in _OUTAGE.items()
}
_TEMPLATES = {
    IncidentKind.HELD_TOO_LONG: always(
        "Held longer than {max_age}",
        KEPT,
        "call the customers whose time is near; `booking status`",
    ),
    IncidentKind.CREDENTIALS: Template(
        "Cal.com refuses our API key",
        "Cal.com refused our API key",
        LATER,
        f"{new_key(None)}, or `booking breaker reset` if the key is good again",
    ),
    **OF_ACCOUNTS,
    **OF_FRONT_DOOR,
    IncidentKind.CONFIGURATION: Template(
        "Cal.com's API is not what the settings say",
        "Cal.com's API was not what the settings said",
        LATER,
        "`booking check`, correct CALCOM_BASE_URL or the key's rights, restart the workers",
    ),
    IncidentKind.NO_EVENT_TYPE: Template(
        "Cal.com no longer has the event type {types}",
        "Cal.com did not have the event type {types}",
        LATER,
        "was it deleted, renamed or moved to a team, or is CALCOM_BASE_URL another Cal.com's? Bring it back: it is"
        " looked for each minute, and its bookings then go by themselves. Else call the customers:"
        " `booking show {first_id} --personal`",
    ),
    IncidentKind.BLIND_KEY: Template(
        "Our API key cannot see whether these bookings exist",
        "Our API key could not see whether these bookings exist",
        LATER,
        "does CALCOM_BASE_URL lead to your Cal.com, and does it still have the event type? Then it goes by itself. Else"
        " look at Cal.com: `booking resolve {first_id} UID` if it is booked there, `booking retry {first_id}"
        " --not-booked` if not; `booking check` says for which event types this may come again, and which key helps",
    ),
    IncidentKind.SUSPECT: always(
        "Set aside as suspect",
        LATER,
        "`booking show {first_id}` says why; then `booking retry {first_id}` or `booking cancel {first_id}`",
    ),
    IncidentKind.UNREACHABLE: Template(
        "Cal.com cannot be reached", "Cal.com could not be reached", KEPT, _GO_BY_THEMSELVES
    ),
    IncidentKind.THROTTLED: Template(
        "Cal.com's rate limit keeps bookings waiting",
        "Cal.com's rate limit kept bookings waiting",
        SLOWER,
        "nothing: bookings go at the limit's pace. If this comes often, ask Cal.com for more, and raise"
        " CALCOM_RATE_LIMIT_PER_MINUTE",
    ),
    IncidentKind.FAILED: always(
        "Failed for good: {count}",
        "We could not book it. A colleague will call you.",
        "`booking show {first_id}` says why; then `booking retry {first_id}`, or call the customers: `booking calls`",
    ),
    IncidentKind.EXPIRED: always(
        "Expired before they could be booked: {count}",
        "We could not book it in time. A colleague will call you.",
        "call the customers: `booking calls`",
    ),
    IncidentKind.TOLD_NOT_BOOKED: always(
        "Booked, but reported as not booked: {count}",
        _BOOKED,
        "call the customers, who believe that they have no appointment; the first is `booking show {first_id}"
        " --personal`",
    ),
    IncidentKind.SERIES_CUT: always(
        "Weeks missing, or perhaps missing: {count} series",
        "You are booked for some of the weeks. A colleague will call you.",
        "`booking show {first_id}` says how many; book the missing weeks at Cal.com by hand, or call the customer",
    ),
    IncidentKind.CANCEL_THERE: Template(
        "Booked, but to be cancelled at Cal.com: {count}",
        "Booked, but had to be cancelled at Cal.com: {count}",
        "It is booked, and we will cancel it.",
        "Cal.com has a booking that was to be cancelled. Where `booking show {first_id}` says confirmed: `booking"
        " cancel {first_id}`; where it says cancelled: cancel its uid at Cal.com",
    ),
    IncidentKind.CHANGE_NEEDS_YOU: always(
        "Cancels and moves that need you: {count}",
        LATER,
        "`booking show {first_id}` says what became of its change; call the customer, or `booking retry {first_id}`."
        " Where it says twice: `booking audit --fix` of its day cancels a double",
    ),
    IncidentKind.CHANGE_HELD: always(
        "Cancels and moves held for you: {count}",
        LATER,
        "`booking show {first_id}` says why; look at Cal.com, then `booking resolve {first_id} --done` or `--not-done`",
    ),
    IncidentKind.MADE_AGAIN: always(
        "Posted again as evidence, and booked by that POST: {count}",
        _BOOKED,
        "the host may see two requests of one booking: `booking show {first_id}` has the uid of the one that counts",
    ),
    IncidentKind.AUDIT: always(
        "The audit of the night found: {found}",
        LATER,
        "`booking audit --from {first_day} --to {last_day}` lists each, and with `--fix` mends what is safe",
    ),
    **OF_FLEET,
}

_HALF_MADE = Template(
    "Set aside as suspect, {half_made} of them half made at Cal.com",
    "Set aside as suspect",
    LATER,
    "`booking show {first_id}` says why; remove at Cal.com what is half made there (an attendee without a seat); then"
    " `booking retry {first_id}` or `booking cancel {first_id}`",
)


def present(kind: str, subject: str | None, detail: Mapping[str, Any]) -> str:
    """Return one line that says what is wrong now; `detail` is what the present check found."""
    return _first_line(_template(kind, subject, detail).present, subject, detail)


def opening(incident: Incident, detail: Mapping[str, Any]) -> str:
    """Return the first message of an incident; `detail` is what the present check found."""
    template = _template(incident.kind, incident.subject, detail)
    line = _first_line(template.present, incident.subject, detail)
    return _text(line, template, incident.subject, detail, f"Since: {clock(incident.opened_at)}")


def update(incident: Incident, detail: Mapping[str, Any], now: datetime) -> str:
    """Return the message about an incident that goes on or has become worse."""
    lasted = _lasted(incident, now)
    grown = detail.get("level", 0) > incident.detail.get("told", 0)
    template = _template(incident.kind, incident.subject, detail)
    line = f"{'Worse' if grown else 'Still'} after {lasted}: {_first_line(template.present, incident.subject, detail)}"
    since = f"Since: {clock(incident.opened_at)} ({lasted})"
    if new := detail.get("further"):
        since += f"\nNew since the last message: {named_bookings(new)}"
        detail = {**detail, "first_id": str(new[0])}
    return _text(line, template, incident.subject, detail, since)


def what_to_do(incident: Incident) -> str:
    """Return the runbook's step for an open incident, as its messages have it; a fact that is missing has a name.

    Empty: the incident's kind is of a newer release.
    """
    detail = incident.detail
    if incident.kind not in set(IncidentKind):
        return ""
    level = detail.get("level") or detail.get("worst") or OutageLevel.DEGRADED  # nearly over, it has level 0
    template = _template(incident.kind, incident.subject, {**detail, "level": level})
    return _filled(template.action, incident.subject, {**_UNKNOWN, **detail})


def past(incident: Incident) -> str:
    """Return one line that says what was wrong, without the numbers of held bookings."""
    facts = {**incident.detail, **incident.detail.get("most", {})}
    template = _template(incident.kind, incident.subject, {**facts, "level": incident.detail.get("worst", 0)})
    return _filled(template.past, incident.subject, facts)


def resolution(incident: Incident, now: datetime, totals: Mapping[str, int]) -> str:
    """Return the message about the end of an incident, with its totals."""
    most = incident.detail.get("most", {})
    lasted = _lasted(incident, now)
    title = f"Resolved after {lasted}: {past(incident)}"
    peak = [f"{most[name]} {label}" for name, label in _PEAKS.items() if most.get(name)]
    happened = [f"{name} {count}" for name, count in totals.items() if count]
    title += f", at most {', '.join(peak[:2])}" if peak else ""
    title += f"; {', '.join(happened)}" if happened else ""
    lines = [title, f"From {clock(incident.opened_at)} to {clock(now)}"]
    return "\n".join(lines + ([f"At most: {', '.join(peak)}"] if peak else []))


_NAMELESS = {"account": "NAME", "key": "NAME"}
_UNKNOWN: Mapping[str, Any] = {"first_id": "ID", **_NAMELESS, "first_day": "DAY", "last_day": "DAY"}
_PEAKS = {"held": "held", "at_risk": "at risk", "recent": "failures in a minute", "late": "late answers in a minute"}


def _lasted(incident: Incident, now: datetime) -> str:
    return duration(int((now - incident.opened_at).total_seconds()))


def _template(kind: str, subject: str | None, detail: Mapping[str, Any]) -> Template:
    if kind == IncidentKind.OUTAGE:
        return _outage(subject, detail)
    if kind == IncidentKind.SUSPECT and detail.get("half_made"):
        return _HALF_MADE
    if kind == IncidentKind.THROTTLED and detail.get("accounts"):
        return THROTTLED_ACCOUNTS
    return _TEMPLATES[IncidentKind(kind)]


def _outage(subject: str | None, detail: Mapping[str, Any]) -> Template:
    level = OutageLevel(detail["level"])
    if subject == "database":
        return _DATABASE_OUTAGE[level]
    template = _OUTAGE[level]
    if not detail.get("booked"):
        return template
    answers = level is OutageLevel.DOWN and detail.get("where")
    return replace(
        template, present=("{who} answers 500{where}" if answers else template.present) + _BOOKED_ALL_THE_SAME
    )


def _first_line(text: str, subject: str | None, detail: Mapping[str, Any]) -> str:
    line = _filled(text, subject, detail)
    if "held" not in detail:
        return line
    return f"{line}: {detail['held']} held" + (f", {detail['at_risk']} at risk" if "at_risk" in detail else "")


def _text(title: str, template: Template, subject: str | None, detail: Mapping[str, Any], since: str) -> str:
    do = f"What to do: {_filled(template.action, subject, detail)}"
    if detail.get("until"):
        do += f"; the first one expires at {detail['until']}"
    return "\n".join([title, since, f'Callers hear: "{template.caller_message}"', do])


def _filled(text: str, subject: str | None, facts: Mapping[str, Any]) -> str:
    host = facts.get("host")  # of another Cal.com than the settings'
    who = f"Cal.com at {host}" if host else _NAMES.get(subject or "", subject)
    return text.format_map({"where": "", **facts, "who": who})
