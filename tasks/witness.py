"""Ask whether our key can list bookings of an event type: without that, absence proves nothing (docs/calcom.md).

It is asked when it is first needed, at a settled look that found nothing, so a healthy day costs no call; what was
once seen is remembered in Postgres for each key.
"""

from db import visibility
from db.appointments import Appointment
from tasks.calcom.look import Reads, listed_references, sees_type
from tasks.parts import Parts


def sees(parts: Parts, calls: Reads, row: Appointment) -> bool:
    """Return whether today's key has ever been seen to list a booking of the row's event type.

    Otherwise Cal.com is asked once; a call that fails proves nothing.
    """
    what = (parts.calcom.key_fingerprint, row.event_type)
    with parts.engine.begin() as conn:
        if visibility.proven(conn, *what):
            return True
    if not (_sees_ours(parts, calls, row) if is_of_a_team(row) else sees_type(calls, row)):
        return False
    with parts.engine.begin() as conn:
        visibility.prove(conn, *what)
    return True


def is_of_a_team(row: Appointment) -> bool:
    """Say whether the event type is a team's, by its slug: others may have one of that name, and lists tell no team."""
    return row.event_type_id is None and row.username is None


def _sees_ours(parts: Parts, calls: Reads, row: Appointment) -> bool:
    references = listed_references(calls)
    with parts.engine.connect() as conn:
        return visibility.ours(conn, references, row)
