"""The paced release of several accounts of a service: in turn, the first of each one's line, then the second of each.

All processes take turns together: each goes on behind the account that any of them let go last. An account that has no
room by its own limit, or whose breaker is open, is passed over: it holds nobody else. Each service has turns, and a
window, of its own.
"""

import time
from collections.abc import Callable, Sequence
from itertools import zip_longest

from db.appointments import queue
from db.models.accounts import AccountPace
from db.queue import sweeps
from db.queue.items import ids_of, item_of
from db.queue.kinds import KINDS, Worked
from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.types import Reason, Recorded, Released, State
from tasks.accounts.recent import Recent
from tasks.calcom.access import CREATE, OF_KIND
from tasks.dependencies import Dependencies
from tasks.host.log import Logger
from tasks.maintenance.line import Line, changes_of, line_of
from tasks.work.publish import send

AHEAD = 16  # accounts, or items of a line, that are read beyond what there is room for
ROUNDS = 4  # then the next release goes on from there
LONGEST_REST = 5.0  # seconds: an account's obstacle may end earlier than it was said to
APART = 64  # changes of a kind that may go at once while the endpoint of bookings is sick
_KEPT = 10_000

log = Logger(__name__)


class ReleaseTurns:
    """Release in turn, from the account where any process stopped last; `clock` is monotonic, in seconds.

    While no process lets anything go, each goes on from where it stopped itself, past accounts that may not go now.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = 0
        self._turn: int | None = None
        self._rests_until: Recent[int, float] = Recent(_KEPT)

    def release(self, deps: Dependencies) -> int:
        """Release the first of the lines as far as there are places in the window; return how many.

        Those of the accounts of one service, whose breaker `deps` has.
        """
        if deps.breaker.service != deps.services.own.name and not _has_line(deps):
            return 0  # a service at rest keeps nothing in Redis, and a question would begin its breaker there
        view, count = deps.breaker.held_work.count_releasable(CREATE), 0
        probing = State.HALF_OPEN in (view.state, view.endpoint_state)
        places = view.places
        if view.turn is not None and view.turn != self._turn:
            self._last = self._turn = view.turn
        if view.others_go:
            for pace in self._in_line(deps, AHEAD):
                count += release_apart(deps, view, pace.id, deps.callers.of(pace))
        for _ in range(ROUNDS):
            if places <= 0 or not (paces := self._in_line(deps, places + AHEAD)):
                break
            granted, places, state = self._grant(deps, paces, places, probing=probing, bookings_only=view.others_go)
            count += let_go(deps, granted, state or view.state)
        return count

    def _in_line(self, deps: Dependencies, limit: int) -> list[AccountPace]:
        """Return the accounts whose turn it is, each once: those behind the last one, and then from the first on."""
        first, service = self._last, deps.breaker.service
        with deps.autocommit.connect() as conn:
            found = queue.in_line(conn, after=first, limit=limit, service=service)
            if first and len(found) < limit:
                more = queue.in_line(conn, after=0, limit=limit - len(found), service=service)
                found += [pace for pace in more if pace.id <= first]
        now = self._clock()
        if found:
            self._last = found[-1].id
        return [pace for pace in found if (self._rests_until.get(pace.id) or now) <= now]

    def _grant(
        self, deps: Dependencies, paces: Sequence[AccountPace], places: int, *, probing: bool, bookings_only: bool
    ) -> tuple[list[str], int, State | None]:
        """Ask the breaker for the first of each account's line; return what is granted, and the places left."""
        callers = {pace.id: deps.callers.of(pace) for pace in paces}
        share = 1 if probing else -(-(places + AHEAD) // len(callers))
        with deps.autocommit.connect() as conn:
            line = line_of(conn, list(callers), share, postable=probing, bookings_only=bookings_only)
            if probing and not any(line.values()):
                line = line_of(conn, list(callers), share, postable=False, bookings_only=bookings_only)
        granted: list[str] = []
        state: State | None = None
        dealt = deal(line, places)
        spare = {account: items[:1] for account, items in line.items() if items and account not in dealt}
        # The accounts that have one more than others come last: the next turn is that of the first one after them.
        fewest_first = sorted(dealt.items(), key=lambda one: len(one[1]))
        for account, items in [*fewest_first, *spare.items()]:
            if places <= 0:
                break
            released = deps.breaker.held_work.release(CREATE, items[:places], account=callers[account])
            granted += released.items
            places, state = released.places, released.state
            self._last = account
            self._turn = account if released.items else self._turn
            if not released.items and released.others_go:  # the account's own breaker for bookings is not closed
                release_apart(deps, released, account, callers[account])
            self._rest(account, released)
        return granted, places, state

    def _rest(self, account: int, released: Released) -> None:
        if released.reason not in (None, Reason.IN_FLIGHT):
            wait = LONGEST_REST if released.retry_after is None else min(released.retry_after, LONGEST_REST)
            self._rests_until[account] = self._clock() + wait


def _has_line(deps: Dependencies) -> bool:
    with deps.autocommit.connect() as conn:
        return bool(queue.in_line(conn, after=0, limit=1, service=deps.breaker.service))


def deal(line: Line, most: int) -> Line:
    """Return what has its turn, `most` of them: the first of each account, then the second of each."""
    dealt: Line = {}
    for turn in zip_longest(*line.values()):
        for account, item in zip(line, turn, strict=True):
            if item is not None and most > 0:
                dealt.setdefault(account, []).append(item)
                most -= 1
    return dealt


def release_apart(
    deps: Dependencies, bookings: Recorded | Released, account: int, caller: CallingAccount | None = None
) -> int:
    """Release an account's changes by their own endpoints while only the one of `bookings` is sick; return how many.

    Cancels and moves have a window each then. `caller`: the account for the breaker; None: account 1, alone.
    """
    count = 0
    for kind, endpoint in OF_KIND.items() if bookings.others_go else ():
        with deps.autocommit.connect() as conn:
            waiting = changes_of(conn, account, kind, APART)
        if waiting:
            released = deps.breaker.held_work.release(endpoint, waiting, account=caller, apart=True)
            count += let_go(deps, released.items, released.state, endpoint)
        if count and bookings.state is State.HALF_OPEN:
            break  # one call is the probe
    return count


def let_go(deps: Dependencies, granted: Sequence[str], state: State, endpoint: str = CREATE) -> int:
    """Send what the breaker has given places in the window, bookings and changes; return how many places that were.

    `endpoint`: whose window that is.
    """
    if not granted:
        return 0
    released_items: set[str] = set()
    try:
        with deps.engine.begin() as conn:
            rows: list[Worked] = [
                row for kind in KINDS for row in sweeps.release_these(conn, kind, ids_of(kind, granted))
            ]
        released_items = {item_of(row) for row in rows}
    finally:  # give back the places of rows that have moved on, or of all if Postgres failed
        for item in set(granted) - released_items:
            deps.breaker.held_work.give_back(endpoint, item, apart=endpoint != CREATE)
    rows.sort(key=lambda row: row.line_at)
    send(deps, rows, released=True)
    log.info("released", count=len(rows), state=state.value)
    return len(granted)
