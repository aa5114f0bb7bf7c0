"""The breaker by its rules, written once more and simply: what the scripts must reply, keep and tell. Times in ms.

Two scopes, one above the other: the service, and the endpoint; and one more for an account that is not alone. Each step
has the name of its script, and answers as it does; `Caller` is who takes it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from resilience.circuit_breaker.types import OperatorOverride, OverrideKind
from resilience.circuit_breaker.wire import OutcomeReport
from tests.breaker_model import messages
from tests.breaker_model.blocks import Blocks, Kept
from tests.breaker_model.callers import Callers
from tests.breaker_model.counts import Counts
from tests.breaker_model.limit import Limit
from tests.breaker_model.ramp import LATE, Ramp
from tests.breaker_model.scope import SHORT, Admission, Caller, Scope

Reply = list[Any]
RememberedScope = tuple[str, str, int, int, int]
"""A scope as a process remembers it: name, state, epoch, end, times opened."""
RESULTS = {
    "success": (True, True),
    "failure_endpoint": (True, False),
    "failure_service": (False, False),
}
"""Whether an outcome shows the service, and its endpoint, alive; others show nothing."""


@dataclass
class OwnHash:
    """What is kept of the key of an account that is not alone: its breakers by endpoint, and its blocks."""

    account: str
    kept: Kept = field(default_factory=Kept)
    scopes: dict[str, Scope] = field(default_factory=dict)
    reset_at: int = 0
    """The last reset of the service that it has obeyed."""
    admitted: int = 0
    """When its next message is due at an even pace, microseconds."""

    def fields(self) -> dict[str, str]:
        """Name what is kept as the hash does."""
        known: dict[str, Any] = {"reset": self.reset_at, "admitted": self.admitted, **self.kept.fields()}
        for scope in self.scopes.values():
            known |= scope.fields()
        return {name: str(value) for name, value in known.items()}


@dataclass
class Breaker:
    """Everything that is shared."""

    generation: int = 0
    restored_epoch: int = 0
    last_override: int = 0
    settings: str = ""
    reset_at: int = 0
    done_unclear: int = 0
    """How many of the last unclear calls, in a row, turned out to be done, up to six."""
    kept: Kept = field(default_factory=Kept)
    scopes: dict[str, Scope] = field(default_factory=dict)
    own: dict[str, OwnHash] = field(default_factory=dict)
    """By key, of accounts that are not alone."""
    callers: Callers = field(default_factory=Callers)
    limits: dict[str, Limit] = field(default_factory=dict)
    """By key; '': the service's."""
    ramp: Ramp = field(default_factory=Ramp)
    counts: Counts = field(default_factory=Counts)
    events: list[dict[str, str]] = field(default_factory=list)
    changes: list[Reply] = field(default_factory=list)
    """The changes of the step in hand."""

    def restore(
        self,
        at: Caller,
        known: tuple[int, int],
        scopes: Sequence[RememberedScope],
        overrides: Sequence[OperatorOverride],
    ) -> Reply:
        """Begin again where everything is forgotten; one who knew a later state corrects what has not moved.

        `known`: the generation, and the epoch up to which it is known. Of the same generation a scope is corrected
        whose epoch is below the remembered one: it is of an old snapshot.
        """
        self.changes = []
        generation, seen = known
        same = bool(self.generation) and generation == self.generation
        if self.generation and not same and (self.scope("").epoch != self.generation or seen <= self.restored_epoch):
            return self._reply(at, "ignored")
        if not self.generation:
            self.generation, self.counts.whole_from, self.scopes = max(seen + 1, at.now), at.now, {}
            self._append_event("", "closed", "closed", "begun", at, epoch=self.generation)
            for scope in [scope for own in self.own.values() for scope in own.scopes.values()]:
                scope.epoch = scope.epoch or self.generation
        if not same:
            self.restored_epoch = seen
        for name, state, epoch, ends, opens in scopes:
            scope = self.scope(name)
            if (scope.epoch < epoch) if same else (scope.epoch == self.generation):
                scope.epoch = max(scope.epoch, epoch)
                self._move(scope, state, "restored", at, ends=ends, opens=opens)
        self.limit(at).clamp(at.limits, at.now)
        for override in overrides:
            self._apply_override(override, at)
        return self._reply(at, "done" if self.changes or not same else "ignored")

    def acquire(
        self,
        at: Caller,
        owner: str,
        item: str,
        *,
        probe_ok: bool,
        trial: bool,
        taken_at: int = 0,
        short: bool = False,
    ) -> Reply:
        """Let a call go, when all agree; `short`: by the script that only knows closed breakers."""
        self.limit(at).clamp(at.limits, at.now)
        self._expire(at, short=short)
        beside = self._goes_beside_the_probe(at, item)
        reason, wait, probing = self._admission(at, probe_ok=probe_ok, trial=trial, beside=beside)
        released_at = self.ramp.released_at(item, at.limits.lease_for)
        if not reason:
            finds_out = trial and self.limit(at).may_try_again(at.limits, at.now)
            wait = 0 if finds_out else self.limit(at).wait(at.limits, at.now)
            reason = "throttled" if wait else ""
        if reason:
            self.ramp.waiting.pop(item, None)
            return self._reply(at, reason, wait, 0, released_at, self.limit(at).number)
        self.limit(at).take(at.limits, at.now)
        if released_at:
            self._send(at, item, released_at, taken_at or at.now)
        if probing:
            self._take_probes(at, owner)
        if trial:
            self.blocks(at).take_trial(at)
        own = self.own_scope(at)
        if own is not None and own.state == "closed" and not trial:
            self.callers.note(at.key, at.now)
        return self._reply(at, "granted", 0, int(probing), released_at, self.limit(at).number)

    def record(self, at: Caller, report: OutcomeReport, *, short: bool = False) -> Reply:
        """Record what came of a call; `short` as in `acquire`."""
        self.limit(at).clamp(at.limits, at.now)
        if report.error:
            about = (report.error, report.severity, 1, report.took, report.took, report.context)
            self.counts.count(at.endpoint, *about, size=at.limits.size, now=at.now)
        self._expire(at, report.context, short=short)
        self._report_to_the_limit(at, report)
        epochs = self.epochs(at)
        begun_now = (report.service_epoch, report.endpoint_epoch) == epochs
        if report.item and begun_now:
            self._refresh_ramp(at)
            if self.ramp.end(report.item):
                if report.outcome == "success":
                    if at.account:
                        self.ramp.note_answer(report.granted_at, at.now)
                    fitting = self.ramp.fitting if report.taken_at == report.granted_at else math.inf
                    most = min(_ceiling(at), fitting)
                    self.ramp.grow(report.released_at, report.taken_at, most, at.now)
                elif report.outcome in RESULTS and not self._counts_for_itself_only(at, report):
                    self.ramp.halve(report.released_at, self._least(at), at.now)
        self.blocks(at).apply_outcome(at, report)
        self._apply_to_all(at, report)
        room = 0
        if report.item:
            self._refresh_ramp(at)
            room = self._places(at, "") if at.account else self._room(at)[0]
        return self._reply(at, "recorded", room)

    def release(self, at: Caller, items: Sequence[str]) -> Reply:
        """Let the oldest held items go that may; none twice."""
        self.limit(at).clamp(at.limits, at.now)
        self._expire(at)
        self._refresh_ramp(at)
        if at.account:
            own = self.own_hash(at)
            own.admitted = messages.clamp(own.admitted, at)
        room, reason, wait = self._room(at)
        granted: list[str] = []
        for item in items:
            if len(granted) < room and item not in {*self.ramp.waiting, *self.ramp.sending, *granted}:
                granted.append(item)
        self.ramp.release(granted, at.account, at.now, at.limits.lease_for)
        if granted and at.account:
            own = self.own_hash(at)
            own.admitted = messages.take(own.admitted, at, len(granted))
            self.ramp.turn = at.account
        turn = "" if items else self.ramp.turn
        return self._reply(at, reason, wait, room - len(granted), granted, self._places(at, ""), turn)

    def admit_messages(self, at: Caller, wanted: int) -> int:
        """Let so many messages of an account go as its pace allows; return how many."""
        if not at.account or not wanted:
            return 0
        own = self.own_hash(at)
        count = min(wanted, messages.left(own.admitted, at))
        own.admitted = messages.take(own.admitted, at, count)
        return count

    def give_back(self, at: Caller, item: str, answered_at: int = 0) -> Reply:
        """Free the place of an item that ended without a call of its own; `answered_at`: with one that was answered."""
        self.changes = []
        if answered_at:
            self._refresh_ramp(at)
        released_at = self.ramp.released_at(item, at.limits.lease_for)
        self.ramp.waiting.pop(item, None)
        self.ramp.end(item)
        if released_at and answered_at - released_at > LATE:
            self.ramp.halve(released_at, self._least(at), at.now)
        elif released_at and answered_at:
            self.ramp.grow(released_at, answered_at, _ceiling(at), at.now)
        return self._reply(at, "done")

    def turned_out(self, at: Caller, *, done: bool) -> Reply:
        """Count what became of a call whose answer was not clear."""
        self.changes = []
        self.done_unclear = min(self.done_unclear + 1, 6) if done else 0
        return self._reply(at, "done")

    def is_open(self, at: Caller, owner: str, *, alone: bool) -> Reply:
        """Say whether it is open; in half-open the first to ask has the place."""
        self._expire(at)
        scopes = (self.scope(""),) if alone else self.scopes_of(at)
        reason, _, probing = self._first(scopes, at, probe_ok=True)
        if not reason and probing:
            self._take_probes(at, owner)
        return self._reply(at, int(bool(reason)))

    def override(self, at: Caller, override: OperatorOverride) -> Reply:
        """Obey an operator."""
        self.limit(at).clamp(at.limits, at.now)
        self._expire(at)
        return self._reply(at, self._apply_override(override, at))

    def scope(self, name: str) -> Scope:
        """Return the service's breaker, or an endpoint's."""
        return self.scopes.setdefault(name, Scope(name, self.generation, prefix=name and f"{name}/"))

    def own_hash(self, at: Caller) -> OwnHash:
        """Return what is kept of the key of an account that is not alone."""
        return self.own.setdefault(at.key, OwnHash(at.account))

    def own_scope(self, at: Caller) -> Scope | None:
        """Return the account's breaker for the endpoint; None: it is alone."""
        if not at.account:
            return None
        scope = Scope(f"{at.endpoint}/{at.account}", self.generation, prefix=f"{at.endpoint}/")
        return self.own_hash(at).scopes.setdefault(at.endpoint, scope)

    def scopes_of(self, at: Caller) -> tuple[Scope, ...]:
        """Return the breakers that must all admit a call."""
        own = self.own_scope(at)
        return self.scope(""), self.scope(at.endpoint), *(() if own is None else (own,))

    def limit(self, at: Caller) -> Limit:
        """Return what is known of the limits of this key."""
        return self.limits.setdefault(at.limit_of, Limit())

    def blocks(self, at: Caller) -> Blocks:
        """Return what blocks this account."""
        return Blocks(self.own_hash(at).kept if at.limit_of else self.kept, self.kept)

    def epochs(self, at: Caller) -> tuple[int, int]:
        """Return the epochs of the service and the endpoint."""
        return self.scope("").epoch, self.scope(at.endpoint).epoch

    def closed(self, at: Caller) -> bool:
        """Return whether both breakers are closed, and the last who wrote had the same settings."""
        states = {scope.state for scope in self.scopes_of(at)}
        return states == {"closed"} and self.settings == at.text

    def nothing_to_forget(self, at: Caller) -> bool:
        """Return whether a success finds no count to set to zero, and no page that it shows to be over."""
        failures = any(scope.in_a_row for scope in self.scopes_of(at))
        return not failures and self.blocks(at).paged(at) != at.endpoint

    def fields(self) -> dict[str, str]:
        """Name what is kept of the states as the hash does."""
        known: dict[str, Any] = {
            "born": self.generation, "seeded": self.restored_epoch, "ordered": self.last_override,
            "settings": self.settings, "reset": self.reset_at, "booked": self.done_unclear,
            "callers": self.callers.text,
            **self.kept.fields(), **self.ramp.fields(),
        }  # fmt: skip
        for scope in self.scopes.values():
            known |= scope.fields()
        return {name: str(value) for name, value in known.items()}

    # Steps within a step.

    def _expire(self, at: Caller, context: str = "", *, short: bool = False) -> None:
        """Do what time alone changes; no clock calls, so the first call finds it."""
        self.changes = []
        if not short:
            self._obey_reset(at, context=context)
        for scope in self.scopes_of(at):
            scope.forget_later(at.limits, at.now)
            if scope.ends and at.now >= scope.ends and scope.state == "off":
                self._move(scope, "closed", "off_over", at, context=context)
            elif scope.ends and at.now >= scope.ends:
                self._move(scope, "half_open", "open_over", at, opens=scope.opens, context=context)

    def _obey_reset(self, at: Caller, *, again: bool = False, **word: str | int) -> None:
        """Do for an account's hash what an operator's reset of the service did, with its next step."""
        if not at.account or not self.reset_at or (self.own_hash(at).reset_at == self.reset_at and not again):
            return
        own = self.own_hash(at)
        own.reset_at = self.reset_at
        for _, scope in sorted(own.scopes.items(), key=lambda known: known[0]):
            if scope.state != "closed" or scope.in_a_row:
                self._move(scope, "closed", "reset", at, **word)
        if at.limit_of:
            own.kept.lift(self.reset_at)
            own.kept.next_trial = own.kept.trials = 0

    def _admission(self, at: Caller, *, probe_ok: bool, trial: bool, beside: bool = False) -> Admission:
        blocked = self.blocks(at).admission(at, trial=trial)
        return (
            blocked
            if blocked.reason
            else self._first(self.scopes_of(at), at, probe_ok=probe_ok or trial, beside=beside)
        )

    def _first(self, scopes: Sequence[Scope], at: Caller, *, probe_ok: bool, beside: bool = False) -> Admission:
        """Return the first obstacle of these breakers; none where the service's is switched off."""
        if scopes[0].state == "off":
            return Admission()
        how = {"probe_ok": probe_ok, "beside": beside}
        found = [scope.admission(at, gives_way=self._gives_way(scope, at), **how) for scope in scopes]
        shut = next((one for one in found if one.reason), None)
        return shut or Admission(probing=any(one.probing for one in found))

    def _goes_beside_the_probe(self, at: Caller, item: str) -> bool:
        """Return whether the item was let go in this half-open window, in which more than the probe may go."""
        scopes = self.scope(""), self.scope(at.endpoint)
        if not item or self.done_unclear < 6 or "half_open" not in {scope.state for scope in scopes}:
            return False
        self._refresh_ramp(at)
        return item in self.ramp.waiting

    def _at_once_in_half_open(self, at: Caller, size: float) -> float:
        return min(size, at.limits.threshold) if self.done_unclear >= 6 else 1

    def _gives_way(self, scope: Scope, at: Caller) -> bool:
        """Return whether a probe should rather be another account's: this one is ill, or made the last probe."""
        own = self.own_scope(at)
        if own is None or scope is own or at.to_open == 1:
            return False
        return own.state != "closed" or scope.probed_by == at.account

    def _take_probes(self, at: Caller, owner: str) -> None:
        for scope in self.scopes_of(at):
            if scope.state == "half_open" and at.now >= scope.lease:  # else it goes beside the probe
                scope.set_probe(owner, at.now + at.limits.lease_for)
                if at.account and scope is not self.own_scope(at):
                    scope.probed_by = at.account

    def _room(self, at: Caller) -> tuple[int, str, int]:
        """Return how many held items may be released, or why none and the ms to wait."""
        reason, wait, probing = self._admission(at, probe_ok=True, trial=False)
        if not reason:
            wait = self.limit(at).wait(at.limits, at.now)
            if at.account and not wait:
                wait = messages.wait(self.own_hash(at).admitted, at)
            reason = "throttled" if wait else ""
        if reason:
            return 0, reason, wait
        room = self.limit(at).room(at.limits, at.now)
        if at.account:  # its messages have a pace, here; else each that goes will take from the limit
            room = min(room, messages.left(self.own_hash(at).admitted, at), 1 if probing else math.inf)
        else:
            room = min(
                room - len(self.ramp.waiting), self._at_once_in_half_open(at, _ceiling(at)) if probing else math.inf
            )
        free = int(min(self._places(at, at.account), room))
        return (free, "", 0) if free > 0 else (0, "in_flight", 1000)

    def _places(self, at: Caller, account: str) -> int:
        """Return how many more items of an account may be released; '': of whichever has none under way."""
        scopes = () if self.scope("").state == "off" else (self.scope(""), self.scope(at.endpoint))
        if any(scope.state in ("open", "forced_open") or at.now < scope.lease for scope in scopes):
            return 0
        ramp, lease = self.ramp, at.limits.lease_for
        size = min(ramp.size, _ceiling(at))
        if any(scope.state == "half_open" for scope in scopes):
            return max(0, int(self._at_once_in_half_open(at, size)) - ramp.under_way)
        counted = ramp.counted_for(account, at.now, lease)
        scouts = counted == size and ramp.may_scout(account, at.now, lease)
        return max(0, int(min(size + scouts - counted, _ceiling(at) - ramp.under_way)))

    def _send(self, at: Caller, item: str, released_at: int, taken_at: int) -> None:
        """Let a released item be sent; one that is taken late shows that more were let go than the workers take."""
        self.ramp.waiting.pop(item)
        if taken_at - released_at > LATE:
            self._refresh_ramp(at)
            self.ramp.halve(released_at, self._least(at), at.now)
        if taken_at == at.now:  # else others may be looked up, not sent
            self.ramp.note_take(taken_at - released_at)
        self.ramp.sending[item] = at.now + at.limits.lease_for
        if at.account:
            self.ramp.senders[item] = at.account

    def _refresh_ramp(self, at: Caller) -> None:
        self.ramp.refresh(self.epochs(at), at.now, at.limits.lease_for, self._least(at))

    def _least(self, at: Caller) -> int:
        """Return the window that a failure leaves: where a part works, as many as open the breaker."""
        mixed = any(scope.is_mixed(at.limits, at.now) for scope in (self.scope(""), self.scope(at.endpoint)))
        return at.limits.threshold if mixed or self.done_unclear >= 6 else 1

    def _report_to_the_limit(self, at: Caller, report: OutcomeReport) -> None:
        if report.outcome == "success" and report.trial:
            self.limit(at).end_throttle(at.limits, at.now)
        if report.window >= 0:
            self.limit(at).answered(report.window, report.granted_at)
        if report.outcome == "throttled":
            self.limit(at).apply_429(report.granted_at, report.retry_after, at.limits, at.now)
        if report.limit:  # a 429 tells it, too
            self.limit(at).apply_limit(report.limit, report.reset)
        if report.outcome == "throttled":
            return
        if report.outcome == "success" and report.granted_at >= self.limit(at).throttled_until:
            self.limit(at).refused = 0
        if report.limit:
            headers = (report.limit, report.remaining, report.reset)
            self.limit(at).apply_headers(report.window, report.granted_at, headers, at.limits, at.now)

    def _apply_to_all(self, at: Caller, report: OutcomeReport) -> None:
        """Take in what an outcome says of each scope."""
        service_epoch, endpoint_epoch = self.epochs(at)
        own = self.own_scope(at)
        service_alive, endpoint_alive = RESULTS.get(report.outcome, (None, None))
        own_alive = None if report.never_sent else endpoint_alive  # an account cannot cause that nothing is sent
        itself_only = self._counts_for_itself_only(at, report)
        if report.service_epoch > 0 and report.service_epoch != service_epoch:
            endpoint_alive = own_alive = None  # begun before a change of the service: no headers of its endpoint
        elif report.endpoint_epoch > 0 and report.endpoint_epoch != endpoint_epoch:
            own_alive = None
            if service_alive is False:
                service_alive = None  # in flight when its endpoint opened: it does not open the service, too
        tripped = False
        for scope, epoch, alive in (
            (self.scope(""), report.service_epoch, service_alive),
            (self.scope(at.endpoint), report.endpoint_epoch, endpoint_alive),
        ):
            if not (itself_only and scope.state == "closed"):
                tripped |= self._apply_outcome(scope, epoch, at, report, alive=alive, tripped=tripped)
        if own is not None:
            self._apply_outcome(own, report.own_epoch, at, report, alive=own_alive, tripped=tripped)

    def _counts_for_itself_only(self, at: Caller, report: OutcomeReport) -> bool:
        """Return whether this is a failure of an account whose own breaker is not closed, or has opened meanwhile."""
        own = self.own_scope(at)
        if own is None or report.never_sent or RESULTS.get(report.outcome, (None, None))[1] is not False:
            return False
        return own.state != "closed" or report.own_epoch not in (0, own.epoch)

    def _apply_outcome(
        self, scope: Scope, epoch: int, at: Caller, report: OutcomeReport, *, alive: bool | None, tripped: bool = False
    ) -> bool:
        """Take in what an outcome says of a scope; return whether it opens. `tripped`: the service just has."""
        if epoch not in (0, scope.epoch):  # begun before a change of this scope
            return False
        if scope.state == "half_open" and (report.owner == scope.owner if report.owner else alive is not None):
            scope.set_probe("", 0)
            if alive:
                self._move(scope, "closed", "probe_succeeded", at, context=report.context)
            elif alive is False and not tripped:
                return self._open(scope, 1, at, report)
        elif scope.state == "closed" and alive:
            scope.end_the_row(at.now)
        elif scope.state == "closed" and alive is False:
            if tripped:  # the service's opening says it all
                scope.in_a_row = []
            elif scope.count_failure(at, self._blamed(scope, at, report), self.callers.to_open(at)):
                return self._open(scope, at.limits.threshold, at, report)
        return False

    def _blamed(self, scope: Scope, at: Caller, report: OutcomeReport) -> str:
        return "" if scope is self.own_scope(at) or not at.account else "-" if report.never_sent else at.account

    def _open(self, scope: Scope, failures: int, at: Caller, report: OutcomeReport) -> bool:
        grown = at.limits.open_for * report.stretch * at.limits.growth**scope.opens
        grown = grown / SHORT if scope.is_mixed(at.limits, at.now) else grown
        length = int(min(max(grown, report.retry_after), at.limits.open_max))
        ends, opens = at.now + length, scope.opens + 1
        self._move(
            scope, "open", report.reason, at, ends=ends, opens=opens, failures=failures, context=report.context
        )  # fmt: skip
        return True

    def _apply_override(self, override: OperatorOverride, at: Caller) -> str:
        if override.number and override.number <= self.last_override:
            return "done" if override.number == self.last_override else "ignored"
        self.last_override = max(self.last_override, override.number)
        service, word = self.scope(""), {"by": override.by, "why": override.why, "action": override.action}
        ends = 0 if override.until is None else round(override.until.timestamp() * 1000)
        match override.kind:
            case OverrideKind.OPEN:
                self._move(service, "forced_open", "forced_open", at, ends=ends, **word)
            case OverrideKind.OFF:
                self._move(service, "off", "switched_off", at, ends=ends, **word)
                self.limit(at).end_throttle(at.limits, at.now)
            case OverrideKind.BLOCK:
                self.kept.blocked[override.fingerprint] = at.now
            case OverrideKind.RESET:
                self.kept.lift(at.now)
                self.reset_at = at.now
                self.limit(at).end_throttle(at.limits, at.now)
                for _, scope in sorted(self.scopes.items(), key=lambda known: known[0]):
                    if scope.name and (scope.state != "closed" or scope.in_a_row):
                        self._move(scope, "closed", "reset", at, **word)
                self._move(service, "closed", "reset", at, **word)
                self._obey_reset(at, **word, again=True)
            case OverrideKind.AUTO if service.state == "forced_open":
                self._move(service, "half_open", "automatic_again", at, **word)
            case OverrideKind.AUTO if service.state == "off":
                self._move(service, "closed", "automatic_again", at, **word)
        return "done"

    def _move(
        self, scope: Scope, state: str, reason: str, at: Caller, *,
        ends: int = 0, opens: int = 0, failures: int | None = None, **word: str | int,
    ) -> None:  # fmt: skip
        """Change a state: an epoch that never was, and one event."""
        old, failures = scope.state, len(scope.in_a_row) if failures is None else failures
        scope.epoch, scope.moved = max(scope.epoch + 1, at.now), True
        scope.state, scope.ends, scope.opens, scope.in_a_row = state, ends, opens, []
        scope.set_probe("", 0)
        if state == "closed" and "/" not in scope.name:
            self.counts.reset_recent_calls()
        self.changes.append([scope.name, old, state, scope.epoch, reason, failures])
        self._append_event(scope.name, old, state, reason, at, failures=failures, epoch=scope.epoch, ends=ends, **word)

    def _append_event(self, name: str, old: str, new: str, reason: str, at: Caller, **how: str | int) -> None:
        event = {"endpoint": name, "old": old, "new": new, "reason": reason, "failures": 0, "at": at.now, "ends": 0}
        event |= {"by": "", "why": "", "action": 0, "context": ""} | how
        self.events.append({field: str(value) for field, value in event.items()})

    def _reply(self, at: Caller, *own: Any) -> Reply:
        others, self.settings = self.settings, at.text
        return [
            at.now, self.generation, "" if others == self.settings else others,
            int(self.blocks(at).is_blocked(at)), int(self.blocks(at).is_misconfigured(at)),
            *self.scope("").view, *self.scope(at.endpoint).view, self.changes, self._own_view(at), *own,
        ]  # fmt: skip

    def _own_view(self, at: Caller) -> Reply:
        own = self.own_scope(at)
        return [] if own is None else list(own.view)


def _ceiling(at: Caller) -> float:
    return at.limits.release_max or math.inf
