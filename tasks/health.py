"""Look after the fleet's health: what is wrong becomes an incident, once for all, and whoever must know is told.

Any number of beats and workers may run these at once: the tick's row lets one look at a time go on.
"""

from typing import TypeGuard

from celery import shared_task

from db import heartbeats, incidents, standing
from db.heartbeats import Heartbeat
from tasks.alerts.sending import send
from tasks.alerts.settle import settle
from tasks.health_looks import endings, holds, look_at_services, outages
from tasks.health_rules import Finding, Kind
from tasks.parts import parts
from tasks.unknown import HALF_MADE

EVERY = 5.0  # seconds
BEAT = "check_health"
MISSED = 3  # ticks missed in a row from which beat counts as dead


@shared_task(name="tasks.health.check_health")
def check_health(every: float = EVERY) -> int:
    """Check, for beat."""
    return check(every)


def check(every: float = EVERY) -> int:
    """Tick, look at everything once, and open, update or resolve incidents; return how many messages that made.

    `every` is the beat's interval in seconds: who watches the ticks learns it from here.
    """
    built = parts()
    services = look_at_services(built)
    with built.engine.begin() as conn:
        now = heartbeats.tick(conn, BEAT, every=every)
        held = standing.holds(conn, now, lead=built.terms.lead, half_made=HALF_MADE)
        known = {(one.kind, one.subject): one for one in incidents.open_ones(conn, tuple(Kind))}
        found = [
            *outages(conn, services, held, known, now, lead=built.terms.lead),
            *holds(held, now, built.terms, key_refused=services.key_refused),
            *endings(conn, known, now),
        ]
        told = settle(conn, found, now, kinds=tuple(Kind), unknown=services.unknown)
    told.say()
    return len(told.messages)


def beat_is_dead(beat: Heartbeat | None) -> TypeGuard[Heartbeat]:
    """Say whether too many ticks were missed; a fleet that never had a beat has missed none."""
    return beat is not None and beat.age > MISSED * beat.every


def tell_if_beat_is_dead() -> Heartbeat | None:
    """Open or update the incident of a beat that has died, which only others can tell; return its last tick.

    Raises:
        SQLAlchemyError: Postgres is gone, so nothing can be known.
    """
    with parts().engine.begin() as conn:
        beat = heartbeats.last(conn, BEAT, lock=True)
        if not beat_is_dead(beat):
            return beat
        silent = Finding(Kind.BEAT_DEAD, facts={"silent": round(beat.age)})
        told = settle(conn, [silent], beat.now, kinds=[Kind.BEAT_DEAD])
    told.say()
    send()  # what could not be sent before is tried again from here
    return beat


def last_tick() -> Heartbeat | None:
    """Return when health was last looked at; None: never."""
    with parts().engine.connect() as conn:
        return heartbeats.last(conn, BEAT)
