"""Ask whether our key can list bookings of an event type: without that, absence proves nothing (docs/calcom.md).

It is asked when it is first needed, at a settled look that found nothing, so a healthy day costs no call; what was
once seen is remembered in Postgres for each key.
"""

from db import visibility
from db.appointments import Appointment
from tasks.calcom.look import Reads, sees_type
from tasks.parts import Parts


def sees(parts: Parts, calls: Reads, row: Appointment, *, listed: bool = False) -> bool:
    """Return whether today's key has ever been seen to list a booking of the row's event type.

    `listed` says that it just was. Otherwise Cal.com is asked once; a call that fails proves nothing.
    """
    what = (parts.calcom.key_fingerprint, row.event_type)
    with parts.engine.begin() as conn:
        if visibility.proven(conn, *what):
            return True
    if not (listed or sees_type(calls, row)):
        return False
    with parts.engine.begin() as conn:
        visibility.prove(conn, *what)
    return True
