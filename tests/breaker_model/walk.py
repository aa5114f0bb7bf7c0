"""Long random walks through all that can be done with a breaker, the likely steps more often."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from redis import Redis

from resilience.circuit_breaker.types import CallOutcome, OperatorOverride, OverrideKind
from resilience.circuit_breaker.wire import OutcomeReport
from tests.breaker_model.actors import (
    ACCOUNTS,
    BAD,
    CLIENTS,
    CONFIGURATIONS,
    ERRORS,
    GONE,
    GOOD,
    ITEMS,
    JUMPS,
    KEYS,
    NO_LIMIT,
    OUTCOMES,
    PATIENT,
    TOOK,
)
from tests.breaker_model.limit import Limit
from tests.breaker_model.pair import CREATE, ENDPOINTS, LIST, Pair, Permit
from tests.breaker_model.scope import Caller


def walk(
    client: Redis, read: Callable[[str], str], *, seed: int, steps: int, every: int = 1, neighbours: int = 0
) -> Pair:
    """Take so many steps and return both sides; `read` gives the text of a script. `every`: as Pair says.

    `neighbours`: how many accounts the service has; 0: one that is alone.

    Raises:
        AssertionError: A script and the rules disagreed.
        ResponseError: A script broke.
    """
    both = Pair(client, read, every)
    one = Walk(both, random.Random(seed), neighbours)  # noqa: S311 - the same walk every time
    one.go(steps)
    if neighbours > 1:
        one.probe_alone()
        one.crawl()
    both.compare()
    return both


class Walk:
    """Choose steps at random."""

    def __init__(self, pair: Pair, rng: random.Random, neighbours: int = 0) -> None:
        self.pair = pair
        self.rng = rng
        self.neighbours = neighbours
        self.overrides = 0
        self.pair.forget(self.caller(), everything=True)
        self.restore()

    def go(self, steps: int) -> None:
        """Take so many."""
        doings: dict[Callable[[], object], int] = {
            self.wait: 14,
            self.acquire: 24,
            self.record: 28,
            self.release: 8,
            self.report_as_is: 5,
            self.is_open: 4,
            self.give_back: 4,
            self.unclear: 4,
            self.override: 4,
            self.recover: 5,
            self.ramp: 6,
            self.let_go_late: 5,
            self.trip: 5,
            self.set_back: 2,
            self.operate: 3,
            self.burst: 3,
            self.report_headers: 6,
            self.scout: 3,
            self.throttle: 4,
            self.wait_out: 3,
            self.lift: 5,
            self.stay_refused: 1,
            self.count: 3,
            self.restore: 2,
            self.forget: 2,
            self.pair.forget_limit: 2,
            self.pair.forget_failures: 1,
            self.look: 4,
        }
        for do in self.rng.choices(list(doings), list(doings.values()), k=steps):
            do()

    # The steps, one by one.

    def caller(self, client: int | None = None, endpoint: str = "") -> Caller:
        """Choose who takes the next step."""
        which = self.rng.choice((0,) * 12 + tuple(range(len(CLIENTS)))) if client is None else client
        configuration = self.rng.choice(CONFIGURATIONS[:1] * 4 + CONFIGURATIONS)
        endpoint = endpoint or self.rng.choice((CREATE, CREATE, LIST))
        if not self.neighbours or self.rng.random() < 0.03:  # alone, or one that has just been so
            key = self.rng.choice(KEYS[:1] * 4 + KEYS[:2])
            return Caller(endpoint, key, configuration, CLIENTS[which], self.pair.now)
        key = self.rng.choice((*KEYS[:1] * 2, *KEYS[1:2] * 4, *KEYS))
        return self.account(Caller(endpoint, key, configuration, CLIENTS[which], self.pair.now))

    @property
    def limit(self) -> Limit:
        """Return the limit of one of the callers."""
        return self.pair.rules.limit(self.caller())

    def account(self, at: Caller) -> Caller:
        """Return the same caller as one of several accounts, each with a limit of its own."""
        pace = CLIENTS[(KEYS.index(at.key) + NO_LIMIT) % len(CLIENTS)]
        limits = at.limits._replace(emission_interval=pace.emission_interval, burst_tolerance=pace.burst_tolerance)
        return at._replace(
            account=ACCOUNTS[at.key], neighbours=self.neighbours, limits=limits, settings=at.limits.text
        )  # fmt: skip

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
        item, taken_at = self.rng.choice((*ITEMS, *("",) * 12)), self.taken_at()
        return self.pair.acquire(self.caller(), item=item, probe_ok=probe_ok, trial=trial, taken_at=taken_at)

    def taken_at(self) -> int:
        """Choose when the first call of an attempt was permitted; 0: the next one is the first."""
        return self.rng.choice((0, 0, self.pair.now, self.pair.now - 200, self.pair.now - 2100))

    def give_back(self) -> None:
        """End an item without a call of its own, after a lookup or not."""
        self.pair.give_back(self.caller(), self.rng.choice(ITEMS), self.taken_at())

    def unclear(self) -> None:
        """Find what became of unclear calls: of one, or of enough in a row, and let some go in a half-open window."""
        for _ in range(self.rng.choice((1, 1, 6, 7))):
            self.pair.turned_out(self.caller(), done=self.rng.random() < 0.97)
        if self.rng.random() < 0.5:
            return
        self.trip()
        scope = self.pair.rules.scope(self.rng.choice(("", CREATE)))
        self.pair.now = max(self.pair.now, scope.ends, scope.lease)
        for item in (*self.pair.release(self.caller(0, CREATE), ITEMS), *self.rng.sample(ITEMS, 2)):
            permit = self.pair.acquire(self.caller(0, CREATE), item=item)
            if permit and self.rng.random() < 0.5:
                self.pair.record(self.caller(0), permit, self.report())

    def record(self) -> None:
        """Report a call: the newest permits first, old ones and ones reported before now and then."""
        if self.pair.permits:
            permit = self.rng.choice((self.pair.permits[-1],) * 3 + tuple(self.pair.permits))
            at = self.caller()
            self.pair.record(at, permit, self.report(headers=self.headers(at, permit)))

    def report(self, outcome: CallOutcome | None = None, headers: tuple[int, int, int] = (0, 0, 0)) -> OutcomeReport:
        """Choose what came of a call; `headers` is what its answer's headers tell."""
        pick = self.rng.choice
        return OutcomeReport(
            outcome or pick((GOOD, GOOD, GOOD, GONE, GONE, BAD, BAD, *OUTCOMES)),
            reason=pick(("timeout", "http_503")), retry_after=pick((0, 0, 400, 700, 5000, 9_000_000)),
            stretch=pick((1, 1.25)), context=pick(("", '{"a":1}')), error=pick(("", *ERRORS)),
            severity=pick((0, 1, 2, 3)), took=pick(TOOK),
            limit=headers[0], remaining=headers[1], reset=headers[2], never_sent=pick((0, 0, 0, 1)),
        )  # fmt: skip

    def headers(self, at: Caller, permit: Permit) -> tuple[int, int, int]:
        """Choose what an answer tells of the count: about what we believe, a little beside it, or anything."""
        pick, known = self.rng.choice, self.pair.rules.limit(at)
        limit = pick((0, 0, 0, 1, 1, 2, 20, 40, 60))
        flight = known.this.granted - known.this.answered + known.last.granted - known.last.answered
        lefts = (
            limit - known.this.granted - known.carried_over - pick((0, 1, 2)),
            flight - 1 + limit // 20 + pick((0, 1, 2)),
        )
        length = known.longest or at.limits.rate_window
        edge = int(min(at.limits.rate_window / 200, length / 20))
        tolerance = int(min(at.limits.rate_window / 40, length / 2))
        beside = pick((0, 0, 1, -1)) + pick((-tolerance, 0, 0, tolerance))
        resets = (
            known.resets_at + beside,
            self.pair.now + beside,
            known.resets_at + pick((300, 1150, -300, 20)),
            permit.granted_at + 40,
        )
        return limit, max(0, pick((*lefts, 0, 30))), max(0, pick(resets) - permit.granted_at - edge)

    def release(self) -> list[str]:
        """Ask which held items may go."""
        return self.pair.release(self.caller(endpoint=CREATE), self.rng.sample(ITEMS, self.rng.randrange(6)))

    def report_as_is(self) -> None:
        """Report without a permit: of the service, of an endpoint, or a call that may hold the place."""
        owner = self.rng.choice(("", "", "", *(permit.owner for permit in self.pair.permits[-2:])))
        report = self.report(self.rng.choice((GOOD, GONE, BAD, CallOutcome.IGNORED)))
        self.pair.report_as_is(self.caller(), report._replace(owner=owner, endpoint_epoch=self.rng.choice((0, -1))))

    def is_open(self) -> None:
        """Ask as the sign-off does."""
        self.pair.is_open(self.caller(), alone=self.rng.random() < 0.4)

    def override(self) -> None:
        """Give an operator's override."""
        override = self.some_override()
        for _ in range(self.rng.choice((1, 1, 2))):
            self.pair.override(self.caller(), override)

    def some_override(self, kind: OverrideKind | None = None) -> OperatorOverride:
        """Choose an override; some are numbered, some of these come again."""
        self.overrides += self.rng.random() < 0.4
        number = self.rng.choice((0, 0, self.overrides, self.overrides, max(0, self.overrides - 1)))
        ends = self.rng.choice((None, datetime.fromtimestamp((self.pair.now + 600) / 1000, tz=UTC)))
        return OperatorOverride(
            kind or self.rng.choice(tuple(OverrideKind)),
            "op",
            "why",
            ends,
            number,
            self.rng.choice(KEYS[:2]),
            number + 1,
        )

    def restore(self) -> None:
        """Restore the breaker, or correct what another restored, or what an old snapshot has of it."""
        pick, now, rules = self.rng.choice, self.pair.now, self.pair.rules
        epochs = [rules.scope(name).epoch + pick((-1, 0, 1, 50, 9_000_000)) for name in ("", LIST, CREATE)]
        service = pick((("open", now + 400, 2), ("half_open", 0, 1), ("forced_open", 0, 0), ("off", 0, 0)))
        scopes = [
            ("", service[0], epochs[0], *service[1:]),
            (LIST, "half_open", epochs[1], 0, 1),
            (CREATE, "open", epochs[2], now + 200, 1),
        ]
        scopes = self.rng.sample(scopes, pick((0, 0, 1, 2, 3)))
        seen = pick((0, now - 5000, now, rules.restored_epoch, rules.restored_epoch + 1, rules.generation))
        generation = pick((0, rules.generation, rules.generation, rules.generation + 1))
        overrides = [self.some_override() for _ in range(pick((0, 0, 1, 3)))]
        self.pair.restore(self.caller(), (generation, seen), scopes, overrides)

    def look(self) -> None:
        """Look at everything, now and then as one who has no limit, where none is known, or when a window ends."""
        if self.rng.random() < 0.2:
            self.pair.forget_limit()
        elif self.rng.random() < 0.5:
            at = self.caller(0)
            limit = self.pair.rules.limit(at)
            self.pair.now = max(self.pair.now, self.rng.choice((limit.throttled_until, limit.resets_at - 1)))
            self.pair.acquire(at._replace(now=self.pair.now))
        self.pair.status(self.caller(self.rng.choice((None, None, NO_LIMIT))))

    def forget(self) -> None:
        """Let the server forget."""
        self.pair.forget(self.caller(), everything=self.rng.random() < 0.7)
        self.overrides = 0
        if self.rng.random() < 0.3:
            self.count()
        for _ in range(self.rng.choice((1, 1, 3))):  # several processes notice
            self.restore()

    def count(self) -> None:
        """Count calls that no breaker guards, and read what is counted."""
        at, pick, flag = self.caller(), self.rng.choice, self.rng.random() < 0.5
        line = lambda: (pick(ENDPOINTS), pick(ERRORS), pick((0, 1, 2, 3)), pick((1, 3)), pick((9, 90)), pick((0, 60)))  # noqa: E731
        self.pair.count(at, [line() for _ in range(self.rng.randrange(3))], pick(("", '{"b":2}')))
        match self.rng.randrange(3):
            case 0:
                ends = [cell.start + cell.size for cell in self.pair.rules.counts.windows.values()]
                self.pair.read_counts(at, pick((at.now, *ends)) + pick((-1, 0, 0)), restarted=flag)
            case 1:
                self.pair.discard_counts(at, seconds=flag)

    # Several steps that belong together, or nobody would ever see an outage through.

    def recover(self) -> None:
        """Let an operator end whatever it was, and the limit recover."""
        self.pair.override(self.caller(), OperatorOverride(OverrideKind.RESET, "op", "why"))
        self.pair.now += self.rng.choice((0, 1300, 72_000))
        self.acquire()

    def trip(self) -> None:
        """Fail until something opens, wait until it is over, and probe."""
        endpoint, outcome = self.rng.choice(ENDPOINTS), self.rng.choice((GONE, GONE, BAD))
        late = self.pair.acquire(self.caller(0, endpoint))
        for _ in range(self.rng.randrange(2, 5)):
            known = self.pair.rules.scope(endpoint).in_a_row
            if len(known) > 1 and self.rng.random() < 0.4:  # as old as the first of three may be
                self.pair.now = max(self.pair.now, known[-2] + 1000 + self.rng.choice((-1, 0, 1)))
            self.rng.choices((lambda: None, self.pair.forget_failures), (9, 1))[0]()
            permit = self.pair.acquire(self.caller(0, endpoint))
            if permit:
                self.pair.record(self.caller(0), permit, self.report(outcome))
        if late:
            self.pair.report_as_is(self.caller(0), self.report(GONE))
            self.pair.record(self.caller(0), late, self.report(self.rng.choice((GOOD, GONE, BAD))))
        self.pair.acquire(self.caller(0, endpoint))
        for _ in range(self.rng.randrange(3)):  # until OPEN is over; until the probe's lease is
            scope = self.pair.rules.scope(self.rng.choice(("", endpoint)))
            self.pair.now = max(self.pair.now, max(scope.ends, scope.lease) + self.rng.choice((-1, 0, 0, 1)))
            for _ in range(2):
                self.rng.choice((self.acquire, self.acquire, self.is_open, self.release))()
        self.probe_again(endpoint)
        self.record()

    def probe_again(self, endpoint: str) -> None:
        """Ask for the next probe by the account that made the last one: it gives way for a second."""
        for scope in (self.pair.rules.scope(""), self.pair.rules.scope(endpoint)):
            at = self.caller(0, endpoint)
            if scope.state == "half_open" and at.account:
                self.pair.now = max(self.pair.now, scope.epoch + 1000 - self.rng.choice((0, 0, 1)))
                key = next((key for key, account in ACCOUNTS.items() if account == scope.probed_by), at.key)
                self.pair.acquire(self.account(at._replace(key=key, now=self.pair.now)))

    def probe_alone(self) -> None:
        """Have a window of several places, and an account alone fail: of its items one goes, as its own probe."""
        self.pair.override(self.caller(), OperatorOverride(OverrideKind.RESET, "op", "why"))
        self.pair.now += 72_000
        self.pair.forget_limit()

        def at() -> Caller:  # the account that has no limit
            return self.account(Caller(CREATE, KEYS[0], CONFIGURATIONS[0], CLIENTS[NO_LIMIT], self.pair.now))

        for good in (True, True, False, False, False):
            item = "".join(self.pair.release(at(), ITEMS[:1])) if good else ""
            permit = self.pair.acquire(at(), item=item)
            if permit:
                self.pair.record(at(), permit, self.report(GOOD if good else BAD)._replace(retry_after=0, never_sent=0))
        own = self.pair.rules.own_scope(at())
        if own is not None:
            self.pair.now = max(self.pair.now, own.ends)
        self.pair.release(at(), ITEMS)

    def crawl(self) -> None:
        """Have calls of one account take long, and now and then of another one, while others' are quick."""
        slow, sometimes, *others = self.rng.sample(KEYS, len(KEYS))
        for number in range(60):
            if number % 20 == 0:
                self.pair.override(self.caller(), OperatorOverride(OverrideKind.RESET, "op", "why"))
                self.pair.now += 72_000
                self.pair.forget_limit()
            key = self.rng.choice((slow, slow, sometimes, *others))
            at = self.account(Caller(CREATE, key, CONFIGURATIONS[0], CLIENTS[PATIENT], self.pair.now))
            for item in self.pair.release(at, self.rng.sample(ITEMS, 4)):
                permit = self.pair.acquire(at, item=item)
                quick = key != slow and self.rng.random() < (0.5 if key == sometimes else 0.95)
                if permit and quick:
                    self.pair.record(at, permit, self.report(GOOD))
            self.pair.now += self.rng.choice((0, 1, 400, 999, 1500, 2999, 3000, 3001, -200))
            if number % 7 == 0 and self.pair.permits:  # one that took long
                self.pair.record(at._replace(now=self.pair.now), self.pair.permits[0], self.report(GOOD))

    def set_back(self) -> None:
        """Open it, or have a probe go, or a booking be released; then set the clock back."""
        self.trip()
        self.rng.choice((self.acquire, self.release, self.wait))()
        self.pair.now -= self.rng.choice((1, 600_000))
        for _ in range(3):
            self.rng.choice((self.acquire, self.release, self.wait))()

    def operate(self) -> None:
        """Give two overrides, in an outage or not, see what they do, and end them."""
        for _ in range(self.rng.choice((0, 3))):
            self.pair.report_as_is(self.caller(0), self.report(GONE))
        for kind in self.rng.choices((OverrideKind.OPEN, OverrideKind.OFF), k=2):
            self.pair.override(self.caller(), self.some_override(kind))
        self.acquire()
        self.rng.choice((self.wait, self.acquire))()
        self.pair.override(self.caller(), self.some_override(OverrideKind.AUTO))
        self.acquire()

    def ramp(self) -> None:
        """Release what may go, send it, and report it: some rounds of successes, and then one of anything."""
        client, rounds = self.rng.choice((1, 1, None)), self.rng.randrange(1, 4)
        for last in (*(False,) * rounds, True):
            for item in self.pair.release(self.caller(client, CREATE), self.rng.sample(ITEMS, 6)):
                permit = self.pair.acquire(self.caller(client, CREATE), item=item)
                if permit and self.rng.random() < 0.9:
                    report = self.report(None if last else GOOD)
                    self.pair.record(self.caller(client), permit, report)

    def let_go_late(self) -> None:
        """Have a window of some places, and have what is released taken about when it is no longer taken at once."""
        at = self.caller(PATIENT, CREATE)
        for last in (False, False, self.rng.random() < 0.3, True):
            at, released_at = at._replace(now=self.pair.now), self.pair.now
            items = self.pair.release(at, ITEMS)
            for item in self.rng.sample(items, min(len(items), self.rng.choice((9, 9, 9, 3)))):
                if last:
                    self.pair.now += self.rng.choice((0, 1, 1, 249, 250, 1750, 1999, 2000))
                at = at._replace(now=self.pair.now)
                if self.rng.random() < 0.2:
                    self.pair.give_back(at, item, self.rng.choice((0, at.now, at.now)))
                    continue
                looked_at = self.rng.choice((0, 0, released_at)) if last else 0  # its attempt began with a lookup
                permit = self.pair.acquire(at, item=item, taken_at=looked_at)
                if permit and self.rng.random() < 0.9:
                    outcome = self.rng.choice((GOOD, GOOD, BAD, GONE)) if last else GOOD
                    self.pair.record(at, permit, self.report(outcome))

    def burst(self) -> None:
        """Ask for more calls at once than the limit allows."""
        self.recover()
        self.rng.choice((self.pair.forget_limit, self.wait))()
        client = self.rng.choice((0, 0, 2, 4))
        for _ in range(9):
            self.pair.acquire(self.caller(client))
        self.release()

    def report_headers(self) -> None:
        """Report headers of calls that overtake each other, in this window and over its end."""
        client = self.rng.choice((1, 1, 2))
        permits = [self.pair.acquire(self.caller(client)) for _ in range(self.rng.randrange(1, 5))]
        if self.rng.random() < 0.4:
            self.pair.now = max(self.pair.now, self.limit.resets_at + self.rng.choice((-1, 0, 1)))
            permits.append(self.pair.acquire(self.caller(client)))
        self.rng.shuffle(permits)
        for permit in filter(None, permits):
            at, outcome = self.caller(client), self.rng.choice((GOOD, GOOD, GOOD, BAD, CallOutcome.THROTTLED))
            self.pair.record(at, permit, self.report(outcome, self.headers(at, permit)))
            self.pair.now += self.rng.choice((0, 1, 20))
        self.rng.choice((self.acquire, self.release))()

    def scout(self) -> None:
        """Use up a window of the service, begin the next, and wait for the one call that goes first."""
        permit = self.pair.acquire(self.caller(2))
        if permit:
            self.pair.record(self.caller(2), permit, self.report(GOOD, (20, 0, 900)))
        self.pair.acquire(self.caller(2))
        self.pair.now = max(self.pair.now, self.limit.resets_at)
        self.pair.acquire(self.caller(2))
        self.pair.now = max(self.pair.now, self.limit.scout_at + self.rng.choice((20, 4999, 5000, 5001)))
        self.pair.acquire(self.caller(2))

    def throttle(self) -> None:
        """Meet 429s, also where nothing was told, and ask again when they are over."""
        client = self.rng.choice((1, 2))
        if self.rng.random() < 0.5:
            self.pair.forget_limit()
        for _ in range(self.rng.randrange(1, 4)):
            permit = self.pair.acquire(self.caller(client))
            if permit:
                outcome = self.rng.choice((CallOutcome.THROTTLED, CallOutcome.THROTTLED, GOOD))
                self.pair.record(self.caller(client), permit, self.report(outcome))
            self.pair.now = max(self.pair.now, self.limit.throttled_until + self.rng.choice((-1, 0, 0, 1)))
        for _ in range(2):
            self.pair.acquire(self.caller(client))

    def wait_out(self) -> None:
        """Meet a 429 that asks for long, and find out by one call whether it still counts."""
        self.recover()
        client = self.rng.choice((0, 1, 2))
        permit = self.pair.acquire(self.caller(client))
        if permit:
            self.pair.record(self.caller(client), permit, self.report(CallOutcome.THROTTLED)._replace(retry_after=9000))
        for _ in range(3):
            trial = self.pair.acquire(self.caller(client), trial=True)
            if trial and self.rng.random() < 0.8:
                outcome = self.rng.choice((GOOD, BAD, CallOutcome.THROTTLED))
                self.pair.record(self.caller(client), trial, self.report(outcome))
            self.pair.now += self.rng.choice((1, 399, 400, 401, -500))
        self.rng.choice((self.acquire, self.release, self.override))()

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

    def stay_refused(self) -> None:
        """Have a key refused at each trial: the pauses between them grow, and then no more."""
        at = self.caller(0)
        for _ in range(self.rng.choice((2, 9))):
            at = at._replace(now=self.pair.now)
            permit = self.pair.acquire(at, trial=self.pair.rules.blocks(at).is_blocked(at))
            if permit:
                self.pair.record(at, permit, self.report(CallOutcome.CREDENTIALS))
            self.pair.now = max(self.pair.now, self.pair.rules.blocks(at).home.next_trial)
