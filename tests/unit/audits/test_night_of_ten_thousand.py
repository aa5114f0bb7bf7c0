"""The audit of a night with ten thousand accounts, by the product's own turns and pace, on a clock that is simulated.

The threads, the turn before each call, its pause and its pace are the product's. PostgreSQL, Redis and Cal.com are
stood in for: each answers at once, but Cal.com takes a moment. So a night takes seconds.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from heapq import heappop, heappush
from itertools import chain, cycle, islice, pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from db.audits.nights import NightlyAudit
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import Permit, State
from tasks.audit import calls, nightly
from tasks.audit.calls import NightlyCalls
from tasks.audit.nightly import audit_night
from tasks.calcom.http.answer import Answer
from tasks.dependencies import Timings
from tests.sizes import Counted, sizes

CALL = 0.5  # seconds that Cal.com takes to answer
PACE = 6.0  # seconds between two calls of an account: a tenth of the default limit of 100 calls a minute
LANES = 16  # accounts at a time, as docs/audit.md says
NIGHT = 8 * 3600.0  # seconds from AUDIT_HOUR on, for 10,000 accounts
HIDDEN = 100  # calls of an account whose key lists none of its bookings: each is asked for
OF_A_HUNDRED = (*[3] * 90, *[8] * 9, HIDDEN)
"""The calls of an account: its list, what two changes or findings ask; some with more; one whose key lists nothing."""


class Clock:
    """Time that goes on to the next waking when all threads that have an account wait."""

    def __init__(self, accounts: int) -> None:
        self.now = 0.0
        self._left = accounts
        self._asleep: list[tuple[float, int, threading.Event]] = []
        self._numbers = iter(range(10_000_000))
        self._lock = threading.Lock()

    def wait(self, seconds: float) -> None:
        """Sleep until then."""
        woken = threading.Event()
        with self._lock:
            heappush(self._asleep, (self.now + seconds, next(self._numbers), woken))
            self._go_on()
        assert woken.wait(60), "fewer accounts are under way than may be"

    def end(self) -> None:
        """Count an account as done."""
        with self._lock:
            self._left -= 1
            self._go_on()

    def _go_on(self) -> None:
        if self._asleep and len(self._asleep) >= min(nightly.AT_ONCE, self._left):
            self.now, _, woken = heappop(self._asleep)
            woken.set()


class World:
    """Stand in for what the audit of a night asks, and note when each account's calls were sent."""

    def __init__(self, calls_of: Sequence[int]) -> None:
        self.calls_of = dict(enumerate(calls_of, 2))
        self.clock = Clock(len(calls_of))
        self.sent: defaultdict[int, list[float]] = defaultdict(list)
        self.flying = self.most_flying = 0
        self.ended: list[Any] = []

    def deps(self, account: int = 1) -> Any:
        """Give the dependencies of an account."""
        healthy = SimpleNamespace(shared=True, state=State.CLOSED, blocked_keys=(), wrong_settings=(), limit_told=None)
        permit = Permit("bookings.list", "", "", 0, 0, 0, 0, State.CLOSED)
        breaker = SimpleNamespace(
            settings=BreakerSettings(),
            view=SimpleNamespace(status=lambda **_: healthy),
            acquire=lambda *_, **__: permit,
            record=lambda *_, **__: None,
        )
        return SimpleNamespace(
            engine=SimpleNamespace(begin=self._begin, connect=self._begin),
            calcom=SimpleNamespace(key_fingerprint="", settings_fingerprint="", get=lambda _: self._answer(account)),
            caller=SimpleNamespace(rate_limit=None),
            callers=SimpleNamespace(is_alone=lambda: False),
            breaker=breaker,
            for_account=self.deps,
            timings=Timings(),
            database_calls=SimpleNamespace(flush_if_due=lambda: None),
        )

    def ask(self, asking: NightlyCalls) -> Any:
        """Make the calls of an account, as its first look, its hidden bookings and its findings would."""
        for _ in range(self.calls_of[asking.account]):
            asking.list_bookings({})
        self.clock.end()
        return SimpleNamespace(seen=SimpleNamespace(findings=[]), hidden=[], orphans=[])

    def _begin(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _answer(self, account: int) -> Answer:
        self.sent[account].append(self.clock.now)
        self.flying += 1  # one thread at a time runs, so that counting needs no lock
        self.most_flying = max(self.most_flying, self.flying)
        self.clock.wait(CALL)
        self.flying -= 1
        return Answer(200, {}, b'{"status":"success","data":[]}', CALL)


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[int]], World]:
    """Audit a night in which accounts need so many calls."""

    def audit(calls_of: Sequence[int]) -> World:
        world = World(calls_of)
        monkeypatch.setattr(nightly.bookings, "accounts_between", lambda *_, **__: list(world.calls_of))
        monkeypatch.setattr(nightly, "first_look", lambda asking, *_, **__: world.ask(asking))
        monkeypatch.setattr(nightly, "of_days", lambda *_, **__: [])
        monkeypatch.setattr(nightly.restored, "references", lambda _: frozenset())
        monkeypatch.setattr(nightly.nights, "end", lambda *given: world.ended.append(given[2:]))
        monkeypatch.setattr(calls.nights, "renew", lambda *_, **__: True)
        monkeypatch.setattr(calls.waits, "backlog_reason", lambda *_: None)
        night = NightlyAudit(date(2030, 3, 2), UUID(int=1), 0, frozenset(), {})
        begun = NightlyCalls(world.deps(), night, pause=world.clock.wait, clock=lambda: world.clock.now)
        audit_night(begun, night)
        return world

    return audit


def takes(number: int) -> float:
    """Return the seconds that one account with so many calls takes by itself."""
    return (number - 1) * PACE + CALL


def needed(world: World) -> Iterator[float]:
    """Yield the seconds that each account takes by itself."""
    return map(takes, world.calls_of.values())


@pytest.mark.parametrize("each", [(8,), OF_A_HUNDRED], ids=["eight-calls-each", "of-all-kinds"])
@sizes(300, many=10_000)
def test_ten_thousand_accounts_end_in_a_night(
    size: int, each: tuple[int, ...], audited: Callable[[Sequence[int]], World], counted: Counted
) -> None:
    """Sixteen are always under way until none is left, and no account's calls are nearer than its own pace."""
    world = audited(list(islice(cycle(each), size)))

    took, alone = world.clock.now, sum(needed(world))
    counted("calls", sum(map(len, world.sent.values())))
    counted("minutes", round(took / 60))
    assert world.ended == [({}, None)]
    assert {one: len(sent) for one, sent in world.sent.items()} == world.calls_of
    gaps = chain.from_iterable(pairwise(sent) for sent in world.sent.values())
    assert min(round(later - earlier, 6) for earlier, later in gaps) == PACE
    assert world.most_flying <= LANES
    assert alone / LANES <= took <= alone / LANES + max(needed(world))
    assert took <= NIGHT * size / 10_000 + takes(HIDDEN)
