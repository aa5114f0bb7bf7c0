"""Rows 1 to 6: what stands still because of something of ours."""

from datetime import timedelta

from db.lifecycle import HoldReason
from db.monitoring.heartbeats import beat_is_dead
from db.monitoring.incidents import IncidentKind
from db.monitoring.overview import CAP
from tasks.overview.ranking.phrases import call_those, oldest, opened, since, wait, with_damage, with_risk
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.sentences import Sentence, clock, lasting, sentence
from tasks.words import plural

LATE = timedelta(seconds=30)  # that a booking may wait for a worker before somebody should know
_WHEN_BACK = sentence("all goes on by itself when it is back.")


def postgres_gone(seen: Overview) -> TrueRow | None:
    """Nothing can be kept, and nothing is known."""
    if seen.postgres.well:
        return None
    if seen.lacks_tables:
        said = sentence("The database lacks our tables, or some of their columns: nothing is known.")
        return _row(1, "not_migrated", said, sentence("nothing is kept: run `booking migrate`."))
    said = sentence(
        "Postgres does not answer", since(seen.postgres.since), ": new requests are refused; accepted ones are kept."
    )
    return _row(1, "postgres_gone", said, _WHEN_BACK)


def redis_gone(seen: Overview) -> TrueRow | None:
    """Messages cannot be sent, or nothing is shared."""
    if seen.redis.well and seen.broker.well:
        return None
    if seen.redis.well:
        name, who, at = "broker_gone", "The broker", seen.broker.since
    else:
        name, who, at = "redis_gone", "Redis", seen.redis.since or opened(seen, IncidentKind.REDIS_GONE)
    told = ": bookings are kept and wait."
    if seen.broker.well:
        told = ": bookings go at the limit's pace, each process by a breaker of its own."
    return _row(2, name, sentence(f"{who} does not answer", since(at), told), _WHEN_BACK)


def nothing_moves(seen: Overview) -> TrueRow | None:
    """Bookings wait for a worker."""
    moving = seen.record.moving if seen.record else None
    oldest = moving.oldest_pending_at if moving else None
    if moving is None or oldest is None or seen.read_at - oldest <= LATE:
        return None
    waits = sentence(f"{wait(moving.pending, capped=moving.pending >= CAP)}, the oldest ", lasting(oldest))
    if moving.booking:
        said = sentence("Too few workers: ", waits, f", {plural(moving.booking, 'call is', 'calls are')} under way.")
        return _row(3, "nothing_moves", said, sentence("they go, but late: start another worker."))
    said = sentence("Nothing moves: ", waits, ", no worker is at one.")
    return _row(3, "nothing_moves", said, sentence("they wait on: start a worker."))


def no_health_check(seen: Overview) -> TrueRow | None:
    """Beat does not tick, or nobody takes its messages."""
    beat = seen.record.beat if seen.record else None
    if not beat_is_dead(beat):
        return None
    never = sentence(" yet, and the first booking came at ", clock(beat.since))
    when = since(beat.ticked_at) if beat.ticked_at else never
    said = sentence("No health check", when, ": nothing held is released.")
    nothing = sentence("what is held waits on: start `celery -A worker beat` and the worker of `maintenance`.")
    return _row(4, "no_health_check", said, nothing)


def credentials(seen: Overview) -> TrueRow | None:
    """Cal.com has refused the key with which this process would call."""
    if not seen.shared.key_refused:
        return None
    at = seen.key_refused_at or oldest(seen, HoldReason.CREDENTIALS)
    said = sentence("Cal.com refuses our key", since(at))
    nothing = sentence(
        "it is asked again each minute, and all go by themselves when it takes the key; else they need a new one",
        call_those(seen),
        ".",
    )
    return _held_back(5, "credentials", seen, said, nothing, ("show_held", "reset"))


def configuration(seen: Overview) -> TrueRow | None:
    """The settings lead to something that is not Cal.com, for the whole fleet."""
    if not seen.shared.settings_wrong:
        return None
    at = opened(seen, IncidentKind.CONFIGURATION) or oldest(seen, HoldReason.CONFIGURATION)
    said = sentence("What answers is not Cal.com's API", since(at))
    nothing = sentence(
        "it is asked again each minute, and all go by themselves when Cal.com answers; else they need other settings",
        call_those(seen),
        ".",
    )
    return _held_back(6, "configuration", seen, said, nothing, ("show_held",))


def _row(row: int, name: str, said: Sentence, nothing: Sentence) -> TrueRow:
    return TrueRow(row, name, Whose.OURS, Level.CRITICAL, said, nothing)


def _held_back(
    row: int, name: str, seen: Overview, said: Sentence, nothing: Sentence, buttons: tuple[str, ...]
) -> TrueRow:
    return TrueRow(
        row,
        name,
        Whose.OURS,
        Level.CRITICAL,
        with_damage(said, seen),
        nothing,
        with_risk(seen, buttons),
        short=sentence(said, "."),
        counts_endings=True,
    )
