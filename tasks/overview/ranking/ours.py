"""Rows 1 to 6: a part or a setting of ours is broken, and bookings do not move."""

from datetime import timedelta

from db.account_troubles import DEFAULT
from db.lifecycle import HoldReason
from db.monitoring.counts_now import CAP
from db.monitoring.heartbeats import beat_is_dead
from db.monitoring.incidents import IncidentKind
from tasks.accounts.remedies import key_of, new_key, tried_again
from tasks.overview.ranking.phrases import (
    call_those,
    held_since,
    incident_since,
    is_part,
    number_waiting,
    several,
    since,
    with_damage,
    with_risk_button,
)
from tasks.overview.ranking.row import Level, TrueRow, Whose
from tasks.overview.reading import Overview
from tasks.overview.sentences import Sentence, sentence, time_lasting, time_of_day
from tasks.words import plural

LATE = timedelta(seconds=30)  # a booking that waits longer for a worker is late
_WHEN_BACK = sentence("all goes on by itself when it is back.")


def postgres_gone(overview: Overview) -> TrueRow | None:
    """Postgres does not answer, or lacks our tables: no request can be stored, and nothing is known."""
    if overview.postgres.answers:
        return None
    if overview.lacks_tables:
        text = sentence("The database lacks our tables, or some of their columns: nothing is known.")
        return _row(1, "not_migrated", text, sentence("nothing is kept: run `booking migrate`."))
    text = sentence(
        "Postgres does not answer",
        since(overview.postgres.since),
        ": new requests are refused; accepted ones are kept.",
    )
    return _row(1, "postgres_gone", text, _WHEN_BACK)


def postgres_slow(overview: Overview) -> TrueRow | None:
    """Postgres answers, and its record cannot be read in time; whether it takes requests is another matter."""
    if not overview.postgres_is_slow:
        return None
    text = sentence("Postgres is slow: the figures did not come in time.")
    if_nobody_acts = sentence("they are read again each second; look at what Postgres waits for: locks, load, disk.")
    return TrueRow(1, "postgres_slow", Whose.OURS, Level.WARNING, text, if_nobody_acts)


def redis_gone(overview: Overview) -> TrueRow | None:
    """The broker or Redis does not answer: messages cannot be sent, or no breaker is shared."""
    if overview.redis.answers and overview.broker.answers:
        return None
    if overview.redis.answers:
        name, who, at = "broker_gone", "The broker", overview.broker.since
    else:
        name, who, at = "redis_gone", "Redis", overview.redis.since or incident_since(overview, IncidentKind.REDIS_GONE)
    told = ": bookings are kept and wait."
    if overview.broker.answers:
        told = ": bookings go at the limit's pace, each process by a breaker of its own."
    return _row(2, name, sentence(f"{who} does not answer", since(at), told), _WHEN_BACK)


def nothing_moves(overview: Overview) -> TrueRow | None:
    """Bookings wait for a worker."""
    moving = overview.record.moving if overview.record else None
    oldest = moving.oldest_pending_at if moving else None
    if moving is None or oldest is None or overview.read_at - oldest <= LATE:
        return None
    waits = sentence(
        f"{number_waiting(moving.pending, capped=moving.pending >= CAP)}, the oldest ", time_lasting(oldest)
    )
    if moving.booking:
        text = sentence("Too few workers: ", waits, f", {plural(moving.booking, 'call is', 'calls are')} under way.")
        return _row(3, "nothing_moves", text, sentence("they go, but late: start another worker."))
    text = sentence("Nothing moves: ", waits, ", no worker works on any.")
    return _row(3, "nothing_moves", text, sentence("they keep waiting: start a worker."))


def no_health_check(overview: Overview) -> TrueRow | None:
    """Beat does not tick, or no worker takes its messages."""
    beat = overview.record.beat if overview.record else None
    if not beat_is_dead(beat):
        return None
    never = sentence(" yet, and the first booking came at ", time_of_day(beat.since))
    when = since(beat.ticked_at) if beat.ticked_at else never
    text = sentence("No health check", when, ": alerts wait, and only other workers release holds.")
    if_nobody_acts = sentence("this stays so: start `celery -A worker beat` and the worker of `maintenance`.")
    return _row(4, "no_health_check", text, if_nobody_acts)


def credentials(overview: Overview) -> TrueRow | None:
    """Cal.com has refused the key with which this process would call."""
    if not overview.shared.key_refused:
        return None
    at = overview.key_refused_at or held_since(overview, HoldReason.CREDENTIALS)
    account = DEFAULT if several(overview) else None
    text = sentence(f"Cal.com refuses {key_of(account)}", since(at))
    else_ = "they need a new key" if account is None else new_key(account)
    if_nobody_acts = sentence(
        f"Cal.com is asked {tried_again(account)}, and all go by themselves when it takes the key; else {else_}",
        call_those(overview),
        ".",
    )
    return _held_back(5, "credentials", overview, text, if_nobody_acts, ("show_held", "reset"))


def configuration(overview: Overview) -> TrueRow | None:
    """The settings of the whole fleet lead to a server that is not Cal.com."""
    if not overview.shared.settings_wrong:
        return None
    at = incident_since(overview, IncidentKind.CONFIGURATION) or held_since(overview, HoldReason.CONFIGURATION)
    text = sentence("What answers is not Cal.com's API", since(at))
    if_nobody_acts = sentence(
        f"the URL is asked {tried_again(DEFAULT if several(overview) else None)}, and all go by themselves when Cal.com"
        " answers; else they need other settings",
        call_those(overview),
        ".",
    )
    return _held_back(6, "configuration", overview, text, if_nobody_acts, ("show_held",))


def _row(row: int, name: str, text: Sentence, if_nobody_acts: Sentence) -> TrueRow:
    return TrueRow(row, name, Whose.OURS, Level.CRITICAL, text, if_nobody_acts)


def _held_back(
    row: int, name: str, overview: Overview, text: Sentence, if_nobody_acts: Sentence, buttons: tuple[str, ...]
) -> TrueRow:
    return TrueRow(
        row,
        name,
        Whose.OURS,
        Level.CRITICAL,
        with_damage(text, overview),
        if_nobody_acts,
        with_risk_button(overview, buttons),
        short=sentence(text, "."),
        counts_endings=not is_part(overview),
    )
