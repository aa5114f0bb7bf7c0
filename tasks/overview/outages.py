"""How bad the failures of a service are: the one reading that the overview and the health check share."""

from enum import IntEnum

from resilience.failure_detector import DetectorSettings, HealthStatus


class OutageLevel(IntEnum):
    """How bad an outage is; incidents of other kinds have no level (HEALTHY)."""

    HEALTHY = 0
    DEGRADED = 1
    CRITICAL = 2
    DOWN = 3  # a breaker is not closed


def outage_level(settings: DetectorSettings, health: HealthStatus) -> OutageLevel:
    """Return how bad it is for an operator: three failures in a minute are critical, but no news among a hundred calls.

    What is worse opens the breaker, which is always an incident.
    """
    figures = health.figures
    few_of_many = figures.calls >= settings.minimum_calls and figures.rate < settings.degraded_rate
    return OutageLevel.HEALTHY if few_of_many else OutageLevel[health.status.name]
