"""Long random walks through all that can be done with a breaker, the likely steps more often."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from redis import Redis

from resilience.breaker_settings import BreakerSettings, Limits
from resilience.permit import CallOutcome, Order, OrderKind
from resilience.wire import Report
from tests.breaker_model.pair import CREATE, ENDPOINTS, LIST, Pair, Permit
from tests.breaker_model.scope import Caller

KEYS, CONFIGURATIONS = ("key-a", "key-b"), ("here", "there")
ITEMS = ("1", "2", "3", "4", "5", "6")
JUMPS = (0, 1, 1, 7, 50, 149, 250, 300, 499, 999, 1500, 72_000, 300_000, -40, -600_000, -9_000_000)
_SMALL = {
    "window": 1.0, "open_for": 0.5, "open_max": 1.5, "permit_lease": 0.3, "rate_window": 1.2, "release_max": 3,
    "trial_every": 0.4, "count_window": 0.05,
}  # fmt: skip
CLIENTS: tuple[Limits, ...] = tuple(
    BreakerSettings(**{**_SMALL, "threshold": threshold, "open_growth": growth, "rate_limit": rate, **more}).limits  # type: ignore[arg-type]
    for threshold, growth, rate, more in (
        (3, 2.0, 40, {"rate_burst": 8}),
        (3, 2.0, 0, {"release_max": 5}),
        (1001, 1.0, 40, {"rate_burst": 8, "rate_window": 60.0}),
        (1000, 1.0, 40, {"rate_burst": 2, "release_max": 1}),
        (2, 1.5, 6, {"rate_burst": 3, "trial_every": 0.2}),
    )
)  # fmt: skip
"""Clients of one breaker; most steps are the first one's."""
OUTCOMES = tuple(CallOutcome)
GOOD, GONE, BAD = CallOutcome.SUCCESS, CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT
ERRORS = ("none", "timeout", "http_500", "throttled")


def walk(client: Redis, read: Callable[[str], str], *, seed: int, steps: int) -> None:
    """Take so many steps; `read` gives the text of a script.

    Raises:
        AssertionError: A script and the rules disagreed.
        ResponseError: A script broke.
    """
    Walk(Pair(client, read), random.Random(seed)).go(steps)  # noqa: S311 - the same walk every time


class Walk:
    """Choose steps at random."""

    def __init__(self, pair: Pair, rng: random.Random) -> None:
        self.pair = pair
        self.rng = rng
        self.orders = 0
        self.pair.forget(self.caller(), everything=True)
        self.begin()

    def go(self, steps: int) -> None:
        """Take so many."""
        doings: dict[Callable[[], object], int] = {
            self.wait: 14,
            self.acquire: 24,
            self.record: 28,
            self.release: 8,
            self.speak: 5,
            self.is_open: 4,
            self.give_back: 4,
            self.order: 4,
            self.calm: 5,
            self.ramp: 6,
            self.trip: 5,
            self.burst: 3,
            self.tell: 6,
            self.lift: 5,
            self.count: 3,
            self.begin: 2,
            self.forget: 2,
            self.pair.forget_limit: 2,
            self.look: 2,
        }
        for do in self.rng.choices(list(doings), list(doings.values()), k=steps):
            do()

    # The steps, one by one.

    def caller(self, client: int | None = None, endpoint: str = "") -> Caller:
        """Choose who takes the next step."""
        which = self.rng.choice((0,) * 12 + tuple(range(len(CLIENTS)))) if client is None else client
        key, configuration = (
            self.rng.choice(KEYS[:1] * 4 + KEYS),
            self.rng.choice(CONFIGURATIONS[:1] * 4 + CONFIGURATIONS),
        )
        endpoint = endpoint or self.rng.choice((CREATE, CREATE, LIST))
        return Caller(endpoint, key, configuration, CLIENTS[which], self.pair.now)

    def wait(self) -> None:
        """Let time go by: some, or until just before, at, or just after something changes."""
        ahead = sorted({moment for moment in self.pair.moments() if moment > self.pair.now})
        if ahead and self.rng.random() < 0.8:
            self.pair.now = self.rng.choice(ahead[:3]) + self.rng.choice((-1, 0, 1))
        else:
            self.pair.now += self.rng.choice(JUMPS)

    def acquire(self) -> Permit | None:
        """Ask for a call."""
        probe_ok, trial = self.rng.random() < 0.7, self.rng.random() < 0.15
        item = self.rng.choice((*ITEMS, *("",) * 12))
        return self.pair.acquire(self.caller(), item=item, probe_ok=probe_ok, trial=trial)

    def record(self) -> None:
        """Report a call: the newest permits first, old ones and ones reported before now and then."""
        if self.pair.permits:
            permit = self.rng.choice((self.pair.permits[-1],) * 3 + tuple(self.pair.permits))
            self.pair.record(self.caller(), permit, self.report())

    def report(self, outcome: CallOutcome | None = None) -> Report:
        """Choose what came of a call, and what its answer told."""
        pick = self.rng.choice
        told = (
            (0, 0, 0) if self.rng.random() < 0.5 else (pick((1, 2, 5, 20, 60)), pick((0, 1, 4, 30, 59)), self.reset())
        )
        return Report(
            outcome or pick((GOOD, GOOD, GOOD, GONE, GONE, BAD, BAD, *OUTCOMES)),
            reason=pick(("timeout", "http_503")), retry_after=pick((0, 0, 400, 700, 5000, 9_000_000)),
            stretch=pick((1, 1.25)), context=pick(("", '{"a":1}')), error=pick(("", *ERRORS)),
            severity=pick((0, 1, 2, 3)), took=pick((0, 40, 60)),
            limit=told[0], left=told[1], reset=told[2],
        )  # fmt: skip

    def reset(self) -> int:
        """Choose how long the told window still lasts: near the end we believe in, or anything."""
        near = self.pair.rules.limit.ends - self.pair.now + self.rng.choice((-40, -36, -31, -6, 0, 24, 25, 30, 37))
        return max(0, self.rng.choice((near, near, near, 0, 18, 24, 25, 300, 1150)))

    def release(self) -> list[str]:
        """Ask which held items may go."""
        return self.pair.release(self.caller(endpoint=CREATE), self.rng.sample(ITEMS, self.rng.randrange(6)))

    def speak(self) -> None:
        """Report without a permit: of the service, of an endpoint, or a call that may hold the place."""
        owner = self.rng.choice(("", "", "", *(permit.owner for permit in self.pair.permits[-2:])))
        report = self.report(self.rng.choice((GOOD, GONE, BAD, CallOutcome.IGNORED)))
        self.pair.speak(self.caller(), report._replace(owner=owner, endpoint_epoch=self.rng.choice((0, -1)), limit=0))

    def is_open(self) -> None:
        """Ask as the sign-off does."""
        self.pair.is_open(self.caller(), alone=self.rng.random() < 0.4)

    def give_back(self) -> None:
        """End a released item without a call."""
        self.pair.give_back(self.caller(), self.rng.choice(ITEMS))

    def order(self) -> None:
        """Give an operator's order."""
        self.pair.order(self.caller(), self.some_order())

    def some_order(self, kind: OrderKind | None = None) -> Order:
        """Choose an order; some are numbered, some of these come again."""
        self.orders += self.rng.random() < 0.4
        number = self.rng.choice((0, 0, self.orders, self.orders, max(0, self.orders - 1)))
        ends = self.rng.choice((None, datetime.fromtimestamp((self.pair.now + 600) / 1000, tz=UTC)))
        return Order(kind or self.rng.choice(tuple(OrderKind)), "op", "why", ends, number, self.rng.choice(KEYS))

    def begin(self) -> None:
        """Begin, or correct a beginning."""
        now, born = self.pair.now, self.pair.rules.born
        scopes = [
            ("", self.rng.choice(("open", "half_open", "off")), now + 400, 2),
            (LIST, "half_open", 0, 1),
            (CREATE, "open", now + 200, 1),
        ]
        scopes = self.rng.sample(scopes, self.rng.choice((0, 0, 1, 2, 3)))
        seen = self.rng.choice((0, now - 5000, now, self.pair.rules.seeded, self.pair.rules.seeded + 1, born))
        orders = [self.some_order() for _ in range(self.rng.choice((0, 0, 1, 3)))]
        self.pair.begin(self.caller(), seen, scopes, orders)

    def forget(self) -> None:
        """Let the server forget."""
        self.pair.forget(self.caller(), everything=self.rng.random() < 0.7)
        if self.rng.random() < 0.3:
            self.count()
        for _ in range(self.rng.choice((1, 1, 3))):  # several processes notice
            self.begin()

    def look(self) -> None:
        """Look at everything."""
        self.pair.look(self.caller())

    def count(self) -> None:
        """Count calls that no breaker guards, and read what is counted."""
        at, pick, flag = self.caller(), self.rng.choice, self.rng.random() < 0.5
        line = lambda: (pick(ENDPOINTS), pick(ERRORS), pick((0, 1, 2, 3)), pick((1, 3)), pick((9, 90)), pick((0, 60)))  # noqa: E731
        self.pair.count(at, [line() for _ in range(self.rng.randrange(3))], pick(("", '{"b":2}')))
        match self.rng.randrange(3):
            case 0:
                end = at.now - at.now % at.limits.size
                self.pair.read_counts(at, pick((end, end, end - 1, end + 1, end - 1000)), anew=flag)
            case 1:
                self.pair.doubt(at, seconds=flag)

    # Several steps that belong together, or nobody would ever see an outage through.

    def calm(self) -> None:
        """Let an operator end whatever it was, and the limit recover."""
        self.pair.order(self.caller(), Order(OrderKind.RESET, "op", "why"))
        self.pair.now += self.rng.choice((0, 1300, 72_000))
        self.acquire()

    def trip(self) -> None:
        """Fail until something opens, wait until it is over, and probe."""
        endpoint, outcome = self.rng.choice(ENDPOINTS), self.rng.choice((GONE, GONE, BAD))
        for _ in range(self.rng.randrange(2, 5)):
            permit = self.pair.acquire(self.caller(0, endpoint))
            if permit:
                self.pair.record(self.caller(0), permit, self.report(outcome)._replace(limit=0))
            self.pair.now += self.rng.choice((0, 0, 1, 499, 500, 501))
        self.pair.acquire(self.caller(0, endpoint))
        if self.rng.random() < 0.6:
            self.wait()
            first, second = self.rng.choices((self.acquire, self.acquire, self.is_open), k=2)
            first()
            second()
            self.acquire()
            self.record()

    def ramp(self) -> None:
        """Release what may go, send it, and report it."""
        client = self.rng.choice((1, 1, None))
        for item in self.pair.release(self.caller(client, CREATE), self.rng.sample(ITEMS, 6)):
            permit = self.pair.acquire(self.caller(client, CREATE), item=item)
            if permit and self.rng.random() < 0.9:
                outcome = self.rng.choice((GOOD, GOOD, GOOD, GOOD, None))
                self.pair.record(self.caller(client), permit, self.report(outcome)._replace(limit=0))

    def burst(self) -> None:
        """Ask for more calls at once than the limit allows."""
        client = self.rng.choice((0, 0, 4))
        for _ in range(9):
            self.pair.acquire(self.caller(client))
        self.release()

    def tell(self) -> None:
        """Hear of the service's count by calls that overtake each other, in this window and over its end."""
        permits = [self.pair.acquire(self.caller(1)) for _ in range(self.rng.randrange(1, 5))]
        if self.rng.random() < 0.4:
            self.pair.now = max(self.pair.now, self.pair.rules.limit.ends + self.rng.choice((-1, 0, 1)))
            permits.append(self.pair.acquire(self.caller(1)))
        self.rng.shuffle(permits)
        for permit in filter(None, permits):
            self.pair.record(
                self.caller(1), permit, self.report(self.rng.choice((GOOD, GOOD, GOOD, BAD, CallOutcome.THROTTLED)))
            )
            self.pair.now += self.rng.choice((0, 1, 20))
        self.pair.acquire(self.caller(1))

    def lift(self) -> None:
        """Meet a refusal or a page, and find out by one call whether it is over."""
        bad = self.rng.choice((CallOutcome.CREDENTIALS, CallOutcome.CONFIGURATION))
        permit, late = self.pair.acquire(self.caller(1)), self.pair.acquire(self.caller(1))
        if permit:
            self.pair.record(self.caller(1), permit, self.report(bad))
        for _ in range(self.rng.randrange(3)):
            trial = self.pair.acquire(self.caller(1), trial=True)
            if trial:
                outcome = self.rng.choice((GOOD, GOOD, BAD, bad, CallOutcome.CONFIGURATION))
                self.pair.record(self.caller(1), trial, self.report(outcome))
            self.pair.acquire(self.caller(1), trial=self.rng.random() < 0.3)
            self.pair.now += self.rng.choice((0, 1, 399, 400))
        if late:
            self.pair.record(self.caller(1), late, self.report(self.rng.choice((bad, GOOD))))
