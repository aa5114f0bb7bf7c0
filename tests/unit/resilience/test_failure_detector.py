"""From when a service counts as degraded or critical, to the one."""

from datetime import UTC, datetime

import pytest

from booking_client.redaction import bounded_context
from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Permit
from resilience.error_types import ErrorType, Severity, error_type, severity_of
from resilience.failure_detector import DetectorSettings, FailureDetector, Health

T0 = 1_800_000_000.0


def detector(**given: float) -> FailureDetector:
    """Judge by the rate alone, unless said otherwise."""
    chosen = {"critical_recent": 10**6, "critical_count": 10**6, **given}
    return FailureDetector([CallStats("calcom")], settings=DetectorSettings(**chosen))  # type: ignore[arg-type]


def fail(of: FailureDetector, times: int, *, now: float = T0) -> None:
    """Let calls fail."""
    for _ in range(times):
        of.record_failure("calcom", "timeout", now=now)


def guarded(breaker: CircuitBreaker, good: int, bad: int, *, now: float = T0) -> None:
    """Make guarded calls, each told at once."""
    for number in range(good + bad):
        permit = breaker.acquire("slots", owner=f"{now} {number}", now=now)
        assert isinstance(permit, Permit)
        outcome = CallOutcome.SUCCESS if number < good else CallOutcome.FAILURE_ENDPOINT
        breaker.record(permit, outcome, reason="timeout", now=now)


def judged() -> tuple[CircuitBreaker, FailureDetector]:
    """Give a breaker that never opens, and its detector."""
    breaker = CircuitBreaker("calcom", settings=BreakerSettings(threshold=1001, rate_limit=0))
    return breaker, FailureDetector([breaker], settings=DetectorSettings(critical_recent=10**6))


def test_degraded_from_a_quarter_on() -> None:
    """25 failures of 100 are degraded, 24 of 99 are not; another threshold may be given."""
    breaker, of = judged()
    guarded(breaker, 75, 24)
    assert not of.is_service_degraded("calcom", now=T0)
    guarded(breaker, 0, 1, now=T0 + 1)
    assert of.get_failure_stats("calcom", now=T0 + 1).rate == 0.25
    assert of.is_service_degraded("calcom", now=T0 + 1)
    assert not of.is_service_degraded("calcom", 0.26, now=T0 + 1)
    assert of.get_health_status("calcom", now=T0 + 1).status is Health.DEGRADED


def test_a_few_calls_say_nothing() -> None:
    """Nine calls that all failed are too few; the tenth makes it degraded."""
    of = detector()
    fail(of, 9)
    assert not of.is_service_degraded("calcom", now=T0)
    fail(of, 1)
    assert of.is_service_degraded("calcom", now=T0)


def test_without_calls_all_is_well() -> None:
    """Even when no minimum is asked for."""
    of = detector(minimum_calls=0)
    assert of.get_health_status("calcom", now=T0).status is Health.HEALTHY


def test_three_failures_in_the_last_minute_are_critical() -> None:
    """Two are not, nor are three when the first is a minute old."""
    of = FailureDetector([CallStats("calcom")])
    fail(of, 2)
    assert not of.is_service_critical("calcom", now=T0 + 59)
    fail(of, 1, now=T0 + 59)
    assert of.is_service_critical("calcom", now=T0 + 59.9)
    assert not of.is_service_critical("calcom", now=T0 + 60)
    assert of.get_failure_stats("calcom", now=T0 + 60).recent == 1


def test_five_critical_failures_are_critical() -> None:
    """Within five minutes, however slowly they come."""
    of = detector(critical_count=5)
    for number in range(4):
        of.record_failure("calcom", "connect", Severity.CRITICAL, now=T0 + number * 70)
    of.record_failure("calcom", "timeout", now=T0 + 281)
    assert not of.is_service_critical("calcom", now=T0 + 285)
    of.record_failure("calcom", "connect", Severity.CRITICAL, now=T0 + 285)
    assert of.get_health_status("calcom", now=T0 + 285).status is Health.CRITICAL
    assert not of.is_service_critical("calcom", now=T0 + 300)


def test_a_health_status_says_since_when_and_by_which_figures() -> None:
    """Since the first failure still counted, to the second: a success tells nothing, and five minutes end it."""
    breaker, of = judged()
    guarded(breaker, 30, 0, now=T0)
    guarded(breaker, 0, 10, now=T0 + 20.7)
    guarded(breaker, 0, 10, now=T0 + 150)
    bad = of.get_health_status("calcom", now=T0 + 200)
    assert (bad.service, bad.status, bad.figures.total) == ("calcom", Health.DEGRADED, 20)
    assert bad.figures == of.get_failure_stats("calcom", now=T0 + 200)
    assert bad.since == datetime.fromtimestamp(T0 + 20, tz=UTC)
    assert of.get_health_status("calcom", now=T0 + 320).since == datetime.fromtimestamp(T0 + 150, tz=UTC)


def test_a_healthy_service_is_unwell_since_never() -> None:
    """One failure of forty is counted and is no illness."""
    breaker, of = judged()
    guarded(breaker, 39, 1)
    well = of.get_health_status("calcom", now=T0)
    assert (well.status, well.since) == (Health.HEALTHY, None)
    assert well.figures.first_failure_at == datetime.fromtimestamp(T0, tz=UTC)


def test_an_outage_that_is_over_says_nothing_about_what_comes() -> None:
    """The breaker that closes begins the figures again; a mere success does not."""
    breaker, of = judged()
    guarded(breaker, 0, 20)
    guarded(breaker, 1, 0, now=T0 + 1)
    assert of.get_failure_stats("calcom", now=T0 + 2).total == 20
    breaker.reset("operator", "it is back")
    assert of.get_failure_stats("calcom", now=T0 + 3).total == 0


def test_a_probe_that_succeeds_begins_the_figures_anew() -> None:
    """As an operator's reset does."""
    breaker = CircuitBreaker("calcom", settings=BreakerSettings(rate_limit=0))
    of = FailureDetector([breaker])
    guarded(breaker, 0, 5)
    assert of.get_failure_stats("calcom", now=T0).total == 5
    breaker.record(breaker.acquire("slots", owner="probe", now=T0 + 31), CallOutcome.SUCCESS, now=T0 + 31)  # type: ignore[arg-type]
    assert of.get_failure_stats("calcom", now=T0 + 31).total == 0


@pytest.mark.parametrize("reason", ["Ann Sample <ann@example.com>", "none", "", "Timeout", "x" * 500])
def test_free_text_is_no_error_type(reason: str) -> None:
    """What is counted is a closed set."""
    assert error_type(reason) is ErrorType.OTHER


def test_context_is_bounded_and_nothing_personal() -> None:
    """A hundred long values and an e-mail address go in; a bounded, masked one comes out."""
    told = bounded_context({f"n{number}": "x" * 10_000 for number in range(100)} | {"email": "ann@example.com"})
    assert 500 < len(told) < 1500
    assert "ann@" not in told + bounded_context({"said": "ann@example.com is taken", "email": "ann@example.com"})


def test_every_error_type_has_a_severity() -> None:
    """Nobody answers at all, or an operator must act: critical; a limit: low."""
    assert severity_of(ErrorType.CONNECT) is severity_of(ErrorType.CREDENTIALS) is Severity.CRITICAL
    assert severity_of(ErrorType.THROTTLED) is Severity.LOW
    assert {severity_of(one) for one in ErrorType} == set(Severity)
