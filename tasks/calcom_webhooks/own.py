"""Look up the booking that a confirmed row names, and what may come of any lookup for a hint."""

from enum import StrEnum

from db import appointments
from db.appointments.appointment import Appointment
from tasks.dependencies import Dependencies
from tasks.guarded_calls.recheck import Occasion, Standing, still_booked

OCCASION = Occasion("Cal.com's webhook came", "sweeper", pause=1.0)


class LookOutcome(StrEnum):
    """What came of a look at one booking; of several the last one here counts."""

    STRANGER = "stranger"  # no booking of ours
    SAID = "said"  # its row says so already: no call
    CHANGED = "changed"  # its row says so now
    REPORTED = "reported"  # it lives at Cal.com although its row is cancelled or names another one: an alert
    UNCHANGED = "unchanged"  # Cal.com shows nothing new, or a call of ours is under way
    TOO_SOON = "too soon"  # a change of ours has just ended: Cal.com may show what was before it
    DENIED = "denied"  # the breaker, the limit or the account denies the call, or Cal.com shows no booking


def look_at_own(deps: Dependencies, row: Appointment) -> LookOutcome:
    """Look up the booking that a confirmed row names, and follow what Cal.com shows."""
    now = still_booked(deps, row.id, occasion=OCCASION)
    if now.standing is Standing.UNASKED:
        return LookOutcome.DENIED
    with deps.engine.connect() as conn:
        after = appointments.get(conn, row.id)
    return LookOutcome.CHANGED if after is None or _place(after) != _place(row) else LookOutcome.UNCHANGED


def _place(row: Appointment) -> tuple[object, ...]:
    return row.status, row.calcom_booking_uid, row.calcom_seat_uid, row.booked_start_at, bool(row.awaits_host)
