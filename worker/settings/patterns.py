"""The settings of the resilience patterns: circuit breaker, retries and holds."""

from resilience.retry_policy import TransientErrors
from worker.settings.setting import Subject, setting
from worker.settings.values import Delays, Transient


class PatternSettings(Subject):
    """Say when the breaker opens, when a call is tried again, and how long a booking may be held."""

    # Circuit breaker
    circuit_breaker_threshold: int = setting(
        5,
        "failures in a row that open the breaker; above 1000 it never opens",
        unit="failures",
        zero="refused",
        ge=1,
    )
    circuit_breaker_window: float = setting(
        60.0, "how old the first of those failures may be", unit="s", zero="refused", gt=0
    )
    circuit_breaker_half_open_timeout: float = setting(
        30.0, "how long the breaker stays open before a probe may go", unit="s", zero="refused", gt=0
    )
    circuit_breaker_open_max: float = setting(
        600.0, "the longest that it stays open, whatever Cal.com's Retry-After says", unit="s", zero="refused", gt=0
    )

    # Retries
    retry_max_attempts: int = setting(3, "retries after the first call", unit="retries", zero="no retry", ge=0, le=100)
    retry_delays: Delays = setting((1.0, 2.0, 4.0), "before each retry", unit="s", zero="at once")
    retry_jitter: float = setting(
        0.1, "each delay is this share longer or shorter, by chance", unit="share", zero="no jitter", ge=0, lt=1
    )
    retry_transient_errors: Transient = setting(
        TransientErrors(), "errors worth a retry: timeout (or no connection), 5xx, statuses"
    )

    # Holding
    hold_max_age: float = setting(
        900.0, "a booking or a change held longer is flagged degraded", unit="s", zero="never", ge=0
    )
    hold_lead: float = setting(0.0, "a booking whose start is nearer expires", unit="s", zero="up to the start", ge=0)
    hold_release_max: int = setting(
        0, "held bookings released into flight at most", unit="bookings", zero="as many as the workers take", ge=0
    )
