"""Recovery from a refused key, a wrong configuration or a 429 of hours: one harmless call tests whether that is over.

Nothing else would try the held bookings again. The call's outcome lifts the block or keeps it for the fleet; then
held bookings are released by the breaker's state (`tasks.maintenance.release`).
"""

import threading
from collections.abc import Iterator
from contextlib import suppress

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.appointments import queue
from db.queue import waits
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.dependencies import Dependencies
from tasks.guarded_calls.trials import is_well
from tasks.host.application import app
from tasks.host.periodic import PeriodicTask
from tasks.maintenance.missing_types import look_for_type
from tasks.maintenance.release import ACCOUNTS, release_caused, release_first
from tasks.work.decisions import TRY_AGAIN
from tasks.work.publish import call_later

ASK_AGAIN = "tasks.maintenance.recovery.ask_again"

_asking = threading.Lock()
_last = {"held": 0, "in_line": 0}  # where this process stopped: the next run goes on behind these accounts


@app.task(base=PeriodicTask, name=ASK_AGAIN)
def ask_again() -> int:
    """If a booking waits for Cal.com's answer and the breaker permits, ask Cal.com; return how many were released.

    The breaker grants the call once a minute in the whole fleet; of several accounts once for each, and less often the
    longer its key is refused. So any number of processes may run this.
    """
    if not _asking.acquire(blocking=False):
        return 0
    try:
        deps = dependencies.current()
        return sum(_recover(own) + look_for_type(own) for own in (deps, *_others(deps)))
    finally:
        _asking.release()


def ask_at_once(deps: Dependencies) -> None:
    """Run `ask_again` now instead of at the next tick; if the message is lost, the tick runs it."""
    call_later(deps, ASK_AGAIN, "maintenance", countdown=0)


def _others(deps: Dependencies) -> Iterator[Dependencies]:
    """Yield what works for the next accounts that have something waiting: ten that a cause holds, ten in line."""
    if deps.callers.is_alone():
        return
    with deps.autocommit.connect() as conn:
        held, _last["held"] = accounts.held(conn, after=_last["held"], limit=ACCOUNTS)
        in_line = [pace.id for pace in queue.in_line(conn, after=_last["in_line"], limit=ACCOUNTS)]
    _last["in_line"] = in_line[-1] if len(in_line) == ACCOUNTS else 0
    for number in sorted({*held, *in_line} - {DEFAULT_ACCOUNT}):
        with suppress(NoAccess):
            yield deps.for_account(number)


def _recover(deps: Dependencies) -> int:
    calcom, seen = deps.calcom, deps.breaker.view.status(account=deps.caller)
    refused = not seen.shared or calcom.key_fingerprint in seen.blocked_keys
    wrong = not seen.shared or calcom.settings_fingerprint in seen.wrong_settings
    paged = not seen.shared or calcom.settings_fingerprint in seen.paged_settings
    if not (refused or wrong or paged or seen.throttled_for):
        return 0
    with deps.engine.connect() as conn:
        held = waits.waiting_for_a_call(
            conn, key=calcom.key_fingerprint, settings=calcom.settings_fingerprint, fresh_seconds=TRY_AGAIN,
            account=deps.caller.id,
        )  # fmt: skip
        # A block also holds the bookings in the line, under another hold reason; without Redis no block is known.
        queued = seen.shared and waits.backlog_reason(conn, deps.caller.id) is not None
    is_due = (
        (refused and held.credentials)
        or ((refused or wrong or seen.throttled_for) and queued)
        or ((wrong or paged) and held.configuration)
    )
    if not is_due or not is_well(deps):
        return 0
    if seen.shared:  # the breaker does the rest: what the key held is released now, all else once a POST succeeded
        return release_first(deps)
    return release_caused(deps, key_works=True, settings_work=True)
