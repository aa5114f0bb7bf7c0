"""The queue as the ranking shows it: how many wait in it, what for, and when it will probably be empty."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from db.appointments.queue import QUEUED
from db.lifecycle import HoldReason
from tasks.overview.ranking.phrases import call_those, held_count, hold_for, holds
from tasks.overview.reading import Overview
from tasks.overview.sentences import Moment, Sentence, sentence

_SHORTEST = timedelta(seconds=30)  # a pace of less is chance
_FEW = 10  # bookings
_FARTHEST = 4  # times as long as the pace was measured


@dataclass(frozen=True, slots=True)
class Queue:
    """The bookings that wait for the breaker or the limit, or behind those."""

    count: int
    capped: bool
    met: HoldReason
    """What the first of them met: the open breaker, or the limit."""


def queue(overview: Overview) -> Queue | None:
    """Return the queue; None: nobody waits in it, or Postgres does not answer."""
    waiting = [one for one in holds(overview) if one.reason in QUEUED]
    if not waiting or overview.record is None:
        return None
    met = HoldReason.THROTTLED
    if hold_for(overview, HoldReason.BREAKER_OPEN):
        met = HoldReason.BREAKER_OPEN
    elif hold_for(overview, HoldReason.IN_LINE):
        met = overview.record.queue_met or met
    return Queue(sum(one.count for one in waiting), any(one.capped for one in waiting), met)


def done_at(overview: Overview, waiting: Queue, since: datetime | None = None) -> datetime | None:
    """Return when the queue will be empty at its net pace: what was let go, less what was newly held.

    None: that is not known, because the release began less than half a minute ago (`since`) or nobody counted then; or
    the queue has hardly become shorter: a few bookings are chance, and so is an end that is far away.
    """
    then = _known(overview, since)
    if not then or waiting.capped:
        return None
    began, count = then[0]
    shorter = count - held_count(overview)
    if shorter < max(_FEW, waiting.count / _FARTHEST):
        return None
    return overview.read_at + (overview.read_at - began) * (waiting.count / shorter)


def is_growing(overview: Overview, since: datetime | None = None) -> bool:
    """Return whether as much is newly held as is let go, for a minute and more."""
    counts = [held_count(overview), *(count for _, count in _known(overview, since))]
    return len(counts) > 2 and counts[0] >= counts[1] >= counts[2] > 0


def what_happens(overview: Overview, ends: Moment | None, when: str, since: datetime | None = None) -> Sentence:
    """Return what happens to the queue if nobody acts; `ends` is its foreseen end."""
    if ends:
        return sentence(f"done {when} ", ends, ".")
    if is_growing(overview, since):
        return sentence("more is asked for than goes: it does not end by itself", call_those(overview), ".")
    return sentence("all go by themselves, in order", call_those(overview), ".")


def _known(overview: Overview, since: datetime | None) -> list[tuple[datetime, int]]:
    """Return how many were held at earlier moments since then, newest first, none of them too near.

    Of a part nobody knows it: all causes together were counted.
    """
    known = overview.record.held_before if overview.record and not overview.record.is_part else ()
    latest = overview.read_at - _SHORTEST
    return [one for one in known if one[0] <= latest and (since is None or one[0] >= since)]
