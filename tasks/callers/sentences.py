"""What a caller may be told of a booking: one fixed sentence for each state, in each language; only the time is added.

A sentence repeats only the time of a request: other dictated words could be instructions for the agent's model.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from db.appointments.views import BookingView
from db.lifecycle import HoldReason, Status
from resilience.error_types import ErrorType

ENGLISH = "en"


class Said(StrEnum):
    """What is true of a booking."""

    DONE = "done"
    HOST = "host"  # Cal.com has it, and its host must confirm it
    UNDER_WAY = "under_way"
    OUTAGE = "outage"
    BUSY = "busy"  # Cal.com answers, and the limit of calls to it is used up
    BEHIND = "behind"  # only one may have its time, and others asked for it before
    OPERATOR = "operator"
    TAKEN = "taken"
    REFUSED = "refused"
    FAILED = "failed"  # it is over, an alert names it, and it is in a list from which people are called
    CANCELLED = "cancelled"
    AGAIN = "again"  # asked for again, and booked
    MOVED = "moved"  # asked for again at another start than it has now
    NOT_ACCEPTED = "not_accepted"


class SpokenTime(NamedTuple):
    """Say how a language writes a time: Babel's locale, and the patterns of a day with its time and of a time alone."""

    locale: str
    pattern: str
    clock: str


SENTENCES: Mapping[str, Mapping[Said, str]] = MappingProxyType(
    {
        ENGLISH: {
            Said.DONE: "You are booked for {time}.",
            Said.HOST: "Your request for {time} is with us; you will hear when it is confirmed.",
            Said.UNDER_WAY: "One moment more: I have your request for {time}, and we will confirm it.",
            Said.OUTAGE: "The calendar does not answer right now. I have noted {time}, in order, and we will confirm "
            "it.",
            Said.BUSY: "It takes a little longer right now. I have noted {time}, in order, and we will confirm it.",
            Said.BEHIND: "Somebody asked for {time} before you. I keep you in line for it. Which other time would "
            "suit you as well?",
            Said.OPERATOR: "I have noted it; we will come back to you.",
            Said.TAKEN: "{time} is taken. Which other time suits you?",
            Said.REFUSED: "I could not book it. Which other time suits you?",
            Said.FAILED: "I could not book it. A colleague will call you.",
            Said.CANCELLED: "It is cancelled.",
            Said.AGAIN: "You are booked for {time} already.",
            Said.MOVED: "Your appointment was moved to {time}.",
            Said.NOT_ACCEPTED: "I cannot take requests right now. Please try again.",
        },
        "de": {
            Said.DONE: "Ihr Termin ist gebucht: {time}.",
            Said.HOST: "Ihre Anfrage liegt uns vor: {time}. Sie hören von uns, sobald der Termin bestätigt ist.",
            Said.UNDER_WAY: "Einen Moment noch: Ihre Anfrage liegt uns vor, {time}, und wir bestätigen sie Ihnen.",
            Said.OUTAGE: "Der Kalender antwortet gerade nicht. Ich habe Ihren Wunsch vorgemerkt: {time}. Er bleibt an "
            "seiner Stelle in der Reihe, und wir bestätigen Ihnen den Termin.",
            Said.BUSY: "Es dauert gerade etwas länger. Ich habe Ihren Wunsch vorgemerkt: {time}. Er bleibt an seiner "
            "Stelle in der Reihe, und wir bestätigen Ihnen den Termin.",
            Said.BEHIND: "Vor Ihnen hat schon jemand nach dieser Zeit gefragt: {time}. Sie stehen dafür in der Reihe. "
            "Welche andere Zeit würde Ihnen auch passen?",
            Said.OPERATOR: "Ich habe es vorgemerkt; wir melden uns bei Ihnen.",
            Said.TAKEN: "Diese Zeit ist schon vergeben: {time}. Welche andere Zeit passt Ihnen?",
            Said.REFUSED: "Ich konnte den Termin nicht buchen. Welche andere Zeit passt Ihnen?",
            Said.FAILED: "Ich konnte den Termin nicht buchen. Jemand von uns ruft Sie an.",
            Said.CANCELLED: "Der Termin ist abgesagt.",
            Said.AGAIN: "Ihr Termin ist bereits gebucht: {time}.",
            Said.MOVED: "Ihr Termin wurde verlegt: {time}.",
            Said.NOT_ACCEPTED: "Ich kann gerade keine Anfragen annehmen. Bitte versuchen Sie es noch einmal.",
        },
    }
)
_TIMES: Mapping[str, SpokenTime] = MappingProxyType(
    {
        ENGLISH: SpokenTime("en_GB", "EEEE, d MMMM 'at' HH:mm", "HH:mm"),
        "de": SpokenTime("de_DE", "EEEE, d. MMMM 'um' HH:mm 'Uhr'", "HH:mm 'Uhr'"),
    }
)
BY_REASON: Mapping[HoldReason, Said] = MappingProxyType(
    {
        HoldReason.BREAKER_OPEN: Said.OUTAGE,
        HoldReason.THROTTLED: Said.BUSY,
        HoldReason.IN_LINE: Said.BUSY,  # what those before it wait for is not known
        HoldReason.UNREACHABLE: Said.OUTAGE,
        HoldReason.SETTLING: Said.UNDER_WAY,
        HoldReason.BLIND_KEY: Said.OPERATOR,
        HoldReason.CREDENTIALS: Said.OPERATOR,
        HoldReason.CONFIGURATION: Said.OPERATOR,
        HoldReason.SUSPECT: Said.OPERATOR,
        HoldReason.PAUSED: Said.OPERATOR,
    }
)
_WE_WILL_CONFIRM = (Said.UNDER_WAY, Said.OUTAGE, Said.BUSY)
_BY_STATUS: Mapping[Status, Said] = MappingProxyType(
    {
        Status.PENDING: Said.UNDER_WAY,
        Status.BOOKING: Said.UNDER_WAY,
        Status.RETRYING: Said.UNDER_WAY,
        Status.FAILED: Said.FAILED,
        Status.EXPIRED: Said.FAILED,
        Status.CANCELLED: Said.CANCELLED,
    }
)


def what_is_true(view: BookingView, *, again: bool = False, is_moved: bool = False) -> Said:
    """Return which sentence is true of a booking.

    `again`: its caller asked for it before; `is_moved`: at another start than the one that it has now.
    """
    if view.status is Status.CONFIRMED:
        done = Said.MOVED if is_moved else Said.AGAIN if again else Said.DONE
        return Said.HOST if view.awaits_host else done
    if view.status is Status.REJECTED:
        return Said.TAKEN if view.error_type == ErrorType.TAKEN else Said.REFUSED
    said = _BY_STATUS[view.status] if view.cause is None else BY_REASON[view.cause]
    return Said.BEHIND if view.ahead and said in _WE_WILL_CONFIRM else said


def say(view: BookingView, *, again: bool = False, is_moved: bool = False) -> str:
    """Return the sentence of a booking, in its attendee's language and time zone; as `what_is_true`."""
    language = language_of(view.language)
    sentence = SENTENCES[language][what_is_true(view, again=again, is_moved=is_moved)]
    return sentence.format(time=spoken(view.start, view.time_zone, language)) if "{time}" in sentence else sentence


def not_accepted(language: str | None) -> str:
    """Return the sentence for a request that was not stored."""
    return SENTENCES[language_of(language)][Said.NOT_ACCEPTED]


def language_of(language: str | None) -> str:
    """Return the language of the sentences for an attendee's: English where there are none of it."""
    known = (language or ENGLISH).partition("-")[0]
    return known if known in SENTENCES else ENGLISH


def spoken(at: datetime, time_zone: str, language: str) -> str:
    """Return a time as a person says it, as in Tuesday, 5 March at 10:00."""
    return _written(at, ZoneInfo(time_zone), _TIMES[language].locale, _TIMES[language].pattern)


def spoken_together(starts: Sequence[datetime], time_zone: str, language: str) -> list[str]:
    """Return times as a person says them one after the other: a day is named once, at the first of its times."""
    zone, known = ZoneInfo(time_zone), _TIMES[language]
    days = [start.astimezone(zone).date() for start in starts]
    named = [number == 0 or days[number - 1] != day for number, day in enumerate(days)]
    return [
        _written(start, zone, known.locale, known.pattern if is_named else known.clock)
        for start, is_named in zip(starts, named, strict=True)
    ]


def _written(at: datetime, zone: ZoneInfo, locale: str, pattern: str) -> str:
    from babel.dates import format_datetime  # noqa: PLC0415 - of the extra http

    text: str = format_datetime(at, pattern, tzinfo=zone, locale=locale)
    return text
