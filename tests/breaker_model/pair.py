"""The scripts on a real server, and the rules: both take each step; what they answer and keep is compared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redis import Redis
from redis.client import Pipeline

from resilience.circuit_breaker.types import CallOutcome, OperatorOverride, State
from resilience.circuit_breaker.wire import OutcomeReport, ScopeState, override_argument, restore_argument
from resilience.shared_state import scripts
from resilience.shared_state.answers import pairs
from tests.breaker_model.actors import KEYS
from tests.breaker_model.limit import Limit
from tests.breaker_model.ramp import Ramp
from tests.breaker_model.rules import Breaker, RememberedScope, Reply
from tests.breaker_model.scope import Caller

START = 1_800_000_000_000
SERVICE = "model"
CREATE, LIST = "create", "list"
_AGO = 90_000  # ms for which a process did not reach the server
ENDPOINTS = (CREATE, LIST)
HOLDERS = ("acquire", "record", "release", "give_back", "turned_out", "is_open", "override", "status")
"""The scripts that change nothing, and say so, when the server has forgotten the breaker."""
SHORT = ("acquire_closed", "record_closed", "still_closed")
"""The scripts that do what acquire and record would where the breaker is closed, and else nothing."""


@dataclass(frozen=True)
class Permit:
    """A permit as its holder keeps it."""

    endpoint: str
    owner: str
    item: str
    trial: bool
    service_epoch: int
    endpoint_epoch: int
    window: int
    granted_at: int
    closed: bool
    """Whether all breakers were closed when it was given."""
    own_epoch: int = 0
    released_at: int = 0
    taken_at: int = 0


@dataclass
class Pair:
    """Take each step on both sides, by the callers of `client`, which decodes; `read` gives the text of a script.

    Walks take thousands of steps: as many as `every`, and all that is read after them, are one round trip. The rules
    need no answer to go on.
    """

    client: Redis
    read: Callable[[str], str] = scripts.assemble
    every: int = 1
    now: int = START
    rules: Breaker = field(default_factory=Breaker)
    permits: list[Permit] = field(default_factory=list)
    owners: int = 0
    reports: int = 0
    taken: set[tuple[str, str, str]] = field(default_factory=set)
    """Each change of state that a server was seen to make before it was wiped: old, new, reason."""
    _ahead: list[tuple[str, Caller, Sequence[Any], Reply]] = field(default_factory=list)
    """Steps that the rules have taken and the scripts have not: the call, and what it is to answer."""

    def __post_init__(self) -> None:
        """Load the scripts, and wipe the server."""
        self.lua = {name: self.client.script_load(self.read(name)) for name in scripts.FRAGMENTS}
        self.client.flushall()

    def forget(self, at: Caller, *, everything: bool) -> None:
        """Wipe the server, or what it knows of the states alone; nothing is answered or written until it is begun."""
        self.taken |= self.arrows()
        if everything:
            self.client.flushall()
            self.rules = Breaker()
        else:
            self.client.delete(scripts.breaker_keys(SERVICE, CREATE)[3])
            old = self.rules
            for scope in [scope for own in old.own.values() for scope in own.scopes.values()]:
                scope.epoch *= scope.moved  # as long as it has not changed it has the generation's
            ramp = Ramp(waiting=old.ramp.waiting, sending=old.ramp.sending, senders=old.ramp.senders)
            self.rules = Breaker(limits=old.limits, counts=old.counts, events=old.events, own=old.own, ramp=ramp)
        for name in HOLDERS:
            self._expect(name, at, ("1",) * 20, ["forgotten"])
        for name in SHORT:
            self._expect(name, at, range(8), [at.now])
        self.compare()

    def forget_limit(self) -> None:
        """Wipe what the server knows of the rate limits alone."""
        self._catch_up()
        self.client.delete(*(_limit_key(key) for key in ("", *KEYS)))
        self.rules.limits = {}

    def forget_failures(self) -> None:
        """Wipe the times of the failures alone."""
        self._catch_up()
        for endpoint in ENDPOINTS:
            self.client.delete(*scripts.breaker_keys(SERVICE, endpoint)[-2:])
            self.client.delete(*(scripts.breaker_keys(SERVICE, endpoint, key)[-1] for key in KEYS))
        for scopes in (self.rules.scopes, *(own.scopes for own in self.rules.own.values())):
            for scope in scopes.values():
                scope.forget_times()

    def restore(
        self,
        at: Caller,
        known: tuple[int, int],
        scopes: Sequence[RememberedScope],
        overrides: Sequence[OperatorOverride],
    ) -> None:
        """Restore the breaker, or correct what another restored, or what an old snapshot has of it."""
        remembered = {name: ScopeState(State(state), *rest) for name, state, *rest in scopes}
        expected = self.rules.restore(at, known, scopes, overrides)
        self._same("restore", at, (restore_argument(*known, remembered, overrides),), expected)

    def acquire(
        self, at: Caller, *, item: str = "", probe_ok: bool = True, trial: bool = False, taken_at: int = 0
    ) -> Permit | None:
        """Ask for a call; every other time by the short way first, where a process would."""
        self.owners += 1
        owner, epochs = f"o{self.owners}", self.rules.epochs(at)
        short = not item and not trial and self.owners % 2
        closed = self.rules.closed(at) and not self.rules.blocks(at).admission(at, trial=False).reason
        known = self._last_closed(at)
        if short:
            own = self.rules.own_scope(at)
            still = known == epochs and (own is None or own.state == "closed")
            wanted = self.owners % 5 - 1
            count = self.rules.admit_messages(at, wanted) if still else 0
            self._expect("still_closed", at, (*known, wanted), [at.now, "closed", count] if still else [at.now])
        closed = bool(short and closed and known == epochs)
        how = {"probe_ok": probe_ok, "trial": trial, "taken_at": taken_at, "short": closed}
        expected = self.rules.acquire(at, owner, item, **how)  # type: ignore[arg-type]
        if closed:
            own_epoch = expected[14][1] if expected[14] else 0
            self._same("acquire_closed", at, known, [at.now, expected[16], expected[19], own_epoch])
        else:
            if short:
                self._expect("acquire_closed", at, known, [at.now])
            self._same("acquire", at, (owner, int(probe_ok), item, int(trial), taken_at), expected)
        if expected[15] != "granted":
            return None
        own_state, own_epoch = expected[14][:2] or ("closed", 0)
        all_closed = expected[5] == expected[9] == own_state == "closed"
        permit = Permit(
            at.endpoint, owner, item, trial, expected[6], expected[10], expected[19], at.now, all_closed, own_epoch,
            0 if closed else expected[18], taken_at or at.now,
        )  # fmt: skip
        self.permits = [*self.permits[-7:], permit]
        return permit

    def record(self, at: Caller, permit: Permit, report: OutcomeReport) -> None:
        """Report a call; `report` says what came of it. Every other time by the short way first, as in `acquire`."""
        at = at._replace(endpoint=permit.endpoint)
        epochs = permit.service_epoch, permit.endpoint_epoch
        report = report._replace(
            owner=permit.owner, item=permit.item, trial=int(permit.trial), service_epoch=epochs[0],
            endpoint_epoch=epochs[1], window=permit.window, granted_at=permit.granted_at, own_epoch=permit.own_epoch,
            released_at=permit.released_at, taken_at=permit.taken_at,
        )  # fmt: skip
        self.reports += 1
        success = report.outcome is CallOutcome.SUCCESS and permit.closed and not permit.item and not permit.trial
        if not success or self.reports % 2:
            self.report_as_is(at, report)
            return
        report = report._replace(error="none", severity=0)
        nothing_to_change = (
            self.rules.closed(at) and self.rules.nothing_to_forget(at) and epochs == self.rules.epochs(at)
        )
        own = (*epochs, permit.window, permit.granted_at, report.took, report.limit, report.remaining, report.reset)
        if nothing_to_change:
            self.rules.record(at, report, short=True)
            self._same("record_closed", at, own, [at.now, "recorded"])
        else:
            self._expect("record_closed", at, own, [at.now])
            self.report_as_is(at, report)

    def report_as_is(self, at: Caller, report: OutcomeReport) -> None:
        """Report as it stands: also what has no permit."""
        report = report._replace(release_max=at.limits.release_max)
        self._same("record", at, report, self.rules.record(at, report))

    def release(self, at: Caller, items: Sequence[str]) -> list[str]:
        """Ask which held items may go."""
        expected = self.rules.release(at, items)
        self._same("release", at, (at.limits.release_max, *items), expected)
        granted: list[str] = expected[18]
        return granted

    def give_back(self, at: Caller, item: str, answered_at: int = 0) -> None:
        """End a released item without a call of its own."""
        own = (at.limits.release_max, answered_at, item)
        self._same("give_back", at, own, self.rules.give_back(at, item, answered_at))

    def turned_out(self, at: Caller, *, done: bool) -> None:
        """Say what became of a call whose answer was not clear."""
        self._same("turned_out", at, (int(done),), self.rules.turned_out(at, done=done))

    def is_open(self, at: Caller, *, alone: bool) -> None:
        """Ask as one who reports without a permit."""
        self.owners += 1
        owner = f"o{self.owners}"
        self._same("is_open", at, (owner, int(alone)), self.rules.is_open(at, owner, alone=alone))

    def override(self, at: Caller, override: OperatorOverride) -> None:
        """Give an operator's override."""
        self._same("override", at, (override_argument(override),), self.rules.override(at, override))

    def status(self, at: Caller) -> None:
        """Look at everything."""
        self._catch_up()
        known, now, breaker, rate, own, waiting, sending, *left = self._run("status", at, ())
        assert (known, now) == ("known", at.now)
        begun = self._server_time()
        assert begun <= self._run("status", at._replace(now=0), ())[1] <= self._server_time()
        begun = self._server_time()
        [first], [second], [third] = (self._run(name, at._replace(now=0), range(8)) for name in SHORT)
        assert begun <= first <= second <= third <= self._server_time()
        states, limits, hashes = self._states()
        assert (_plain(pairs(breaker)), _plain(pairs(rate))) == (states, limits[at.limit_of])
        assert self._plain_own(pairs(own)) == (hashes[at.key] if at.account else {})
        seen = replace(self.rules.limit(at))
        seen.clamp(at.limits, at.now)
        assert tuple(left) == seen.left(at.limits, at.now)
        for counted, kept in ((waiting, self.rules.ramp.waiting), (sending, self.rules.ramp.sending)):
            assert counted == sum(ends > at.now for ends in kept.values())

    def count(self, at: Caller, lines: Sequence[tuple[str, str, int, int, int, int]], context: str) -> None:
        """Report calls that no breaker guards."""
        self._catch_up()
        text = "".join("{} {} {} {} {} {};".format(*line) for line in lines)
        self.rules.counts.whole_from = self.rules.counts.whole_from or at.now
        for line in lines:
            self.rules.counts.count(*line, context, size=at.limits.size, now=at.now)
        assert self._stats("count_calls", at, text, context) == at.now
        self.compare()

    def read_counts(self, at: Caller, written: int, *, restarted: bool) -> None:
        """Read all counts; windows until `written` are stored already. `restarted`: Redis starts again first."""
        self._catch_up()
        counts, keys = self.rules.counts, scripts.stats_keys(SERVICE)
        if restarted:
            self.client.hset(keys[1], "run", "another")
            counts.whole_from = at.now
        counts.drop(written)
        begun = self._server_time()
        assert begun <= self._stats("recent_calls", at._replace(now=0))[0] <= self._server_time()
        now, seconds = self._stats("recent_calls", at)
        assert (now, pairs(seconds)) == (at.now, counts.second_fields())
        now, windows = self._stats("closed_windows", at, written)
        assert now == at.now
        assert pairs(windows).pop("run")
        self.compare()

    def discard_counts(self, at: Caller, *, seconds: bool) -> None:
        """Begin the last minutes again, or say that the windows lack calls."""
        self._catch_up()
        if seconds:
            self.rules.counts.reset_recent_calls()
        else:
            self.rules.counts.lack(_AGO, size=at.limits.size, now=at.now)
        answer = self._stats("reset_recent_calls", at) if seconds else self._stats("mark_incomplete", at, _AGO)
        assert answer == at.now
        self.compare()

    def moments(self) -> Iterator[int]:
        """Give the moments at which something changes by itself."""
        rules = self.rules
        for scope in [*rules.scopes.values(), *(one for own in rules.own.values() for one in own.scopes.values())]:
            yield from (scope.ends, scope.lease, scope.mixed_at + 500, scope.epoch + 1000)
            yield from (at + 1000 for at in scope.in_a_row[:1])
        for limit in rules.limits.values():
            yield from (limit.throttled_until, limit.resets_at, limit.scout_at + 5000, limit.tat // 1000)
        yield from (own.admitted // 1000 for own in rules.own.values())
        yield from (kept.next_trial for kept in (rules.kept, *(own.kept for own in rules.own.values())))
        yield from (*rules.ramp.waiting.values(), *rules.ramp.sending.values())
        yield rules.ramp.halved_at

    def arrows(self) -> set[tuple[str, str, str]]:
        """Read which changes of state the server's stream tells of: old, new, reason."""
        self._catch_up()
        entries: Any = self.client.xrange(scripts.breaker_keys(SERVICE, CREATE)[4])
        return {(entry["old"], entry["new"], entry["reason"]) for _, entry in entries}

    def compare(self) -> None:
        """Take the steps that the rules are ahead; compare what each answers, and then everything that is kept."""
        steps, self._ahead = self._ahead, []
        pipe = self.client.pipeline(transaction=False)
        for name, at, own, _ in steps:
            pipe.evalsha(*self._call(name, at, own))
        answers = self._then_read(pipe).execute()
        for step, answer in zip(steps, answers, strict=False):
            assert answer == step[-1], step
        self._compare(answers[len(steps) :])

    def _catch_up(self) -> None:
        if self._ahead:
            self.compare()

    def _then_read(self, pipe: Pipeline) -> Pipeline:
        _, counts, windows, breaker, events, released, sending, senders, *_ = scripts.breaker_keys(SERVICE, CREATE)
        of_keys = [*map(_limit_key, ("", *KEYS)), *map(_own_key, KEYS)]
        for name in (breaker, *of_keys, counts, windows, senders):
            pipe.hgetall(name)
        for name in (released, sending):
            pipe.zrange(name, 0, -1, withscores=True)
        for name in (*_LASTING, *_AT_REST):
            pipe.pttl(name)
        return pipe.xrange(events)

    def _compare(self, kept: Sequence[Any]) -> None:
        states, *of_keys, entries = kept
        at_rest = len(_AT_REST)
        of_keys, lasting, leaving = of_keys[: -at_rest - 3], of_keys[-at_rest - 3 : -at_rest], of_keys[-at_rest:]
        *of_keys, seconds, cells, senders, waiting, being_sent = of_keys
        assert max(lasting) < 0
        assert -1 not in leaving  # it would stay for ever
        limits = dict(zip(("", *KEYS), map(_plain, of_keys), strict=False))
        own = dict(zip(KEYS, map(self._plain_own, of_keys[len(limits) :]), strict=True))
        assert (_plain(states), limits, own) == self._states()
        assert seconds == self.rules.counts.second_fields()
        assert ("run" in cells) == ("whole_from" in cells)
        cells.pop("run", None)
        assert {"whole_from": "0"} | cells == self.rules.counts.window_fields()
        assert {item: int(ends) for item, ends in waiting} == self.rules.ramp.waiting
        assert {item: int(ends) for item, ends in being_sent} == self.rules.ramp.sending
        assert senders == self.rules.ramp.senders
        assert [event for _, event in entries] == self.rules.events

    def _last_closed(self, at: Caller) -> tuple[int, int]:
        """Return the epochs in which a process last saw both breakers closed, now and then too long ago."""
        service, endpoint = (
            scope.epoch - (scope.state != "closed" or self.owners % 16 == late)
            for scope, late in ((self.rules.scope(""), 3), (self.rules.scope(at.endpoint), 7))
        )
        return service, endpoint

    def _server_time(self) -> int:
        seconds, micros = self.client.time()  # type: ignore[misc]
        return int(seconds) * 1000 + int(micros) // 1000

    def _same(self, name: str, at: Caller, own: Sequence[Any], expected: Reply) -> None:
        self._expect(name, at, own, expected)
        if len(self._ahead) >= self.every:
            self.compare()

    def _expect(self, name: str, at: Caller, own: Sequence[Any], expected: Reply) -> None:
        self._ahead.append((name, at, own, expected))

    def _states(self) -> tuple[dict[str, str], dict[str, dict[str, str]], dict[str, dict[str, str]]]:
        limits = {key: self.rules.limits.get(key, Limit()).fields() for key in ("", *KEYS)}
        own = {key: self.rules.own[key].fields() if key in self.rules.own else {} for key in KEYS}
        return (
            _plain(self.rules.fields()),
            {key: _plain({name: str(value) for name, value in limit.items()}) for key, limit in limits.items()},
            {key: self._plain_own(fields) for key, fields in own.items()},
        )

    def _plain_own(self, fields: dict[str, str]) -> dict[str, str]:
        own = _plain({**fields, "born": str(self.rules.generation)})
        return {name: value for name, value in own.items() if name != "born"}

    def _run(self, name: str, at: Caller, own: Sequence[Any]) -> Reply:
        answer: Reply = self.client.evalsha(*self._call(name, at, own))
        return answer

    def _call(self, name: str, at: Caller, own: Sequence[Any]) -> tuple[Any, ...]:
        names = (SERVICE, at.endpoint, at.key if at.account else None, at.limit_of)
        keys, pace = scripts.breaker_keys(*names), (at.limits.emission_interval, at.limits.burst_tolerance)
        common: tuple[Any, ...] = (at.endpoint, at.key, at.configuration, at.text, *pace)
        if name in SHORT:  # whose own arguments begin with the epochs
            keys = scripts.closed_keys(*names)
            common, own = (*common, at.limits.rate_window, at.limits.size, *own[:2], at.now), own[2:]
        else:
            common = (*common, at.account, at.to_open, at.now)
        return self.lua[name], len(keys), *keys, *common, *own

    def _stats(self, name: str, at: Caller, *own: Any) -> Any:
        keys = scripts.stats_keys(SERVICE)
        return self.client.evalsha(self.lua[name], len(keys), *keys, at.limits.size, at.now, *own)


def _limit_key(key: str) -> str:
    return scripts.breaker_keys(SERVICE, CREATE, None, key)[0]


def _own_key(key: str) -> str:
    return scripts.breaker_keys(SERVICE, CREATE, key)[-2]


_LASTING = (_limit_key(""), *(scripts.breaker_keys(SERVICE, endpoint)[-1] for endpoint in ENDPOINTS))
_AT_REST = (
    *map(_limit_key, KEYS),
    *map(_own_key, KEYS),
    *(scripts.breaker_keys(SERVICE, endpoint, key)[-1] for endpoint in ENDPOINTS for key in KEYS),
)
"""What is deleted when its account is at rest; what is the service's stays."""


def _plain(fields: dict[str, str]) -> dict[str, str]:
    """Leave out what is not written as long as it says nothing."""
    born = fields.get("born")
    kept = {name: value for name, value in fields.items() if value not in ("0", "", "closed", "None")}
    kept = {name: value for name, value in kept.items() if not (name.endswith("epoch") and value == born)}
    return {name: value for name, value in kept.items() if (name, value) not in (("window", "1"), ("remaining", "-1"))}
