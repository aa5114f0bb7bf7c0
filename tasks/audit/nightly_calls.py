"""The calls of an audit at night: a tenth of the rate limit at most, and none while the breaker is not closed."""

import threading
import time
from collections.abc import Callable

from db.audits import nights
from db.audits.nights import NightlyAudit
from resilience.circuit_breaker.types import Denied, Permit, State
from tasks.audit.calls import AuditCalls, LeftAlone
from tasks.calcom.access import CALCOM_RATE
from tasks.dependencies import Dependencies
from tasks.guarded_calls import Ask

SHARE = 10  # of the rate limit's calls, one in so many
LEASE = 60.0  # seconds by which a lease outlives the longest call
_PIECE = 20.0  # seconds: no pause is longer without a sign of life


class TakenUp(Exception):  # noqa: N818 - it ends our part of an audit; nothing went wrong
    """Say that another process has the audit now, or that it was given up."""


class NightlyCalls(AuditCalls):
    """Read what Cal.com has, each call a tenth of the limit's pace after the last; bookings go first.

    Each call raises LeftAlone, with nothing sent, while the service's breaker is not closed, or Redis is gone, and
    TakenUp when the audit is no longer ours. `pause` takes seconds, `clock` is monotonic.
    """

    def __init__(
        self,
        deps: Dependencies,
        audit: NightlyAudit,
        *,
        pause: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(deps, pause=self._rest, clock=clock)
        self._audit = audit
        self._wait = pause or threading.Event().wait
        self._next_at = clock()

    def _turn(self, ask: Ask, number: int) -> Permit | Denied:
        def ask_in_calm() -> Permit | Denied:
            if not is_calm(self.deps):
                raise LeftAlone("the circuit breaker is not closed: Cal.com is left alone")
            self._keep()
            return ask()

        self.pause(self._next_at - self.clock())
        permit = super()._turn(ask_in_calm, number)
        self._next_at = self.clock() + spacing(self.deps)
        return permit

    def _rest(self, seconds: float) -> None:
        """Wait, and show meanwhile that this process lives."""
        ends = self.clock() + seconds
        while (left := ends - self.clock()) > 0:
            self._keep()
            self._wait(min(left, _PIECE))

    def _keep(self) -> None:
        with self.deps.engine.begin() as conn:
            if not nights.renew(conn, self._audit, lease_seconds=lease(self.deps)):
                raise TakenUp


def spacing(deps: Dependencies) -> float:
    """Return how many seconds lie between two calls: in no minute more than a tenth of the limit, ours or Cal.com's."""
    settings = deps.breaker.settings
    limits = settings.rate_limit, deps.breaker.get_status().limit_told
    return SHARE * settings.rate_window / min(filter(None, limits), default=CALCOM_RATE)


def lease(deps: Dependencies) -> float:
    """Return for how many seconds an audit is its process's: a call of full length, and a while."""
    return deps.timings.lease + LEASE


def is_calm(deps: Dependencies) -> bool:
    """Say whether the whole fleet knows Cal.com to be well, and our key and settings to be good."""
    status = deps.breaker.get_status()
    refused = deps.calcom.key_fingerprint in status.blocked_keys
    wrong = deps.calcom.settings_fingerprint in status.wrong_settings
    return status.shared and status.state is State.CLOSED and not (refused or wrong)
