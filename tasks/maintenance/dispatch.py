"""Publish what clients keep: their rows have no message yet, for a client asks neither broker nor breaker.

After that what they wish of bookings is decided, which a wish's own transaction does not do.
"""

from collections import Counter
from collections.abc import Callable

from booking_client.states import DEFAULT_ACCOUNT
from db import appointments
from db.appointments import Appointment, sweeps
from db.lifecycle import Status
from tasks.calcom.access import CREATE
from tasks.changes.ask.by_client import decide_wishes
from tasks.dependencies import Dependencies
from tasks.host.log import Logger
from tasks.work.publish import send

BATCH = 500

log = Logger(__name__)


def dispatch(deps: Dependencies, meanwhile: Callable[[], object] = lambda: None) -> int:
    """Send the messages of the bookings that clients have kept, and decide their wishes; return how many bookings.

    As enqueue_booking does: what the breaker blocks, what comes while others of its account wait, and what is more than
    the pace of its account's messages, is held at once. Any number of processes may run it at once. `meanwhile` is
    called after each BATCH: a bulk takes seconds.
    """
    count = 0
    while True:
        rows = _take_up(deps)
        count += len(rows)
        sent = send(deps, (row for row in rows if row.status is Status.PENDING))
        meanwhile()
        if not sent or len(rows) < BATCH:
            decide_wishes(deps, meanwhile)
            return count


def _take_up(deps: Dependencies) -> list[Appointment]:
    if not deps.callers.is_alone():
        return _take_up_of_accounts(deps)
    blocked = deps.breaker.view.begin_is_blocking(CREATE)
    with deps.autocommit.connect() as conn:
        accounts = [DEFAULT_ACCOUNT] if blocked() else []
        return appointments.requested(conn, BATCH, lead_seconds=deps.timings.lead, blocked=accounts)


def _take_up_of_accounts(deps: Dependencies) -> list[Appointment]:
    """Take up as many of each account as messages of it may go now; the others of this batch wait in its line."""
    with deps.autocommit.connect() as conn:
        wanted = sweeps.requested_of(conn, BATCH)
    callers = {one.pace.id: deps.callers.of(one.pace) for one in wanted}
    answers = {
        number: deps.at_service(caller.service).breaker.view.begin_admission(CREATE, caller, count)()
        for number, caller, count in ((one.pace.id, callers[one.pace.id], one.rows) for one in wanted)
    }
    admitted = {account: count for account, count in answers.items() if count is not None}
    blocked = [account for account, count in answers.items() if count is None]
    used = Counter[int]()
    try:
        with deps.autocommit.connect() as conn:
            rows = appointments.requested(
                conn, BATCH, lead_seconds=deps.timings.lead, blocked=blocked, admitted=admitted
            )  # fmt: skip
        used.update(row.account_id for row in rows if row.status is Status.PENDING)
        return rows
    finally:
        for account, count in admitted.items():
            if count > used[account]:  # others wait, so their line has it; another has these rows; Postgres failed
                caller = callers[account]
                deps.at_service(caller.service).breaker.view.give_back_messages(CREATE, caller, count - used[account])
