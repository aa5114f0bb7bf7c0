"""Sentences that hold moments, never ages: a sentence stays the same until something changes.

A page renders a moment in its reader's time; a terminal uses `render`. In JSON a part is a text, or moment and style.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from tasks.words import duration


class MomentStyle(StrEnum):
    """How a moment is read."""

    CLOCK = "clock"  # 14:02; on another day, with the date
    IN = "in"  # 12 s, until the moment
    AGO = "ago"  # 40 s, since the moment; the text beside it says "ago"
    FOR = "for"  # 4 min, since the moment


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment within a sentence."""

    at: datetime
    style: MomentStyle


Part = str | Moment
Sentence = tuple[Part, ...]


def sentence(*parts: Part | Sentence | None) -> Sentence:
    """Return one sentence of texts, moments and other sentences; neighbouring texts become one."""
    joined: list[Part] = []
    for part in parts:
        for one in part if isinstance(part, tuple) else (part,):
            if isinstance(one, str) and joined and isinstance(joined[-1], str):
                joined[-1] += one
            elif one:
                joined.append(one)
    return tuple(joined)


def time_of_day(at: datetime) -> Moment:
    """Return a moment that is read as a time of day."""
    return Moment(at, MomentStyle.CLOCK)


def time_until(at: datetime) -> Moment:
    """Return a moment that is read as the time until then."""
    return Moment(at, MomentStyle.IN)


def time_since(at: datetime) -> Moment:
    """Return a moment that is read as the time that has passed since then."""
    return Moment(at, MomentStyle.AGO)


def time_lasting(at: datetime) -> Moment:
    """Return a moment that is read as how long something has lasted since then."""
    return Moment(at, MomentStyle.FOR)


def render(parts: Sentence, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a sentence as a terminal shows it; `zone` None: this machine's time zone."""
    return "".join(part if isinstance(part, str) else _words(part, now, zone) for part in parts)


def as_json(parts: Sentence) -> list[str | dict[str, str]]:
    """Return a sentence as JSON has it."""
    return [part if isinstance(part, str) else {"at": iso(part.at), "as": part.style.value} for part in parts]


def iso(at: datetime) -> str:
    """Return a moment as JSON has it: UTC, to the millisecond."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _words(moment: Moment, now: datetime, zone: tzinfo | None) -> str:
    match moment.style:
        case MomentStyle.CLOCK:
            at, today = moment.at.astimezone(zone), now.astimezone(zone)
            return f"{at:%H:%M}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M}"
        case MomentStyle.IN:
            seconds = int((moment.at - now).total_seconds())
            return duration(seconds) if seconds > 0 else "a moment"
        case MomentStyle.AGO | MomentStyle.FOR:
            return duration(int((now - moment.at).total_seconds()))
