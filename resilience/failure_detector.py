"""Judge from the calls of the last minutes how healthy each service is.

The breaker's record script counts guarded calls, so they cost no extra round trip. The counts are reset when a breaker
closes after an outage; a reset at each success would erase the rate (docs/decisions/0003).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from resilience.call_stats.counts import Figures
from resilience.call_stats.stats import CallStats
from resilience.error_types import Severity


class Health(StrEnum):
    """How healthy a service is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"


@dataclass(frozen=True)
class DetectorSettings:
    """The limits from which a service counts as degraded or critical."""

    degraded_rate: float = 0.25
    """Share of failed calls."""
    minimum_calls: int = 10
    """With fewer calls the share does not count."""
    critical_recent: int = 3
    """Failures in the last minute."""
    critical_count: int = 5
    """Critical failures in the last five minutes."""


FailureStats = Figures
"""The counts of the last five minutes."""


@dataclass(frozen=True)
class HealthStatus:
    """How healthy a service is, with the figures."""

    service: str
    status: Health
    figures: FailureStats
    since: datetime | None
    """The first failure that is still counted, in whole seconds; None while the service is healthy."""


class Guarded(Protocol):
    """A circuit breaker: it counts the calls that it guards."""

    calls: CallStats


class FailureDetector:
    """Judge services by the counts of their breakers, or by `CallStats`.

    A service that has neither is counted in this process, from its first failure on. No method raises an error of
    Redis: while Redis is gone, each process judges by its own calls.
    """

    def __init__(
        self, services: Iterable[CallStats | Guarded] = (), *, settings: DetectorSettings | None = None
    ) -> None:
        self.settings = settings or DetectorSettings()
        stats = [given if isinstance(given, CallStats) else given.calls for given in services]
        self._stats = {calls.service: calls for calls in stats}

    @property
    def services(self) -> tuple[str, ...]:
        """Return the names of the services."""
        return tuple(self._stats)

    def calls(self, service: str) -> CallStats:
        """Return the `CallStats` of a service."""
        if service not in self._stats:
            self._stats.setdefault(service, CallStats(service))
        return self._stats[service]

    def record_failure(
        self,
        service: str,
        reason: str,
        severity: Severity = Severity.MEDIUM,
        context: Mapping[str, Any] | None = None,
        *,
        now: float | None = None,
    ) -> None:
        """Count a failure of a service; no breaker changes. A `reason` that is no error type becomes `other`."""
        self.calls(service).count_failure(reason, severity=severity, context=context, now=now)

    def get_failure_stats(self, service: str, endpoint: str | None = None, *, now: float | None = None) -> FailureStats:
        """Return the counts; `now` is for tests, in seconds."""
        return self.calls(service).recent_calls(endpoint, now=now)

    def is_service_degraded(self, service: str, threshold: float | None = None, *, now: float | None = None) -> bool:
        """Return whether the share of failed calls is too large; `threshold` replaces the setting."""
        return self._degraded(self.get_failure_stats(service, now=now), threshold)

    def is_service_critical(self, service: str, *, now: float | None = None) -> bool:
        """Return whether there were many failures lately, or several critical failures."""
        return self._critical(self.get_failure_stats(service, now=now))

    def get_health_status(self, service: str, *, now: float | None = None) -> HealthStatus:
        """Return how healthy a service is; critical comes before degraded. `now` is for tests, in seconds."""
        return self.judge(self.calls(service), now=now)

    def judge(self, calls: CallStats, *, now: float | None = None) -> HealthStatus:
        """Return how healthy a service is by its calls, also one that is not among `services`."""
        figures = calls.recent_calls(now=now)
        status = Health.HEALTHY
        if self._critical(figures):
            status = Health.CRITICAL
        elif self._degraded(figures):
            status = Health.DEGRADED
        since = None if status is Health.HEALTHY else figures.first_failure_at
        return HealthStatus(service=calls.service, status=status, figures=figures, since=since)

    def reset(self, service: str) -> None:
        """Set the counts of a service to zero; the windows for the database stay."""
        self.calls(service).reset_recent_calls()

    def _degraded(self, figures: FailureStats, threshold: float | None = None) -> bool:
        limit = self.settings.degraded_rate if threshold is None else threshold
        return figures.calls >= max(1, self.settings.minimum_calls) and figures.rate >= limit

    def _critical(self, figures: FailureStats) -> bool:
        severe = figures.severity_distribution["critical"]
        return figures.recent >= self.settings.critical_recent or severe >= self.settings.critical_count
