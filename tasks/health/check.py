"""Look after the fleet's health: what is wrong becomes an incident, once for all, and whoever must know is told.

Any number of beats and workers may run these at once: the tick's row lets one look at a time go on.
"""

from typing import TypeGuard

from celery import shared_task

from db.monitoring import heartbeats, incidents, status_queries
from db.monitoring.heartbeats import Heartbeat
from tasks import dependencies
from tasks.health.delivery import send
from tasks.health.incident_rules import Finding, Kind
from tasks.health.incidents import settle
from tasks.health.observations import by_record, endings, holds, look_at_services, outages, redis_is_gone
from tasks.periodic import PeriodicTask
from tasks.unknown.outcome import HALF_MADE

EVERY = 5.0  # seconds
BEAT = "check_health"
MISSED = 3  # ticks missed in a row from which beat counts as dead


@shared_task(base=PeriodicTask, name="tasks.health.check_health")
def check_health(every: float = EVERY) -> int:
    """Check, for beat."""
    return check(every)


def check(every: float = EVERY) -> int:
    """Tick, look at everything once, and open, update or resolve incidents; return how many messages that made.

    `every` is the beat's interval in seconds: who watches the ticks learns it from here.
    """
    built = dependencies.current()
    services, redis = look_at_services(built), redis_is_gone(built)
    with built.engine.begin() as conn:
        now = heartbeats.tick(conn, BEAT, every=every)
        held = status_queries.hold_risks(conn, now, lead=built.timings.lead, half_made=HALF_MADE)
        known = {(one.kind, one.subject): one for one in incidents.open_ones(conn, tuple(Kind))}
        services = by_record(conn, services, built.detector.settings, now)
        found = [
            *([redis] if redis else []),
            *outages(conn, services, held, known, now, lead=built.timings.lead),
            *holds(held, now, built.timings, key_refused=services.key_refused),
            *endings(conn, known, now),
        ]
        told = settle(conn, found, now, kinds=tuple(Kind), unknown=services.unknown)
    told.say()
    return len(told.messages)


def beat_is_dead(beat: Heartbeat | None) -> TypeGuard[Heartbeat]:
    """Say whether too many ticks were missed, also from the first on; a fleet that has no booking misses none."""
    return beat is not None and beat.age > MISSED * beat.every


def tell_if_beat_is_dead() -> Heartbeat | None:
    """Open or update the incident of a beat that has died, which only others can tell; return its last tick.

    Raises:
        SQLAlchemyError: Postgres is gone, so nothing can be known.
    """
    with dependencies.current().engine.begin() as conn:
        beat = heartbeats.last(conn, BEAT, every=EVERY, lock=True)
        if not beat_is_dead(beat):
            return beat
        silent = Finding(Kind.BEAT_DEAD, facts={"silent": round(beat.age)})
        told = settle(conn, [silent], beat.now, kinds=[Kind.BEAT_DEAD])
    told.say()
    send()  # what could not be sent before is tried again from here
    return beat


def tell_if_redis_is_gone() -> bool:
    """Open or update the incident of a shared breaker that this process misses; return whether it does.

    The health check sees only its own process's view; it ends the incident when nobody has missed it for a while.

    Raises:
        SQLAlchemyError: Postgres is gone, so nobody can be told.
    """
    gone = redis_is_gone(dependencies.current())
    if gone is None:
        return False
    with dependencies.current().engine.begin() as conn:
        told = settle(conn, [gone], heartbeats.now(conn), kinds=[Kind.REDIS_GONE])
    told.say()
    return True


def last_tick() -> Heartbeat | None:
    """Return when health was last looked at; None: there is nothing to miss."""
    with dependencies.current().engine.connect() as conn:
        return heartbeats.last(conn, BEAT, every=EVERY)
