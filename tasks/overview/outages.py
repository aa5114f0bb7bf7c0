"""The level of a service's outage, the same for the overview and the health check."""

from enum import IntEnum

from resilience.failure_detector import DetectorSettings, HealthStatus


class OutageLevel(IntEnum):
    """How bad an outage is; incidents of other kinds have no level (HEALTHY)."""

    HEALTHY = 0
    DEGRADED = 1
    CRITICAL = 2
    DOWN = 3  # a breaker is not closed


def outage_level(settings: DetectorSettings, health: HealthStatus) -> OutageLevel:
    """Return the level for an operator: HEALTHY if few of many calls fail, even if the detector says critical.

    If many fail in a row, the breaker opens, which is always an incident.
    """
    figures = health.figures
    few_of_many = figures.calls >= settings.minimum_calls and figures.rate < settings.degraded_rate
    return OutageLevel.HEALTHY if few_of_many else OutageLevel[health.status.name]
