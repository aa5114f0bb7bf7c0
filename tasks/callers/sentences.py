"""What a caller may be told of a booking: one fixed sentence for each state, in each language; only the time is added.

A sentence repeats only the time of a request: other dictated words could be instructions for the agent's model.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from db.appointments.views import BookingView
from db.lifecycle import HoldReason, Status
from resilience.error_types import ErrorType
from tasks.callers.languages import language_of, sentences, time_of


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
    NOT_FIRST = "not_first"  # it is wanted only as the first for its time, and others asked before; nothing is stored


SENTENCES: Mapping[str, Mapping[Said, str]] = sentences("booking", Said)
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
    return sentence.format(time=spoken(view.start, view.time_zone, view.language)) if "{time}" in sentence else sentence


def not_accepted(language: str | None) -> str:
    """Return the sentence for a request that was not stored."""
    return SENTENCES[language_of(language)][Said.NOT_ACCEPTED]


def somebody_is_first(start: datetime, time_zone: str, language: str | None) -> str:
    """Return the sentence for a request that was not stored since somebody asked for its time before."""
    return SENTENCES[language_of(language)][Said.NOT_FIRST].format(time=spoken(start, time_zone, language))


def spoken(at: datetime, time_zone: str, language: str | None) -> str:
    """Return a time as a person says it, as in Tuesday, 5 March at 10:00; `language` is a tag as en-US."""
    known = time_of(language, time_zone)
    return _written(at, ZoneInfo(time_zone), known.locale, known.pattern)


def spoken_together(starts: Sequence[datetime], time_zone: str, language: str | None) -> list[str]:
    """Return times as a person says them one after the other: a day is named once, at the first of its times."""
    zone, known = ZoneInfo(time_zone), time_of(language, time_zone)
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
