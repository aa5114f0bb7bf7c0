"""Run the breaker in Redis; while Redis is gone, run it in this process."""

import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from resilience.circuit_breaker.account import CallingAccount, identity
from resilience.circuit_breaker.events import BreakerChanged, OverridesUnreadable, SettingsDiffer, SharedStateBegun
from resilience.circuit_breaker.local.breaker import LocalBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import CallOutcome, Change, OperatorOverride
from resilience.circuit_breaker.wire import (
    ACQUIRE,
    GIVE_BACK,
    RECORD,
    RELEASE,
    RESTORE,
    STATUS,
    Arguments,
    BreakerScript,
    BreakerState,
    Forgotten,
    KnownState,
    OutcomeReport,
    ScriptReply,
    restore_argument,
)
from resilience.shared_state.answers import Late
from resilience.shared_state.events import Emit
from resilience.shared_state.scripts import breaker_keys
from resilience.shared_state.state import SharedState

ReadOverrides = Callable[[], Sequence[OperatorOverride]]
"""Reads the operators' overrides in force from the database, oldest first."""
_ENDPOINT = re.compile(r"[a-z0-9_.-]{1,64}")  # an endpoint's name becomes part of keys and fields
Reply = TypeVar("Reply")
Result = TypeVar("Result")


class Failover:
    """Run each step in Redis, report when Redis is gone, and keep the breaker of this process for that time."""

    def __init__(
        self,
        service: str,
        shared: SharedState | None,
        *,
        settings: BreakerSettings,
        account: CallingAccount,
        snapshot: BreakerSnapshot,
        overrides: ReadOverrides | None,
        emit: Emit,
    ) -> None:
        self.service = service
        self.shared = shared
        self.account = account
        """Who calls if a caller does not say it: account 1, alone."""
        self._settings = settings
        self._snapshot = snapshot
        self._overrides = overrides
        self._emit = emit
        self._lock = threading.Lock()
        self._local: LocalBreaker | None = None
        # By limit the last local breaker's `tat`, ms: without it many short absences of Redis would raise the pace.
        self._paid_until: dict[str, float] = {}
        self._other_settings: set[str] = set()
        self._unacknowledged: deque[tuple[BreakerScript[Any], str, Arguments, CallingAccount, bool]] = deque(maxlen=64)

    def run(
        self,
        script: BreakerScript[ScriptReply[Result]],
        endpoint: str,
        arguments: Arguments = (),
        now: float | None = None,
        account: CallingAccount | None = None,
        *,
        apart: bool = False,
    ) -> ScriptReply[Result] | None:
        """Run a script and return its reply; None: no reply came in time. `now`: seconds; None: Redis's clock.

        `apart`: with the release window of this endpoint's own.
        """
        reply = self.ask(script, endpoint, arguments, now, account, apart=apart)
        return None if isinstance(reply, Late) else reply

    def ask(
        self,
        script: BreakerScript[ScriptReply[Result]],
        endpoint: str,
        arguments: Arguments = (),
        now: float | None = None,
        account: CallingAccount | None = None,
        *,
        apart: bool = False,
    ) -> ScriptReply[Result] | Late | None:
        """Run a script and return its reply; `Late`: it came too late, nothing is permitted; None: Redis is gone."""
        caller = account or self.account
        reply = self._call(script, endpoint, arguments, now, caller, apart=apart)
        if isinstance(reply, Forgotten) or self._must_restore(script, reply, endpoint):
            if self._restore(endpoint, now):
                reply = self._call(script, endpoint, arguments, now, caller, apart=apart)
            reply = None if isinstance(reply, Forgotten) else reply
        if reply is None or isinstance(reply, Late):
            return reply
        if local := self._local:
            paid = local.paid_until()
            self._paid_until, self._local = {name: tat for name, tat in paid.items() if tat > reply.now}, None
        if self._unacknowledged:
            self._give_back_unacknowledged()
        self._emit_changes(reply)
        self._snapshot.update(reply.state, endpoint, reply.now, caller.key, alone=caller.alone)
        return reply

    def status(
        self, endpoint: str, now: float | None = None, account: CallingAccount | None = None
    ) -> KnownState | None:
        """Return the shared breaker's whole state; None: Redis is gone, or not used."""
        known = self._call(STATUS, endpoint, (), now, account or self.account)
        if isinstance(known, Forgotten) and self._restore(endpoint, now):
            known = self._call(STATUS, endpoint, (), now, account or self.account)
        return None if isinstance(known, Forgotten | Late) else known

    def is_forgotten(self, endpoint: str) -> bool:
        """Return whether Redis answers that it has nothing of the breaker, which stays so."""
        known = self._call(STATUS, endpoint, (), None, self.account)
        return isinstance(known, Forgotten)

    def run_local(
        self, now: float | None, step: Callable[[LocalBreaker, int], tuple[Result, Iterable[Change]]]
    ) -> Result:
        """Run a step of this process's own breaker. The step returns its result and the changes of state."""
        self._snapshot.closed.clear()  # when Redis is back, this process first asks it what has changed
        local, at = self._local_breaker(now)
        with self._lock:
            result, changes = step(local, at)
        for change in changes:
            self._emit(BreakerChanged(self.service, change, shared=False))
        return result

    def not_acknowledged(
        self,
        endpoint: str,
        *,
        owner: str = "",
        items: Sequence[str] = (),
        account: CallingAccount | None = None,
        apart: bool = False,
    ) -> None:
        """Remember places that Redis may have given though this process received no answer.

        `owner` may have the probe's place, `items` may have places in the release window. A frozen Redis runs the
        command when it thaws; after its next answer the places are given back.
        """
        caller = account or self.account
        if self.shared is not None and owner:
            self._unacknowledged.append((RECORD, endpoint, OutcomeReport(CallOutcome.IGNORED, owner), caller, False))
        if self.shared is not None and items:
            self._unacknowledged.append((GIVE_BACK, endpoint, (0, 0, *items), caller, apart))

    def _must_restore(
        self, script: BreakerScript[ScriptReply[Result]], reply: ScriptReply[Result] | Late | None, endpoint: str
    ) -> bool:
        """Return whether a reply that may let work go has an older state of the breaker than this process."""
        admits = script.name in (ACQUIRE.name, RELEASE.name)
        return admits and isinstance(reply, ScriptReply) and self._knows_better(reply.state, endpoint)

    def _call(
        self,
        script: BreakerScript[Reply],
        endpoint: str,
        arguments: Arguments,
        now: float | None,
        account: CallingAccount,
        *,
        apart: bool = False,
    ) -> Reply | Forgotten | Late | None:
        if not _ENDPOINT.fullmatch(endpoint):
            raise ValueError(f"an endpoint is named with a-z, 0-9, _, - and dots, not {endpoint!r}")
        if self.shared is None:
            return None
        at, fixed = 0 if now is None else round(now * 1000), (endpoint, *identity(self._settings, account))
        keys = breaker_keys(self.service, endpoint, account.own_key, account.limit_key, apart=apart)
        raw = self.shared.send(self.shared.beginning(script.name, keys, fixed), (at, *arguments))()
        return raw if raw is None or isinstance(raw, Late) else script.decode(raw)

    def _give_back_unacknowledged(self) -> None:
        while self._unacknowledged:
            with suppress(IndexError):  # another thread took the last entry
                script, endpoint, arguments, account, apart = self._unacknowledged.popleft()
                self._call(script, endpoint, arguments, None, account, apart=apart)

    def _emit_changes(self, reply: ScriptReply[Result]) -> None:
        """Emit the changes of state in a reply, and settings of another client that were not reported before."""
        others = reply.state.other_settings
        if others and others not in self._other_settings:
            self._other_settings.add(others)
            self._emit(SettingsDiffer(self.service, self._settings.limits.text, others))
        for change in reply.state.changes:
            self._emit(BreakerChanged(self.service, change, shared=True))

    def _knows_better(self, state: BreakerState, endpoint: str) -> bool:
        """Return whether this process remembers a breaker that was not closed, and Redis has an older state of it.

        Then Redis lost its data and another process has restored the breaker, or Redis came back with an old snapshot,
        in which a scope's epoch is lower than the one known here.
        """
        same = state.generation == self._snapshot.generation
        if same and not self._snapshot.is_later(state, endpoint):  # this is the case for nearly every reply
            return False
        _, scopes = self._snapshot.not_closed(with_overrides=self._overrides is None)
        return bool(scopes.keys() & {"", endpoint}) if same else bool(scopes)

    def _restore(self, endpoint: str, now: float | None) -> bool:
        """Restore the shared breaker from this process's memory and the overrides; return whether Redis has it now."""
        overrides = self._read_overrides()
        if overrides is None:
            return False
        epoch, scopes = self._snapshot.not_closed(with_overrides=self._overrides is None)
        known = restore_argument(self._snapshot.generation, epoch, scopes, overrides)
        reply = self._call(RESTORE, endpoint, (known,), now, self.account)
        if reply is None or isinstance(reply, Forgotten | Late):
            return False
        if reply.result:
            self._emit(SharedStateBegun(self.service, reply.state.generation, bool(scopes), len(overrides)))
            self._emit_changes(reply)
        return True

    def _read_overrides(self) -> list[OperatorOverride] | None:
        try:
            return list(self._overrides()) if self._overrides else []
        except Exception as error:  # noqa: BLE001 - no task may fail because the overrides cannot be read
            self._emit(OverridesUnreadable(self.service, f"{type(error).__name__}: {error}"[:200]))
            return None

    def _local_breaker(self, now: float | None) -> tuple[LocalBreaker, int]:
        """Return this process's breaker (it begins with the last known state) and Redis's time, as computed here."""
        at = self._snapshot.now() if now is None else round(now * 1000)
        local = self._local
        if local is None:
            paid = None if self.shared is None else self._paid_until  # until now the fleet shared one pace
            local = LocalBreaker(
                self._settings.limits, self._snapshot, at, self.account.key, paid_until=paid, pace=self._settings.pace
            )
            # An override may be newer than the state that this process knows.
            local.apply_overrides(self._read_overrides() or (), at)
            with self._lock:
                local = self._local = self._local or local
        return local, at
