"""The release of held bookings: those whose time or cause is over, and those of the line, in order and at a pace.

Whether a cause is over is read from the breaker's state and our own settings, because an event could be missed.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from booking_client.states import DEFAULT_ACCOUNT
from db import accounts
from db.appointments import sweeps as bookings
from db.appointments.appointment import Appointment
from db.appointments.sweeps import MissingType
from db.changes.change import BookingChange
from db.queue import sweeps, waits
from db.queue.kinds import BOOKINGS, CHANGES
from resilience.circuit_breaker.types import Recorded, Released, State
from tasks import dependencies
from tasks.accounts.door import NoAccess
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.maintenance.line import first_line
from tasks.maintenance.turns import AHEAD, ReleaseTurns, let_go, release_apart
from tasks.work.publish import call_later, send

BATCH = 500
ROUNDS = 4
ACCOUNTS, OF_EACH = 10, 16  # of other accounts: how many in a run, and what a cause lets go of each
RELEASE = "tasks.maintenance.release.release_held"

log = Logger(__name__)
_last_account = 0  # where this process stopped: the next run goes on behind it


class PacedRelease:
    """The paced release of one service in this process: one thread releases for all of its threads."""

    def __init__(self) -> None:
        self.running = threading.Lock()
        self.wanted = threading.Event()
        self.turns = ReleaseTurns()


_paced: defaultdict[str, PacedRelease] = defaultdict(PacedRelease)


@app.task(base=PeriodicTask, name=RELEASE)
def release_held() -> int:
    """Release the holds that may end now; return how many. Any number of processes may run it at once."""
    deps = dependencies.current()
    deps.database_calls.flush_if_due()
    caused = _release_due(deps) + _release_of_accounts(deps)
    return caused + sum(release_paced(own) for own in _of_each_service(deps))


def _of_each_service(deps: Dependencies) -> Iterator[Dependencies]:
    return (deps.at_service(one.name) for one in deps.services.known())


def release_paced(deps: Dependencies, recorded: Recorded | None = None) -> int:
    """Release bookings that wait for the breaker or the limit, in the order of the line, as far as the window allows.

    Those of one service, whose breaker `deps` has; nobody waits for the window of another one. In half-open one booking
    goes; then a window, which doubles while calls succeed. One thread of a process releases for all of its threads: the
    more there is to do, the more goes in one step. `recorded` is the breaker's answer to the caller's last call, with
    the room in the window; else the breaker is asked. Returns how many were released.
    """
    count, paced = 0, _paced[deps.breaker.service]
    paced.wanted.set()
    for _ in range(ROUNDS):  # then the next thread that ends a call continues: no task may stay here for ever
        if not paced.wanted.is_set() or not paced.running.acquire(blocking=False):
            break
        try:
            paced.wanted.clear()
            count += _release(deps, recorded, paced.turns)
        finally:
            paced.running.release()
        recorded = None
    return count


def release_when_open_ends(deps: Dependencies) -> None:
    """Schedule the release for the moment at which OPEN ends; beat alone would be up to a second late."""
    wait = deps.breaker.held_work.count_releasable(CREATE).retry_after
    if wait is not None:
        call_later(deps, RELEASE, "maintenance", countdown=wait)


def _release(deps: Dependencies, recorded: Recorded | None, turns: ReleaseTurns) -> int:
    if not deps.callers.is_alone():
        return turns.release(deps)
    breaker, count = deps.breaker, 0
    view: Recorded | Released = (
        recorded if recorded and recorded.room > 0 else breaker.held_work.count_releasable(CREATE)
    )
    while view.room > 0:
        sent, view = _release_some(deps, view)
        if not sent:
            break
        count += sent
    return count + release_apart(deps, view, DEFAULT_ACCOUNT)


def _release_some(deps: Dependencies, view: Recorded | Released) -> tuple[int, Released]:
    """Release the first bookings of the line that the window has room for; return how many, and the room after that."""
    breaker, apart = deps.breaker, view.others_go
    probing = State.HALF_OPEN in (view.state, view.endpoint_state)
    with deps.engine.begin() as conn:
        # These are a few more than there is room for: another process may be releasing the first of them.
        waiting = first_line(conn, min(view.room + AHEAD, BATCH), postable=probing, bookings_only=apart)
        if probing and not waiting:
            waiting = first_line(conn, 1, postable=False, bookings_only=apart)
    released = breaker.held_work.release(CREATE, waiting)
    return let_go(deps, released.items, released.state), released


def _release_due(deps: Dependencies) -> int:
    calcom, seen = deps.calcom, deps.breaker.view.status(account=deps.caller)
    blocked = {*seen.wrong_settings, *seen.paged_settings}
    create = seen.endpoints.get(CREATE, seen.breaker)
    own = seen.account_endpoints.get(CREATE, create)
    return release_caused(  # without the shared breaker no cause is over: this process does not know the others' calls
        deps,
        key_works=seen.shared and calcom.key_fingerprint not in seen.blocked_keys,
        settings_work=seen.shared and calcom.settings_fingerprint not in blocked,
        closed=seen.shared and seen.breaker.state is create.state is own.state is State.CLOSED,
    )


def _release_of_accounts(deps: Dependencies) -> int:
    """Release what the causes of other accounts held and let go now, ten accounts in a run; return how many."""
    global _last_account  # noqa: PLW0603 - one for each process: any process may begin anywhere
    if deps.callers.is_alone():
        return 0
    with deps.autocommit.connect() as conn:
        found = accounts.held(conn, after=_last_account, limit=ACCOUNTS)
    _last_account = found.last
    return sum(_release_of_account(deps, number) for number in found.numbers)


def _release_of_account(deps: Dependencies, number: int) -> int:
    try:
        return _release_due(deps.for_account(number))
    except NoAccess:
        return 0


def release_caused(deps: Dependencies, *, key_works: bool, settings_work: bool, closed: bool = False) -> int:
    """Release what an account has held and whose time has come or whose cause is over; return how many.

    At most 16 at once of one of several accounts, half of them changes if so many wait: what one key has held must not
    lie before the messages of others.
    """
    calcom, alone = deps.calcom, deps.caller.id == DEFAULT_ACCOUNT and deps.callers.is_alone()
    cause: dict[str, Any] = {
        "account": deps.caller.id,
        "key": calcom.key_fingerprint,
        "settings": calcom.settings_fingerprint,
        "key_works": key_works,
        "settings_work": settings_work,
    }
    with deps.engine.begin() as conn:
        changed = sweeps.release_due(conn, CHANGES, **cause, closed=closed, limit=BATCH if alone else OF_EACH // 2)
        left = BATCH if alone else OF_EACH - len(changed)
        booked = sweeps.release_due(conn, BOOKINGS, **cause, closed=closed, limit=left)
    return _sent(deps, [*booked, *changed])


def release_first(deps: Dependencies) -> int:
    """Release the one row that goes first when Cal.com's API answers again; return how many (0 or 1)."""
    with deps.engine.begin() as conn:
        first = waits.first_to_try(conn, settings=deps.calcom.settings_fingerprint, account=deps.caller.id)
        rows = [] if first is None else sweeps.release_these(conn, first.kind, [first.id])
    return _sent(deps, rows)


def release_of_type(deps: Dependencies, missing: MissingType) -> int:
    """Release the bookings that wait for an event type that Cal.com has again; return how many."""
    count = 0
    while True:
        with deps.engine.begin() as conn:
            waiting = bookings.of_missing_type(conn, missing, settings=deps.calcom.settings_fingerprint, limit=BATCH)
            rows = sweeps.release_these(conn, BOOKINGS, waiting)
        count += _sent(deps, rows)
        if len(waiting) < BATCH or not rows:
            return count


def _sent(deps: Dependencies, rows: Sequence[Appointment | BookingChange]) -> int:
    if rows:
        send(deps, rows, held=True)
        log.info("released", count=len(rows))
    return len(rows)
