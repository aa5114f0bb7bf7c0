"""The model: requests, worker processes with threads, the held, the shared breaker, and Cal.com.

The breaker, its release window and its rate limit are not modelled a second time: they are the rules by which
tests/breaker_model checks the scripts in Redis, step by step. What is modelled is who asks them, and when.
"""

import heapq
import random
from collections import deque
from collections.abc import Generator
from itertools import count
from typing import Any

import simpy

from benchmarks.simulation.conditions import Conditions, Costs
from benchmarks.simulation.request import Permit, Request
from benchmarks.simulation.servers import Server
from benchmarks.simulation.trace import Call, Change, Trace
from resilience.circuit_breaker.types import CallOutcome
from resilience.circuit_breaker.wire import OutcomeReport
from tests.breaker_model.rules import Breaker
from tests.breaker_model.scope import Caller

POST, LIST = "bookings.create", "bookings.list"
RETRIES = (1.0, 2.0, 4.0)
JITTER = 0.1
SETTLE_ANSWERED = 5.0  # CALCOM_SETTLE_ANSWERED_SECONDS
LOOKS = 3  # at what is unclear, before it waits for its settle time
PATIENCE = 10.0  # seconds that what has begun waits for the limit
TICK = 1.0  # beat has the release run
Steps = Generator[simpy.Event, Any, Any]


class Fleet:
    """A deployment in simulated time; `rng` is all its chance."""

    def __init__(self, conditions: Conditions, costs: Costs, rng: random.Random) -> None:
        self.conditions, self.costs, self.rng = conditions, costs, rng
        self.env = simpy.Environment()
        self.limits = conditions.limits
        self.breaker = Breaker()
        self.breaker.restore(self._caller(POST), (0, 0), (), ())
        self.database, self.redis = Server(conditions.database_cores), Server(1)
        self.workers = [Server(1) for _ in range(conditions.workers)]
        """A worker process each: its threads share one interpreter."""
        self.idle = deque(worker for _ in range(conditions.threads) for worker in self.workers)
        self.messages: deque[tuple[Request, bool]] = deque()
        self.held: list[tuple[int, Request]] = []
        """A heap, by order of request."""
        self.released: list[Request] = []
        """Those let go, in the order in which that happened."""
        self.trace = Trace(conditions.before, conditions.back)
        self._owners, self._numbers = count(1), count()
        self._killed = 0
        """Threads that are to end in their next call."""

    def run(self) -> Trace:
        """Let the day pass, and return what happened."""
        conditions = self.conditions
        self.env.process(self._requests())
        self.env.process(self._beat())
        self.env.timeout(conditions.before + conditions.outage / 2).callbacks.append(self._bulk)
        self.env.timeout(conditions.back + conditions.lost_after).callbacks.append(self._kill)
        self.env.run(until=conditions.ends)
        shown = [event for event in self.breaker.events if not event["endpoint"] and event["reason"] != "begun"]
        self.trace.changes = [Change(int(event["at"]) / 1000 - 1, event["old"], event["new"]) for event in shown]
        self.trace.calls.sort()
        return self.trace

    # Requests and messages.

    def _requests(self) -> Steps:
        while True:
            self._ask()
            gap = 1 / self.conditions.rate
            yield self.env.timeout(gap if self.conditions.even else self.rng.expovariate(1 / gap))

    def _ask(self) -> None:
        self.trace.requests.append((self.env.now, None))
        request = Request(next(self._numbers), self.env.now)
        if self.held or self.breaker.scope("").state == "open":  # the caller sees that, and sends nothing
            self._hold(request)
        else:
            self._send(request)

    def _bulk(self, _: simpy.Event) -> None:
        for _number in range(self.conditions.bulk):
            self._ask()

    def _kill(self, _: simpy.Event) -> None:
        """Kill threads; what they were doing is left undone, for no sweeper is simulated."""
        self._killed = round(self.conditions.lost * self.conditions.workers * self.conditions.threads)
        while self._killed and self.idle:
            self.idle.pop()
            self._killed -= 1

    def _send(self, request: Request, *, released: bool = False) -> None:
        self.messages.append((request, released))
        self._dispatch()

    def _send_later(self, request: Request, delay: float) -> None:
        self.env.timeout(delay).callbacks.append(lambda _: self._send(request))

    def _dispatch(self) -> None:
        while self.messages and self.idle:
            self.env.process(self._work(self.idle.popleft(), *self.messages.popleft()))

    def _work(self, worker: Server, request: Request, released: bool) -> Steps:  # noqa: FBT001 - as it was sent
        yield self._spend(worker, self.costs.enter)
        makes_room = yield from self._attempt(worker, request, released=released)
        if makes_room:
            yield from self._release()
        self.idle.append(worker)
        self._dispatch()

    def _spend(self, worker: Server, seconds: float) -> simpy.Event:
        """Take half of what a message costs each server, and at least so many seconds."""
        now, costs = self.env.now, self.costs
        at = worker.serve(now, costs.worker / 2)
        at = self.database.serve(at, costs.database / 2)
        at = self.redis.serve(at, costs.redis / 2)
        own = (costs.worker + costs.database + costs.redis) / 2
        return self.env.timeout(max(0.0, at - now + seconds - own))

    # One attempt.

    def _attempt(self, worker: Server, request: Request, *, released: bool) -> Steps:
        """Look, post, and move the request; return whether held ones may go now."""
        unclear, request.answered_at = request.settles_at is not None, 0
        if not (released or request.posts) and self.held and self.held[0][0] < request.number:
            yield self._spend(worker, self.costs.leave)
            self._hold(request)
            return False
        if unclear and (yield from self._looked(worker, request, released=released)):
            if released:
                self.breaker.give_back(self._caller(POST), str(request.number), request.answered_at)
            return released
        item, patience = str(request.number) if released else "", PATIENCE if unclear else 0.0
        first = request.answered_at
        permit = yield from self._permit(POST, item=item, probe_ok=True, patience=patience, taken_at=first)
        if permit is None:
            yield self._spend(worker, self.costs.leave)
            self._hold(request)
            return False
        begun = self.env.now
        request.posts += 1
        booked, makes_room = yield from self._call(permit)
        yield self._spend(worker, self.costs.leave)
        if booked:
            self.trace.requests[request.number] = (request.asked, self.env.now)
            return makes_room
        outage = self.conditions.before <= begun < self.conditions.back
        request.settles_at, request.looks = begun + (self.conditions.settle if outage else SETTLE_ANSWERED), 0
        if self.breaker.scope("").state == "open":
            self._hold(request)
        else:
            self._send_later(request, self._delay(0))
        return False

    def _looked(self, worker: Server, request: Request, *, released: bool) -> Steps:
        """Look for an unclear request; return whether that is all that may be done with it now."""
        settles_at = request.settles_at or 0.0
        settled = self.env.now >= settles_at
        for number in range(round(self.costs.looks) if settled else 1):
            permit = yield from self._permit(LIST, probe_ok=released, patience=PATIENCE if number else 0.0)
            if permit is None:
                yield self._spend(worker, self.costs.leave)
                self._hold(request)
                return True
            answered, _ = yield from self._call(permit)
            if not answered:
                yield self._spend(worker, self.costs.leave)
                self._send_later(request, self._delay(1))
                return True
            request.answered_at = request.answered_at or permit.granted_at
        if settled:
            return False
        request.looks += 1
        yield self._spend(worker, self.costs.leave)
        wait = max(0.0, settles_at - self.env.now)
        self._send_later(request, wait if request.looks >= LOOKS else min(wait, self._delay(request.looks)))
        return True

    def _delay(self, attempt: int) -> float:
        return RETRIES[min(attempt, len(RETRIES) - 1)] * (1 + self.rng.uniform(-JITTER, JITTER))

    # Cal.com, behind the breaker.

    def _permit(
        self, endpoint: str, *, item: str = "", probe_ok: bool, patience: float = 0.0, taken_at: int = 0
    ) -> Steps:
        """Return the right to call, None where it is denied; `patience`: seconds to wait for the limit."""
        left, owner = patience, str(next(self._owners))
        while True:
            at = self._caller(endpoint)
            how = {"probe_ok": probe_ok, "trial": False, "taken_at": taken_at}
            *_, reason, wait, _, released_at, window = self.breaker.acquire(at, owner, item, **how)  # type: ignore[arg-type]
            if reason == "granted":
                epochs = self.breaker.scope("").epoch, self.breaker.scope(endpoint).epoch
                return Permit(endpoint, owner, item, epochs, window, at.now, released_at, taken_at or at.now)
            if reason != "throttled" or wait / 1000 > left:
                return None
            left -= wait / 1000
            yield self.env.timeout(wait / 1000)

    def _call(self, permit: Permit) -> Steps:
        """Call Cal.com, and report; return whether it answered well, and whether held requests may go now."""
        begins, day = self.env.now, self.conditions
        down = day.before <= begins < day.back
        works = not down and not (day.errors and self.rng.random() < day.errors)
        seconds = day.failing if down else day.latency
        yield self.env.timeout(seconds * (1 + self.rng.uniform(-day.spread, day.spread)) if day.spread else seconds)
        if self._killed:
            self._killed -= 1
            yield self.env.event()  # which never comes
        self.trace.calls.append(Call(begins, self.env.now, books=works and permit.endpoint == POST))
        report = OutcomeReport(
            CallOutcome.SUCCESS if works else CallOutcome.FAILURE_SERVICE if down else CallOutcome.FAILURE_ENDPOINT,
            permit.owner,
            permit.item,
            0,
            *permit.epochs,
            permit.window,
            permit.granted_at,
            released_at=permit.released_at,
            taken_at=permit.taken_at,
        )
        room = self.breaker.record(self._caller(permit.endpoint), report)[-1]
        changes = {new for name, _, new, *_ in self.breaker.changes if not name}
        if "open" in changes:
            late = max(0.0, self.costs.probe_lag - self.costs.release - self.costs.enter)
            self.env.process(self._release_later(self.conditions.open + late))
        return works, room > 0 or "closed" in changes

    def _caller(self, endpoint: str) -> Caller:
        return Caller(endpoint, "key", "here", self.limits, round(self.env.now * 1000) + 1000)

    # The held.

    def _hold(self, request: Request) -> None:
        heapq.heappush(self.held, (request.number, request))
        self.trace.holds.append((self.env.now, 1))

    def _beat(self) -> Steps:
        yield self.env.timeout(self.rng.uniform(0, TICK))
        while True:
            self.env.process(self._release())
            yield self.env.timeout(TICK)

    def _release_later(self, delay: float) -> Steps:
        yield self.env.timeout(delay)
        yield from self._release()

    def _release(self) -> Steps:
        """Let held requests go as there is room: the process that has made room does it, and beat."""
        while self.held and self._room():
            yield self.env.timeout(self.costs.release)
            if not self._let_go():
                break

    def _room(self) -> int:
        *_, room, _, _, _ = self.breaker.release(self._caller(POST), ())
        return int(room)

    def _let_go(self) -> int:
        """Send the oldest for which there is room; in half-open one that may be posted, unless there is none."""
        room = self._room()
        skipped, chosen = list[tuple[int, Request]](), list[tuple[int, Request]]()
        probing = self.breaker.scope("").state == "half_open"
        while self.held and len(chosen) < room:
            oldest = heapq.heappop(self.held)
            (skipped if probing and oldest[1].settles_at is not None else chosen).append(oldest)
        if not chosen and room:
            chosen, skipped = skipped[:1], skipped[1:]
        for one in skipped:
            heapq.heappush(self.held, one)
        *_, granted, _, _ = self.breaker.release(self._caller(POST), [str(number) for number, _ in chosen])
        for number, request in chosen:
            if str(number) not in granted:  # its place is still taken: it was let go a moment ago
                heapq.heappush(self.held, (number, request))
                continue
            self.released.append(request)
            self.trace.holds.append((self.env.now, -1))
            self._send(request, released=True)
        return len(granted)
