"""The texts of incidents of our own processes, of Redis, and of what they lose or do in vain."""

from collections.abc import Mapping
from types import MappingProxyType

from db.monitoring.incidents import IncidentKind
from tasks.incidents.template import KEPT, NORMAL, Template, always

_TEMPLATES = {
    IncidentKind.MESSAGES_LOST: always(
        "Messages lost, and sent again: {count}",
        NORMAL,
        "no booking is lost. Did Redis or a worker restart? `booking check` looks at Redis's settings",
    ),
    IncidentKind.LET_GO_IN_VAIN: always(
        "Let go and held again without a call, ten times in ten minutes: {count}",
        KEPT,
        "`booking show {first_id}` says what held it each time; it pauses now, and nothing is lost. Do all workers have"
        " the same release and the same settings? `booking check`; else report it with that story",
    ),
    IncidentKind.BEAT_DEAD: Template(
        "No health check for {silent} s: beat, the maintenance worker or the broker may be dead",
        "Health checks stood still",
        NORMAL,
        "start `celery -A worker beat` and the worker of the queue `maintenance` again; until then nothing held is"
        " released, nothing lost is found, and no other alert comes; `booking status`",
    ),
    IncidentKind.REDIS_GONE: Template(
        "Redis is gone: each process keeps a circuit breaker and a rate limit of its own",
        "Redis was gone",
        NORMAL,
        "is Redis running, and is REDIS_URL right? `booking check` says more; bookings go on meanwhile, and more calls"
        " may reach Cal.com than one breaker would let through",
    ),
    IncidentKind.REDIS_SLOW: Template(
        "Redis is slow: {late} of {answers} answers came late in the last minute",
        "Redis was slow",
        NORMAL,
        "is Redis's host busy, or the network between it and the workers slow? A call asks again after each answer"
        " that is late (one that was released from the line waits a second), and after two in a row a process has a"
        " circuit breaker of its own for a while",
    ),
}
OF_FLEET: Mapping[IncidentKind, Template] = MappingProxyType(_TEMPLATES)
