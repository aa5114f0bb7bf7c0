"""What a health check observes of the front door: callbacks that were given up, and webhooks that do not come."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from db.monitoring import front_door
from db.monitoring.incidents import IncidentKind
from tasks.incidents.observations import Known
from tasks.incidents.rules import Observation
from tasks.words import clock, plural

GRACE = timedelta(minutes=10)  # after a booking: Cal.com sends its webhook within the call, or seconds after it
_FEW = 5  # accounts, or keys, that an alert names


def observe_callbacks(conn: Connection) -> Iterator[Observation]:
    """Observe callbacks that were given up, or that no worker takes, and addresses that a 410 has ended.

    A pruned booking takes its own callbacks with it.
    """
    troubles = front_door.callback_troubles(conn)
    left, off, found = troubles.not_taken, troubles.keys_off, troubles.given_up
    if left.since is not None:
        more = " or more" if left.count >= front_door.CAP else ""
        facts = {"count": left.count, "number": f"{left.count:,}{more}", "oldest": clock(left.since)}
        yield Observation(IncidentKind.CALLBACKS_NOT_SENT, count=left.count, facts=facts)
    if off:
        yield Observation(
            IncidentKind.CALLBACKS_OFF,
            count=len(off),
            facts={"count": len(off), "number": plural(len(off), "key"), "keys": _first(off), "key": off[0]},
        )
    if found.count:
        more = " or more" if found.count >= front_door.CAP else ""
        facts = {
            "count": found.count,
            "number": f"{found.count:,}{more}",
            "first_id": str(found.bookings[0]),
            "ids": found.bookings,
        }
        yield Observation(IncidentKind.CALLBACKS_GIVEN_UP, count=found.count, facts=facts, each=found.callbacks)


def observe_webhooks(conn: Connection, known: Known) -> Iterator[Observation]:
    """Observe the accounts whose webhook was silent for a day in which bookings were made.

    An account of the open incident stays in it without a booking, until a webhook of it comes or its webhook is ordered
    again or removed: a day without bookings is no sign that it works.
    """
    incident = known.get((IncidentKind.WEBHOOKS_SILENT, None))
    before = incident.detail.get("account_ids", []) if incident else []
    silent = front_door.silent_webhooks(conn, known=before, grace=GRACE)
    if silent:
        facts = {
            "count": len(silent),
            "accounts": _first([one.name for one in silent]),
            "account": silent[0].name,
            "account_ids": [one.id for one in silent],
        }
        yield Observation(IncidentKind.WEBHOOKS_SILENT, count=len(silent), facts=facts)


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW:,} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more
