"""The breaker of one process, for the time in which Redis is gone: the same promises on a small scale.

It has the same threshold, span, OPEN and half-open, the same rule of three accounts, and one probe at a time. Our own
rate limit is an even pace of each key (GCRA without a burst, see lua/lib/quota.lua). Without a limit at most
`process_max` calls are in flight, and at most as many items are released in a second. It has no release window and does
not use the service's own limit: both need shared counts. Times are in milliseconds. The caller locks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from resilience.circuit_breaker.account import ENOUGH, RECENT, CallingAccount
from resilience.circuit_breaker.local.key import KEYS, SECOND, LocalKey, LocalKeys
from resilience.circuit_breaker.local.scope import LocalAdmission, LocalScope, admit_to_all, endpoint_state, evidence
from resilience.circuit_breaker.settings import EvenPace, Limits
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import (
    Change,
    Denied,
    OperatorOverride,
    OverrideKind,
    Permit,
    Reason,
    Recorded,
    Released,
    State,
    recorded,
)
from resilience.circuit_breaker.wire import OutcomeReport, ScopeState

SHORT = 10
"""An OPEN is this many times shorter while the service is mixed (docs/glossary.md): a part of it works."""
Changes = list[Change]
"""The changes of state that a step made; each step returns them with its result."""


class LocalBreaker:
    """Guard the calls of one process, beginning with the last known state of the shared breaker.

    `key` is the fingerprint of account 1's API key. `paid_until`: by limit until when it was used without Redis before;
    None: this process has no Redis. `pace` returns the pace of an account's limit.
    """

    def __init__(
        self,
        limits: Limits,
        snapshot: BreakerSnapshot,
        now: int,
        key: str = "",
        *,
        paid_until: Mapping[str, float] | None = None,
        pace: Callable[[int | None], EvenPace] | None = None,
    ) -> None:
        self.limits = limits
        self.account = CallingAccount(key=key)
        self.generation = snapshot.generation or now
        self.scopes = {
            name: LocalScope(name, breaker.epoch, breaker.state, _believed_end(breaker, limits, now), breaker.opens)
            for name, breaker in snapshot.scopes.items()
        }
        self.callers: dict[str, int] = {}
        self._pace = pace
        first_turn = None if paid_until is None else now
        self.keys = LocalKeys(
            dict(snapshot.blocks), now + limits.trial_every, first_turn=first_turn, paid_until=paid_until or {}
        )  # fmt: skip

    def scope(self, name: str = "") -> LocalScope:
        """Return the service's breaker, an endpoint's, or an account's (`ENDPOINT/ACCOUNT`)."""
        if name not in self.scopes and len(self.scopes) >= KEYS:
            accounts = {known: scope for known, scope in self.scopes.items() if "/" in known}
            rest = [known for known, scope in accounts.items() if scope.state is State.CLOSED and not scope.failures]
            for known in rest or list(accounts)[:1]:
                del self.scopes[known]
        return self.scopes.setdefault(name, LocalScope(name, self.generation))

    def key(self, account: CallingAccount | None, now: int) -> LocalKey:
        """Return what is kept of an account's key; None: account 1's, alone."""
        caller = account or self.account
        blocked_as = "" if caller.keyless else caller.key
        return self.keys.get(_name(caller), blocked_as, now, self._limits(caller))

    def paid_until(self) -> dict[str, float]:
        """Return by limit until when its pace is used."""
        return {**self.keys.paid_until, **{name: key.tat for name, key in self.keys.known.items()}}

    def acquire(
        self,
        endpoint: str,
        now: int,
        *,
        owner: str,
        probe_ok: bool,
        item: str,
        trial: bool,
        account: CallingAccount | None = None,
    ) -> tuple[Permit | Denied, Changes]:
        """Return a permit for one call, or why it is denied."""
        caller = account or self.account
        scopes, changes = self._expire(endpoint, now, caller)
        service, scope, key, limits = scopes[0], scopes[1], self.key(caller, now), self._limits(caller)
        paced = item != ""  # a released item: its release was paced already
        reason, wait, probing = self._admit(
            scopes, key, limits, now, probe_ok=probe_ok or trial, trial=trial, paced=paced
        )  # fmt: skip
        if reason is not None:
            return Denied(reason, wait, service.state, service.epoch, endpoint_state(scopes)), changes
        key.take_pace(0 if paced else 1, now, limits)
        trial = key.begin(owner, now, limits, trial=trial)
        for breaker in scopes if probing else ():
            breaker.owner, breaker.lease = owner, now + limits.lease_for
        if scopes[2:] and scopes[2].state is State.CLOSED and not trial:
            self._note_caller(caller, now)
        permit = Permit(
            endpoint, owner, item, service.epoch, scope.epoch, 0, now, service.state,
            probe=probing, released_at=now if paced else 0, trial=trial, shared=False,
            own_epoch=scopes[2].epoch if scopes[2:] else 0, account=caller,
        )  # fmt: skip
        return permit, changes

    def record(
        self, endpoint: str, now: int, report: OutcomeReport, account: CallingAccount | None = None
    ) -> tuple[Recorded, Changes]:
        """Record the outcome of a call."""
        caller = account or self.account
        scopes, changes = self._expire(endpoint, now, caller)
        self.key(caller, now).end(report, now, self.limits)
        epochs = (report.service_epoch, report.endpoint_epoch, report.own_epoch)
        tripped, blamed = False, "" if caller.alone else "-" if report.never_sent else str(caller.id)
        alive_of, itself_only = evidence(report, scopes, epochs)
        for number, (breaker, epoch, alive) in enumerate(zip(scopes, epochs, alive_of, strict=False)):
            shared = number < 2
            if shared and itself_only and breaker.state is State.CLOSED:
                continue
            account_of = (blamed if shared else "", self._accounts_to_open(caller, now))
            change = self._apply_outcome(breaker, epoch, now, report, account_of, alive=alive, tripped=tripped)
            changes += [change] if change else []
            tripped = tripped or (change is not None and change.new is State.OPEN)
        service = scopes[0]
        return recorded(service.state, service.epoch, endpoint_state(scopes), tuple(changes)), changes

    def release(
        self,
        endpoint: str,
        now: int,
        items: Sequence[str],
        account: CallingAccount | None = None,
        most: int | None = None,
    ) -> tuple[Released, Changes]:
        """Return which held items may go now, at most `most` (None: no such bound).

        In half-open one item may go; else as many as the pace of a second allows, or `process_max` without a limit.
        """
        caller = account or self.account
        scopes, changes = self._expire(endpoint, now, caller)
        key, limits = self.key(caller, now), self._limits(caller)
        reason, wait, probing = self._admit(scopes, key, limits, now, probe_ok=True, trial=False, paced=True)
        free = key.room(now, limits, probing=probing)
        room = 0 if reason is not None else free if most is None else min(free, most)
        granted = [item for item in items if item not in key.released][:room]
        key.released |= dict.fromkeys(granted, now)
        key.take_pace(len(granted), now - SECOND, limits)
        if reason is None and room == 0:
            reason, wait = Reason.IN_FLIGHT, 1.0
        left, states = room - len(granted), (scopes[0].state, endpoint_state(scopes))
        shut = admit_to_all(scopes[:2], now, probe_ok=True)[0] is not None
        # Without Redis no window is shared: each account has its pace.
        places = 0 if shut else self.limits.process_max if most is None else most - len(granted)
        return Released(tuple(granted), left, reason, wait, *states, places), changes

    def is_open(self, endpoint: str, now: int) -> tuple[bool, Changes]:
        """Return whether no call may go. In half-open the first caller gets False and takes the probe's place."""
        scopes, changes = self._expire(endpoint, now, self.account)
        reason, _, probing = admit_to_all(scopes, now, probe_ok=True)
        for breaker in scopes if probing else ():
            breaker.lease = now + self.limits.lease_for
        return reason is not None, changes

    def apply_overrides(self, overrides: Iterable[OperatorOverride], now: int) -> Changes:
        """Apply operators' overrides, in the given order."""
        (service, _), changes = self._expire("", now, self.account)
        for override in overrides:
            ends = 0 if override.until is None else round(override.until.timestamp() * 1000)
            match override.kind:
                case OverrideKind.OPEN:
                    changes.append(service.move(State.FORCED_OPEN, now, "forced_open", ends))
                case OverrideKind.OFF:
                    changes.append(service.move(State.OFF, now, "switched_off", ends))
                    for key in self.keys.known.values():
                        key.end_throttle()
                case OverrideKind.BLOCK:
                    key = self.key(CallingAccount(key=override.fingerprint), now)
                    key.blocked[Reason.CREDENTIALS] = now + self.limits.trial_every
                case OverrideKind.RESET:
                    self.keys.end_blocks()
                    for breaker in self.scopes.values():
                        if breaker.state is not State.CLOSED or breaker.failures:
                            changes.append(breaker.move(State.CLOSED, now, "reset"))
                case OverrideKind.AUTO if service.state in (State.FORCED_OPEN, State.OFF):
                    to = State.HALF_OPEN if service.state is State.FORCED_OPEN else State.CLOSED
                    changes.append(service.move(to, now, "automatic_again"))
        return changes

    def _note_caller(self, account: CallingAccount, now: int) -> None:
        self.callers.pop(account.key, None)
        self.callers = dict([*self.callers.items(), (account.key, now)][-ENOUGH:])

    def _accounts_to_open(self, account: CallingAccount, now: int) -> int:
        """Return of how many accounts failures in a row must be to open the breaker for all: of all that call."""
        recent = sum(abs(now - at) < RECENT for at in self.callers.values())
        return min(account.accounts_to_open, max(2, recent))

    def _limits(self, account: CallingAccount) -> Limits:
        if account.rate_limit is None or self._pace is None:
            return self.limits
        return self.limits._replace(**self._pace(account.rate_limit)._asdict())

    def _expire(self, endpoint: str, now: int, account: CallingAccount) -> tuple[Sequence[LocalScope], Changes]:
        """Make the changes that time alone causes; return the breakers that must admit a call, and the changes."""
        scopes, changes = [self.scope(), self.scope(endpoint)], []
        if not account.alone:
            scopes.append(self.scope(f"{endpoint}/{account.id}"))
        for breaker in scopes:
            if breaker.ends and now >= breaker.ends and breaker.state is State.OFF:
                changes.append(breaker.move(State.CLOSED, now, "off_over"))
            elif breaker.ends and now >= breaker.ends:
                changes.append(breaker.move(State.HALF_OPEN, now, "open_over", opens=breaker.opens))
        return scopes, changes

    def _admit(
        self,
        scopes: Sequence[LocalScope],
        key: LocalKey,
        limits: Limits,
        now: int,
        *,
        probe_ok: bool,
        trial: bool,
        paced: bool,
    ) -> LocalAdmission:
        cause, seconds = key.obstacle(now, trial=trial)
        if cause is not None:
            return cause, seconds, False
        reason, seconds, probing = admit_to_all(scopes, now, probe_ok=probe_ok)
        wait = key.wait(now, limits, paced=paced)
        if reason is None and wait > 0:
            return Reason.THROTTLED, wait / SECOND, False
        return reason, seconds, probing

    def _apply_outcome(
        self,
        breaker: LocalScope,
        epoch: int,
        now: int,
        report: OutcomeReport,
        account: tuple[str, int],
        *,
        alive: bool | None,
        tripped: bool,
    ) -> Change | None:
        """Apply an outcome to a breaker and return its change of state. `tripped`: one before it has just opened.

        `account`: whose call it was ('': no matter); and how many accounts must have failed to open it.
        """
        if epoch not in (0, breaker.epoch):  # the call began before a change of state
            return None
        opens = False
        if breaker.state is State.HALF_OPEN and self._holds_probe(breaker, report, alive=alive):
            breaker.owner, breaker.lease = "", 0
            opens = alive is False
            if alive:
                return breaker.move(State.CLOSED, now, "probe_succeeded")
        elif breaker.state is State.CLOSED and alive:
            breaker.end_the_row(now)
        elif breaker.state is State.CLOSED and tripped:
            breaker.failures.clear()
        elif breaker.state is State.CLOSED and alive is False:
            opens = breaker.count_failure(now, self.limits, *account)
        if not opens or tripped:  # if both would open, only the service opens
            return None
        mixed = 0 <= now - breaker.mixed_at < self.limits.open_for
        length = self.limits.open_for // SHORT if mixed else self.limits.open_for
        ends = now + min(max(length, report.retry_after), self.limits.open_max)
        return breaker.move(State.OPEN, now, report.reason, ends, breaker.opens + 1)

    def _holds_probe(self, breaker: LocalScope, report: OutcomeReport, *, alive: bool | None) -> bool:
        """Return whether a report counts as the probe's: it has no permit, or no other call is the probe here."""
        return alive is not None if not report.owner else breaker.owner in ("", report.owner)


def _believed_end(known: ScopeState, limits: Limits, now: int) -> int:
    """Return when a state ends, ms. If an OPEN would last longer than `open_max`, a clock was set back."""
    return min(known.ends, now + limits.open_max) if known.state is State.OPEN else known.ends


def _name(account: CallingAccount) -> str:
    """Return the name of an account's limit in this process: that of Redis, but for its key where that is shared."""
    return "keyless" if account.keyless and not account.alone else account.key
