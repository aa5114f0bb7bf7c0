"""Look for event types that Cal.com no longer has, until Cal.com has each of them again.

Their bookings are held (`BookingDecisions.no_event_type`), and nothing else would ever try them again.
"""

from booking_client import correlation
from db.appointments import sweeps
from tasks.accounts.door import NoAccess
from tasks.calcom.failures import read_content
from tasks.calcom.reply import Reply
from tasks.calcom.slots import slots_of
from tasks.dependencies import Dependencies
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.host.log import Logger
from tasks.maintenance.release import release_of_type

log = Logger(__name__)


def look_for_type(deps: Dependencies) -> int:
    """Look for a missing event type of an account; if Cal.com has it, release what waits for it; return how many.

    The fleet looks for a type at most once a minute, and each run for one type only: a thousand missing types (the URL
    leads to another Cal.com) must not use up the limit. The run reads the type's slots: Cal.com shows them to every
    key, by number or by slug.
    """
    calcom = deps.calcom
    with deps.engine.begin() as conn:
        missing = sweeps.missing_type(
            conn, key=calcom.key_fingerprint, settings=calcom.settings_fingerprint, account=deps.caller.id
        )
    if missing is None:
        return 0
    try:
        own = deps.for_account(missing.row.account_id)
        shown = read_content(GuardedCalls(own, correlation.new()).slots(slots_of(missing.row)))
    except (NotNow, NoAccess):  # the breaker is open, or the limit is reached: try again a minute later
        return 0
    there = not isinstance(shown, Reply)
    log.info("event_type_looked_for", event_type_id=missing.row.event_type_id, there=there)
    return release_of_type(deps, missing) if there else 0
