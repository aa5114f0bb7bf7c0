"""Read what receivers have taken and what our outbox says, and have it judged."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.chaos.processes import receiver
from tests.chaos.telling import judge
from tests.chaos.telling.judge import Calm, Kept, Lateness

if TYPE_CHECKING:
    from tests.chaos.environment import ChaosEnvironment
    from tests.chaos.judge import Record
    from tests.chaos.telling.fleet import Telling
    from tests.chaos.telling.webhooks import Webhooks

_KEPT = """
    SELECT appointment_id, count(*), count(*) FILTER (WHERE delivered_at IS NULL AND given_up_at IS NULL),
        count(*) FILTER (WHERE given_up_at IS NOT NULL)
    FROM callbacks WHERE api_key_id = {} GROUP BY appointment_id
"""
_TRIED = "SELECT coalesce(sum(tries), 0) FROM callbacks WHERE api_key_id = {}"
_SETTLED_AFTER = """
    SELECT CAST(extract(epoch FROM one.created_at - requested_at) AS float)
    FROM appointments LEFT JOIN callbacks AS one ON one.appointment_id = appointments.id AND sequence = 1
    WHERE appointments.api_key_id = {}
"""
_FIRST = "requested_at < (SELECT min(requested_at) FROM appointments) + make_interval(secs => {})"
_TOLD_AFTER = """
    SELECT CAST(extract(epoch FROM delivered_at - one.created_at) AS float)
    FROM callbacks AS one JOIN appointments ON appointments.id = appointment_id
    WHERE one.api_key_id = {} AND sequence = 1
"""
_UNTOLD = "SELECT count(*) FROM callbacks WHERE api_key_id = {} AND delivered_at IS NULL AND given_up_at IS NULL"
_HINTS = "SELECT count(*) FROM calcom_webhooks WHERE next_at IS NOT NULL"
_ASKED_BY = "SELECT id FROM appointments WHERE api_key_id = {}"


def all_told(environment: "ChaosEnvironment") -> bool:
    """Return whether nothing waits for the receiver that answers, and no report of Cal.com's is still looked at."""
    telling = environment.telling
    if telling is None:
        return True
    return not _count(environment, _UNTOLD, telling.live.key_id) and not _count(environment, _HINTS)


def judged(environment: "ChaosEnvironment", ours: "Record", webhooks: "Webhooks") -> Iterator[str]:
    """Find what is wrong of callbacks and webhooks."""
    telling = environment.telling
    assert telling is not None
    asked = {one for (one,) in environment.sql(_ASKED_BY.format(telling.live.key_id))}
    rows = [row for row in ours.rows if row.id in asked]
    changes = [change for change in ours.changes if change.booking in asked]
    yield from judge.of_the_live(rows, changes, receiver.told(telling.live.journal), _kept(environment, telling))
    tried = _count(environment, _TRIED, telling.dead.key_id)
    yield from judge.of_the_dead(receiver.told(telling.dead.journal), tried)
    yield from judge.delayed(_lateness(environment, telling))
    if forged := receiver.forged(telling.live.journal):
        yield f"callbacks: {forged} were not signed with their key's secret"
    yield from judge.unfollowed(ours.rows, webhooks.cancelled)
    yield from webhooks.believed


def counted(environment: "ChaosEnvironment", webhooks: "Webhooks") -> dict[str, int]:
    """Count what was delivered and sent, for the report."""
    telling = environment.telling
    assert telling is not None
    told = receiver.told(telling.live.journal)
    return {
        "taken": len(told),
        "taken once more": len(told) - len({one.name for one in told}),
        "bookings told of": len({one.booking for one in told}),
        "tries at the dead receiver": _count(environment, _TRIED, telling.dead.key_id),
        "webhooks": webhooks.sent,
        "cancelled by hosts": len(webhooks.cancelled),
    }


def _kept(environment: "ChaosEnvironment", telling: "Telling") -> Kept:
    found = environment.sql(_KEPT.format(telling.live.key_id))
    return Kept(
        numbers={booking: number for booking, number, *_ in found},
        waiting=sum(waiting for _, _, waiting, _ in found),
        given_up=sum(given_up for *_, given_up in found),
    )


def _lateness(environment: "ChaosEnvironment", telling: "Telling") -> Lateness:
    def seconds(statement: str, *given: float) -> list[float]:
        found = environment.sql(statement.format(*given))
        return [math.inf if took is None else took for (took,) in found]

    live, dead = telling.live.key_id, telling.dead.key_id
    calm = None
    if (until := environment.part.calm_seconds - 2 * judge.IN_TIME) > 0:  # the last ones end before something is hurt
        settled, told = (f"{statement} AND {_FIRST}" for statement in (_SETTLED_AFTER, _TOLD_AFTER))
        calm = Calm(
            bookings=seconds(settled, live, until) + seconds(settled, dead, until), callbacks=seconds(told, live, until)
        )
    return Lateness(of_live=seconds(_SETTLED_AFTER, live), of_dead=seconds(_SETTLED_AFTER, dead), calm=calm)


def _count(environment: "ChaosEnvironment", statement: str, *given: int) -> int:
    [(number,)] = environment.sql(statement.format(*given))
    return int(number)
