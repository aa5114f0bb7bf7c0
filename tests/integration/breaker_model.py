"""One model, two implementations: the breaker's Lua on a real server and its rules in this process, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from redis import Redis

from resilience import scripts
from resilience.breaker_messages import Answer, Ask, Frame, Report, frame
from resilience.breaker_rules import Rules
from resilience.breaker_status import fields_of
from resilience.permit import CallOutcome, Order, OrderKind, Seed
from tests.integration.breaker_cast import (
    CLIENTS,
    ENDPOINTS,
    ITEMS,
    JUMPS,
    KEYS,
    LATE,
    ORDERS,
    SERVICE,
    START,
    Known,
    words,
)


@dataclass
class Pair:
    """Take each step on both sides and compare the answers, then everything that is kept."""

    client: Redis
    read: Callable[[str], str] = scripts.assemble
    now: int = START
    calls: int = 0
    orders: int = 0
    permits: list[Known] = field(default_factory=list)
    whole_from: int = START

    def __post_init__(self) -> None:
        """Register the scripts and begin."""
        self.lua = {name: self.client.register_script(self.read(name)) for name in scripts.PARTS}
        self.forget(0, with_orders=False)

    def wait(self, jump: int) -> None:
        """Let time go by."""
        self.now += JUMPS[jump % len(JUMPS)]

    def forget(self, seen: int, *, with_orders: bool) -> None:
        """Wipe the server: nothing is answered or written until the breaker is begun again."""
        self.client.flushall()
        self.rules, self.calm, self.whole_from = Rules(CLIENTS[0]), {}, self.now
        at = self._frame(0, 0, 0)
        for name in ("acquire", "record", "release", "give_back", "order", "status"):
            assert self._call(name, at, ("x",) * 12) == ["forgotten"]
        assert self.client.dbsize() == 0
        self.begin(seen, with_orders=with_orders)

    def begin(self, seen: int, *, with_orders: bool) -> None:
        """Begin, or correct a beginning."""
        scopes = [("", "open", self.now + 400, 2), ("list", "half_open", 0, 1)][: seen % 3]
        seed = Seed(self.now - 5000 + seen if seen else 0, scopes)
        orders = [self._order(2, 0), self._order(4, 1)] if with_orders else []
        at = self._frame(0, 0, 0)
        told = [value for order in orders for value in order.arguments()]
        self._same("begin", at, (*seed.arguments(), *told), self.rules.begin(at, seed, orders))

    def acquire(self, client: int, endpoint: int, key: int, item: int, *, probe_ok: bool, told: int) -> None:
        """Ask for a call."""
        self.calls += 1
        at = self._frame(client, endpoint, key)
        late, ceiling, left = self._told(at, told)
        ask = Ask(f"o{self.calls}", int(probe_ok), ITEMS[item] if item < len(ITEMS) else "", late, ceiling, left)
        known = Known(at.endpoint, ask.owner, ask.item, 0, 0, 0)
        expected = self.rules.acquire(at, ask)
        if not (ask.item or late or left):
            serial = self._call("pass", at, (self.calm.get(at.calm, "never"),))
            if serial:
                assert expected == ["granted", 0, 0, serial, 0, self._calm_view(at)]
                self._keep(known, expected)
                return
        self._same("acquire", at, ask, expected)
        if expected[0] == "granted":
            self._keep(known, expected)
            closed = expected[5][3][0] == expected[5][4][0] == "closed"
            assert self.client.hexists(scripts.keys(SERVICE, "")[0], at.calm) == closed  # the next may pass

    def record(self, client: int, key: int, which: int, outcome: int, *, wait: int, told: int) -> None:
        """Report a call: the newest permits first, old ones and ones reported before now and then."""
        if not self.permits:
            return
        permit = self.permits[-1 - which % len(self.permits)]
        at = self._frame(client, ENDPOINTS.index(permit.endpoint), key)
        kind = tuple(CallOutcome)[outcome % len(CallOutcome)]
        late, ceiling, left = self._told(at, told, permit.serial)
        report = Report(
            permit.owner, permit.item, permit.service_epoch, permit.endpoint_epoch, kind.value, "timeout",
            (0, 700, 5000)[wait % 3], 1.25 if wait > 2 else 1, '{"a": 1}' if wait else "", late, ceiling, left,
        )  # fmt: skip
        if kind is not CallOutcome.SUCCESS or not permit.quiet:
            self._same("record", at, report, self.rules.record(at, report))
            return
        report = report._replace(told=f"{at.endpoint} none 0 1 60 60;")
        expected = self.rules.record(at, report)
        if self._call("tell", at, (at.endpoint, 60, ceiling, left)):
            assert expected == ["recorded", 0, self._calm_view(at)]
            self._compare()
        else:
            self._same("record", at, report, expected)

    def burst(self, client: int, endpoint: int) -> None:
        """Ask for more calls at once than the limit allows."""
        for _ in range(9):
            self.acquire(client, endpoint, 0, len(ITEMS), probe_ok=True, told=0)

    def ramp(self, endpoint: int, outcome: int) -> None:
        """Release what may go, send it and report it: the newest with `outcome`, the others as successes."""
        self.release(2, endpoint, 0, range(len(ITEMS)))
        sent = list(self.rules.window.waiting)
        for item in sent:
            self.acquire(2, endpoint, 0, ITEMS.index(item), probe_ok=True, told=0)
        if outcome in (2, 5) and sent:
            self.give_back(ITEMS.index(sent[0]))
        self.record(2, 0, 0, outcome, wait=0, told=0)
        for which in range(1, len(sent)):
            self.record(2, 0, which, 0, wait=0, told=0)

    def speak(self, endpoint: int, outcome: int, *, of_service: bool) -> None:
        """Report without a permit."""
        at = self._frame(0, endpoint, 0)
        kind = (CallOutcome.SUCCESS, CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT)[outcome % 3]
        report = Report("", "", 0, -1 if of_service else 0, kind.value, "http_503", 0, 1, "", "any none 0 2 9 7;", 0, 0)
        self._same("record", at, report, self.rules.record(at, report))

    def release(self, client: int, endpoint: int, key: int, items: Sequence[int]) -> None:
        """Ask which held items may go."""
        at = self._frame(client, endpoint, key)
        wanted = tuple(ITEMS[item % len(ITEMS)] for item in items)
        self._same("release", at, wanted, self.rules.release(at, wanted))

    def give_back(self, item: int) -> None:
        """End a released item without a call."""
        at = self._frame(0, 0, 0)
        name = ITEMS[item % len(ITEMS)]
        self._same("give_back", at, (name,), self.rules.give_back(at, name))

    def finish(self, ago: int) -> None:
        """Read the windows that are over, the older ones being written down; at times from a server that runs anew."""
        if ago % 2:
            self.client.hset(scripts.keys(SERVICE, "")[2], "run", "another")
            self.whole_from = self.now
        at, written = self._frame(0, 0, 0), self.now - JUMPS[ago % len(JUMPS)]
        now, cells = self._call("finished", at, (written,))
        self.rules.windows.drop(written)
        fields = dict(zip(cells[::2], cells[1::2], strict=True))
        assert now == self.now
        assert int(fields.pop("whole_from")) == self.whole_from
        assert fields.pop("run")
        assert fields == self.rules.windows.fields

    def order(self, kind: int, number: int) -> None:
        """Give an operator's order; some are numbered, some of these come again."""
        at = self._frame(0, 0, 0)
        order = self._order(kind, number)
        self._same("order", at, order.arguments(), self.rules.order(at, order))

    def startle(self, endpoint: int, key: int, outcome: int) -> None:
        """Make all calm, report an outcome, and see whether the next call still passes."""
        self.order(ORDERS.index(OrderKind.RESET), 0)
        self.wait(JUMPS.index(72_000))
        self.acquire(0, endpoint, key, len(ITEMS), probe_ok=True, told=0)
        self.acquire(0, endpoint, key, len(ITEMS), probe_ok=True, told=0)
        self.record(0, key, 0, outcome, wait=1, told=0)
        self.acquire(0, endpoint, key, len(ITEMS), probe_ok=True, told=0)

    def operate(self, kind: int, jump: int) -> None:
        """Give an order, see what it does to both keys, and end it."""
        self.acquire(0, 1, 1, len(ITEMS), probe_ok=True, told=0)
        self.order(kind, (0, 2)[jump % 2])
        self.wait(jump)
        self.acquire(0, 1, 1, len(ITEMS), probe_ok=True, told=0)
        self.order(ORDERS.index(OrderKind.AUTO), 0)
        self.acquire(0, 1, 0, len(ITEMS), probe_ok=True, told=0)

    def _order(self, kind: int, number: int) -> Order:
        self.orders += number == 1
        ends = None if number == 2 else datetime.fromtimestamp((self.now + 600) / 1000, tz=UTC)
        which = ORDERS[kind % len(ORDERS)]
        numbered = {0: 0, 1: self.orders, 2: 0, 3: max(0, self.orders - 1), 4: self.orders}[number % 5]
        return Order(which, "op", "why", ends, numbered, KEYS[1])

    def _told(self, at: Frame, told: int, serial: int = 3) -> tuple[str, int, int]:
        left = (0, 0, 900, 1000, 100, 1600)[told % 6]
        late = LATE[told % len(LATE)].format(at.endpoint)
        return late, serial + (5, 2, 40)[told % 3], left

    def _frame(self, client: int, endpoint: int, key: int) -> Frame:
        limits = CLIENTS[client % len(CLIENTS)]
        self.rules.limits = limits
        return frame(limits, ENDPOINTS[endpoint % 2], KEYS[key % 2], self.now)

    def _call(self, name: str, at: Frame, own: Sequence[str | float]) -> Any:
        keys, head = scripts.keys(SERVICE, at.endpoint), tuple(at)
        if name in scripts.SHORT:
            most, common = scripts.SHORT[name]
            keys, head = keys[:most], head[:common]
        return words(self.lua[name](keys, (*head, *own)))

    def _same(self, name: str, at: Frame, own: Sequence[str | float], expected: Answer) -> None:
        answer = self._call(name, at, own)
        assert answer == expected, (name, at, own)
        view = expected[-1]
        self.calm = {known: raw for known, raw in self.calm.items() if raw.split()[1] == str(view[3][1])}
        if view[3][0] == view[4][0] == "closed":
            self.calm[at.calm] = f"{view[1]} {view[3][1]} {view[4][1]}"
        self._compare()

    def _calm_view(self, at: Frame) -> Answer:
        assert at.calm in self.calm
        born, epoch, endpoint_epoch = (int(part) for part in self.calm[at.calm].split())
        scopes = [["closed", each, 0, 0, "", 0] for each in (epoch, endpoint_epoch)]
        return [self.now, born, "", *scopes, []]

    def _keep(self, known: Known, granted: Answer) -> None:
        view = granted[5]
        known.service_epoch, known.endpoint_epoch, known.serial = view[3][1], view[4][1], granted[3]
        known.quiet = not (granted[2] or known.item)
        self.permits = [*self.permits[-7:], known]

    def _compare(self) -> None:
        """Compare everything that is kept."""
        names = dict(
            zip(
                ("rate", "counts", "windows", "breaker", "events", "released", "sending"),
                scripts.keys(SERVICE, ""),
                strict=False,
            )
        )
        rules, pipe = self.rules, self.client.pipeline(transaction=False)
        for name in ("breaker", "rate", "counts", "windows"):
            pipe.hgetall(names[name])
        for name in ("released", "sending"):
            pipe.zrange(names[name], 0, -1, withscores=True)
        for endpoint in ("", *ENDPOINTS):
            pipe.lrange(scripts.keys(SERVICE, endpoint)[-1] if endpoint else f"{{{SERVICE}}}:failures", 0, -1)
        pipe.xrange(names["events"])
        breaker, rate, counts, windows, released, sending, *rings, events = pipe.execute()
        kept = {name.decode(): value.decode() for name, value in {**breaker, **rate}.items()}
        assert _plain(kept) == _plain(fields_of(rules))
        assert {name.decode(): value.decode() for name, value in counts.items()} == rules.counts.fields
        cells = {name.decode(): value.decode() for name, value in windows.items() if b"/" in name}
        assert cells == rules.windows.fields
        assert {name.decode(): int(score) for name, score in released} == rules.window.waiting
        assert {name.decode(): int(score) for name, score in sending} == rules.window.sending
        scopes = {scope.name: scope for scope in rules.scopes()}
        for name, ring in zip(("", *ENDPOINTS), rings, strict=True):
            assert [int(at) for at in ring] == list(scopes[name].ring if name in scopes else ())
        fields = [{name.decode(): value.decode() for name, value in entry.items()} for _, entry in events]
        assert fields == list(rules.journal.events)


def _plain(fields: dict[str, str]) -> dict[str, str]:
    """Leave out what is not written as long as it says nothing."""
    born = fields.get("born")
    nothing = {"0", "", "closed"}
    kept = {name: value for name, value in fields.items() if not name.startswith("calm/") and value not in nothing}
    kept = {name: value for name, value in kept.items() if not (name.endswith("/epoch") and value == born)}
    return {name: value for name, value in kept.items() if (name, value) != ("window", "1")}
