"""The words of an incident: a first line that carries everything, then since when, what callers hear, what to do.

Only counts, ids and moments: an alert goes to mail and chat, and names nobody. What callers hear is the table of
docs/degradation.md, word for word (a test holds the two together).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from db.monitoring.incidents import Incident
from tasks.health.incident_rules import Kind, Level

_KEPT = "The calendar is not answering. Your request is kept in order, and we will confirm it."
_LATER = "We will come back to you."
_BOOKED = "You are booked."
_NAMES = {"calcom": "Cal.com", "database": "The database"}
_GO_BY_THEMSELVES = "nothing; held bookings go by themselves, in order, when Cal.com is back"


@dataclass(frozen=True)
class Words:
    """How a kind is told; the texts take facts in braces."""

    now: str
    past: str
    hears: str
    do: str


_OUTAGE = {
    Level.DOWN: Words("{who} is down{where}", "{who} was down{where}", _KEPT, f"{_GO_BY_THEMSELVES}; `booking held`"),
    Level.CRITICAL: Words(
        "{who} is failing ({recent} failures in the last minute)",
        "{who} was failing",
        "One moment, I am booking it.",
        "`booking status`; failed calls are tried again, and the breaker opens by itself",
    ),
    Level.DEGRADED: Words(
        "{who} is degraded ({percent} % of {calls} calls fail)",
        "{who} was degraded",
        "One moment, I am booking it.",
        "`booking status`; failed calls are tried again",
    ),
}
# A 500, or no answer, over a booking that was made all the same (a lagging replica, a cut connection): "down" alone
# would have operators call customers who are booked. While an endpoint alone is shut, the service answers.
_BOOKED_ALL_THE_SAME = "; {booked} of the last {unclear} unclear calls are booked all the same"
_POSTGRES = "`booking status`; look at Postgres: its log, its locks, its connections"
_DATABASE_OUTAGE = {
    level: Words(words.now, words.past, "I cannot take requests right now. Please try again.", _POSTGRES)
    for level, words in _OUTAGE.items()
}
_WORDS = {
    Kind.HELD_TOO_LONG: Words(
        "Held longer than {max_age}",
        "Held longer than {max_age}",
        _KEPT,
        "call those whose time is near; `booking held`",
    ),
    Kind.CREDENTIALS: Words(
        "Cal.com refuses our API key",
        "Cal.com refused our API key",
        _LATER,
        "set a valid CALCOM_API_KEY and restart the workers, or `booking breaker reset` if the key is good again",
    ),
    Kind.CONFIGURATION: Words(
        "Cal.com's API is not what the settings say",
        "Cal.com's API was not what the settings said",
        _LATER,
        "`booking check`, correct CALCOM_BASE_URL, CALCOM_API_VERSION or the key's rights, restart the workers",
    ),
    Kind.BLIND_KEY: Words(
        "Our API key cannot see whether they are booked",
        "Our API key could not see whether they are booked",
        _LATER,
        "look at Cal.com: `booking resolve {first_id} UID` if it is booked there, `booking retry {first_id}"
        " --not-booked` if not; `booking check` says for which event types this may come again, and which key helps",
    ),
    Kind.SUSPECT: Words(
        "Set aside as suspect",
        "Set aside as suspect",
        _LATER,
        "`booking show {first_id}` says why; then `booking retry {first_id}` or `booking cancel {first_id}`",
    ),
    Kind.UNREACHABLE: Words("Cal.com cannot be reached", "Cal.com could not be reached", _KEPT, _GO_BY_THEMSELVES),
    Kind.THROTTLED: Words(
        "Cal.com's rate limit keeps bookings waiting",
        "Cal.com's rate limit kept bookings waiting",
        "It takes a little longer. We will confirm it.",
        "nothing: they go at the limit's pace. If it comes often, ask Cal.com for more, and raise"
        " CALCOM_RATE_LIMIT_PER_MINUTE",
    ),
    Kind.FAILED: Words(
        "Failed for good: {count}",
        "Failed for good: {count}",
        "We could not book it. A colleague will call you.",
        "`booking show {first_id}` says why; then `booking retry {first_id}`, or call the customer",
    ),
    Kind.EXPIRED: Words(
        "Expired before they could be booked: {count}",
        "Expired before they could be booked: {count}",
        "We could not book it in time.",
        "call the customers: `booking show {first_id} --personal`",
    ),
    Kind.TOLD_NOT_BOOKED: Words(
        "Told not booked, but is: {count}",
        "Told not booked, but is: {count}",
        _BOOKED,
        "call the customers, who believe that they have no appointment; the first is `booking show {first_id}"
        " --personal`",
    ),
    Kind.SERIES_CUT: Words(
        "Only some weeks booked, or perhaps: {count} series",
        "Only some weeks booked, or perhaps: {count} series",
        "You are booked for some of the weeks. A colleague will call you.",
        "`booking show {first_id}` says how many; book the missing weeks at Cal.com by hand, or call the customer",
    ),
    Kind.CANCEL_THERE: Words(
        "To be cancelled at Cal.com, for it is booked: {count}",
        "To be cancelled at Cal.com, for it was booked: {count}",
        "It is booked, and we will cancel it.",
        "a cancellation was asked for, and Cal.com has booked it: cancel it there (`booking show {first_id}` has its"
        " uid), then `booking audit --fix`",
    ),
    Kind.MADE_AGAIN: Words(
        "Posted again as evidence, and booked by that: {count}",
        "Posted again as evidence, and booked by that: {count}",
        _BOOKED,
        "the host may see two requests of one booking: `booking show {first_id}` has the uid of the one that counts",
    ),
    Kind.MESSAGES_LOST: Words(
        "Messages lost, and sent again: {count}",
        "Messages lost, and sent again: {count}",
        "One moment, I am booking it.",
        "no booking is lost. Did Redis or a worker restart? `booking check` looks at Redis's settings",
    ),
    Kind.BEAT_DEAD: Words(
        "No health check for {silent} s: beat, the maintenance worker or the broker may be dead",
        "Health checks stood still",
        "One moment, I am booking it.",
        "start `celery -A worker beat` and the worker of the queue `maintenance` again; until then nothing held is"
        " released, nothing lost is found, and no other alert comes; `booking status`",
    ),
    Kind.REDIS_GONE: Words(
        "Redis is gone: each process keeps a circuit breaker and a rate limit of its own",
        "Redis was gone",
        "One moment, I am booking it.",
        "is Redis running, and is REDIS_URL right? `booking check` says more; bookings go on meanwhile, and more calls"
        " may reach Cal.com than one breaker would let through",
    ),
}

_HALF_MADE = Words(
    "Set aside as suspect, {half_made} of them half made at Cal.com",
    "Set aside as suspect",
    _LATER,
    "`booking show {first_id}` says why; remove at Cal.com what is half made there (an attendee without a seat); then"
    " `booking retry {first_id}` or `booking cancel {first_id}`",
)


def opening(incident: Incident, detail: Mapping[str, Any]) -> str:
    """Write the first message of an incident; `detail` is what the present look found."""
    words = _words(incident.kind, incident.subject, detail)
    line = _line(words.now, incident.subject, detail)
    return _text(line, words, incident.subject, detail, f"Since: {_clock(incident.opened_at)}")


def update(incident: Incident, detail: Mapping[str, Any], now: datetime) -> str:
    """Write that an incident goes on, or has grown worse."""
    lasted = span((now - incident.opened_at).total_seconds())
    grown = detail.get("level", 0) > incident.detail.get("told", 0)
    words = _words(incident.kind, incident.subject, detail)
    line = f"{'Worse' if grown else 'Still'} after {lasted}: {_line(words.now, incident.subject, detail)}"
    return _text(line, words, incident.subject, detail, f"Since: {_clock(incident.opened_at)} ({lasted})")


def resolution(incident: Incident, now: datetime, totals: Mapping[str, int]) -> str:
    """Write that an incident is over, with its totals."""
    most = incident.detail.get("most", {})
    facts = {**incident.detail, **most}
    words = _words(incident.kind, incident.subject, {"level": incident.detail.get("worst", 0)})
    lasted = span((now - incident.opened_at).total_seconds())
    title = f"Resolved after {lasted}: {_filled(words.past, incident.subject, facts)}"
    peak = [f"{most[name]} {said}" for name, said in _PEAKS.items() if most.get(name)]
    happened = [f"{name} {count}" for name, count in totals.items() if count]
    title += f", at most {', '.join(peak[:2])}" if peak else ""
    title += f"; {', '.join(happened)}" if happened else ""
    lines = [title, f"From {_clock(incident.opened_at)} to {_clock(now)}"]
    return "\n".join(lines + ([f"At most: {', '.join(peak)}"] if peak else []))


_PEAKS = {"held": "held", "at_risk": "at risk", "recent": "failures in a minute"}


def span(seconds: float) -> str:
    """Say how long, roughly: 17 s, 5 min, 3 h."""
    for length, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if seconds < length:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 86_400:.0f} days"


def _words(kind: str, subject: str | None, detail: Mapping[str, Any]) -> Words:
    if kind == Kind.OUTAGE:
        return _outage(subject, detail)
    if kind == Kind.SUSPECT and detail.get("half_made"):
        return _HALF_MADE
    return _WORDS[Kind(kind)]


def _outage(subject: str | None, detail: Mapping[str, Any]) -> Words:
    level = Level(detail["level"])
    if subject == "database":
        return _DATABASE_OUTAGE[level]
    words = _OUTAGE[level]
    if not detail.get("booked"):
        return words
    answers = level is Level.DOWN and detail.get("where")
    return replace(words, now=("{who} answers 500{where}" if answers else words.now) + _BOOKED_ALL_THE_SAME)


def _line(template: str, subject: str | None, detail: Mapping[str, Any]) -> str:
    line = _filled(template, subject, detail)
    return f"{line}: {detail['held']} held, {detail['at_risk']} at risk" if "held" in detail else line


def _text(title: str, words: Words, subject: str | None, detail: Mapping[str, Any], since: str) -> str:
    do = f"What to do: {_filled(words.do, subject, detail)}"
    if detail.get("until"):
        do += f"; the first one expires at {detail['until']}"
    return "\n".join([title, since, f'Callers hear: "{words.hears}"', do])


def _filled(template: str, subject: str | None, facts: Mapping[str, Any]) -> str:
    return template.format_map({"where": "", **facts, "who": _NAMES.get(subject or "", subject)})


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
