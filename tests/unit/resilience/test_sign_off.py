"""The original sign-off's 26 tests, one to one: 7 exceptions, 7 breaker, 5 retry, 5 detector, 2 together.

How its sentences are read today stands in docs/decisions/0001 to 0004.
"""

import random

import pytest

from resilience.circuit_breaker.breaker import CalcomCircuitBreaker, CircuitBreaker
from resilience.circuit_breaker.types import State
from resilience.exceptions import (
    AppointmentDatabaseException,
    AppointmentException,
    CalcomBookingException,
    CustomerValidationException,
)
from resilience.failure_detector import FailureDetector, Health, Severity
from resilience.retry_policy import RetryPolicy

T0 = 1_800_000_000.0


class TestExceptions:
    """Errors carry evidence."""

    def test_an_exception_has_a_correlation_id_of_its_own(self) -> None:
        """Generated when none is given."""
        first, second = AppointmentException("a"), AppointmentException("b")
        assert first.correlation_id
        assert first.correlation_id != second.correlation_id

    def test_an_exception_keeps_the_correlation_id_it_is_given(self) -> None:
        """So that one story can be followed."""
        assert AppointmentException("a", correlation_id="c-1").correlation_id == "c-1"

    def test_an_exception_keeps_its_context(self) -> None:
        """For the structured log."""
        said = AppointmentException("a", context={"appointment_id": 7}).to_dict()
        assert said["context"] == {"appointment_id": 7}

    def test_a_service_that_is_down_is_worth_a_retry(self) -> None:
        """503 comes and goes."""
        error = CalcomBookingException("down", http_status=503, calcom_error="unavailable")
        assert error.is_retryable()
        assert error.http_status == 503

    def test_a_refusal_is_not_worth_a_retry(self) -> None:
        """400 stays 400."""
        assert not CalcomBookingException("no", http_status=400).is_retryable()

    def test_validation_names_each_field(self) -> None:
        """And is never retried."""
        error = CustomerValidationException("no", validation_errors={"attendee.email": "is no address"})
        assert error.has_field_error("attendee.email")
        assert not error.has_field_error("start")
        assert error.get_field_error("attendee.email") == "is no address"
        assert not error.is_retryable()

    def test_a_deadlock_is_known_by_its_code(self) -> None:
        """40P01, and worth a retry."""
        error = AppointmentDatabaseException("deadlock", sql_error_code="40P01")
        assert error.is_deadlock()
        assert error.is_retryable()


class TestBreaker:
    """Threshold 5 within 60 s, 30 s open, one probe."""

    def test_it_begins_closed(self) -> None:
        """Calls go."""
        breaker = CalcomCircuitBreaker("calcom")
        assert breaker.get_status().state is State.CLOSED
        assert not breaker.is_open()

    def test_five_failures_open_it(self) -> None:
        """Four do not."""
        breaker = CircuitBreaker("calcom")
        for _ in range(4):
            breaker.record_failure("timeout")
        assert not breaker.is_open()
        breaker.record_failure("timeout")
        assert breaker.is_open()

    def test_an_open_one_lets_nothing_through(self) -> None:
        """Bookings are held, not rejected."""
        assert not tripped().acquire("bookings.create", owner="a", now=T0 + 29)

    def test_after_thirty_seconds_one_call_may_try(self) -> None:
        """Half-open: the second one waits."""
        breaker = tripped()
        assert breaker.acquire("bookings.create", owner="a", now=T0 + 30)
        assert not breaker.acquire("bookings.create", owner="b", now=T0 + 30)

    def test_a_success_in_half_open_closes_it(self) -> None:
        """It is back."""
        breaker = tripped()
        breaker.acquire("bookings.create", owner="a", now=T0 + 30)
        breaker.record_success(now=T0 + 31)
        assert breaker.get_status(now=T0 + 31).state is State.CLOSED

    def test_a_failure_in_half_open_opens_it_again(self) -> None:
        """For another thirty seconds."""
        breaker = tripped()
        breaker.acquire("bookings.create", owner="a", now=T0 + 30)
        breaker.record_failure("timeout", now=T0 + 31)
        assert breaker.get_status(now=T0 + 60).state is State.OPEN

    def test_a_reset_closes_it(self) -> None:
        """The operator knows better."""
        breaker = tripped()
        breaker.reset()
        assert not breaker.is_open()


class TestRetry:
    """1, 2, 4 s."""

    def test_the_delays_double(self) -> None:
        """Each within a tenth."""
        policy = RetryPolicy(rng=random.Random(1))  # noqa: S311 - the same every time
        for attempt, seconds in enumerate((1, 2, 4)):
            assert policy.delay(attempt) == pytest.approx(seconds, rel=0.1)

    def test_a_transient_error_is_retried(self) -> None:
        """503, 504, 429, time-outs, deadlocks."""
        policy = RetryPolicy()
        assert all(policy.is_retryable(CalcomBookingException("x", http_status=code)) for code in (429, 503, 504))
        assert policy.is_retryable(TimeoutError())
        assert policy.is_retryable(AppointmentDatabaseException("x", sql_error_code="40P01"))

    def test_a_permanent_error_is_not(self) -> None:
        """400, 401, 403, 404, validation."""
        policy = RetryPolicy()
        assert not any(
            policy.is_retryable(CalcomBookingException("x", http_status=code)) for code in (400, 401, 403, 404)
        )
        assert not policy.is_retryable(CustomerValidationException("x"))

    def test_it_gives_up_after_three_retries(self) -> None:
        """Four calls in all."""
        calls = []
        with pytest.raises(TimeoutError):
            RetryPolicy().execute(lambda: failing(calls, 99), sleep=lambda _: None)
        assert len(calls) == 4

    def test_it_returns_what_a_retry_returned(self) -> None:
        """Twice a time-out, then an answer."""
        calls: list[int] = []
        assert RetryPolicy().execute(lambda: failing(calls, 2), sleep=lambda _: None) == "booked"
        assert len(calls) == 3


class TestDetector:
    """Failures counted and judged."""

    def test_a_failure_is_counted(self) -> None:
        """With when."""
        detector = FailureDetector()
        detector.record_failure("calcom", "timeout", now=T0)
        stats = detector.get_failure_stats("calcom", now=T0)
        assert (stats.total, stats.recent) == (1, 1)
        assert stats.last_failure_at
        assert stats.last_failure_at.timestamp() == T0

    def test_severities_are_told_apart(self) -> None:
        """Low, medium, critical."""
        detector = FailureDetector()
        for severity in (Severity.LOW, Severity.MEDIUM, Severity.CRITICAL, Severity.CRITICAL):
            detector.record_failure("calcom", "timeout", severity, now=T0)
        stats = detector.get_failure_stats("calcom", now=T0)
        assert stats.severity_distribution == {"low": 1, "medium": 1, "critical": 2}

    def test_a_high_rate_is_degraded(self) -> None:
        """Ten of ten."""
        detector = FailureDetector()
        for _ in range(10):
            detector.record_failure("calcom", "timeout", now=T0)
        assert detector.is_service_degraded("calcom", now=T0)
        assert not detector.is_service_degraded("database", now=T0)

    def test_many_recent_failures_are_critical(self) -> None:
        """Three in the last minute."""
        detector = FailureDetector()
        for _ in range(3):
            detector.record_failure("calcom", "timeout", now=T0)
        assert detector.is_service_critical("calcom", now=T0)
        assert detector.get_health_status("calcom", now=T0).status is Health.CRITICAL

    def test_a_reset_forgets(self) -> None:
        """All is healthy again."""
        detector = FailureDetector()
        detector.record_failure("calcom", "timeout", now=T0)
        detector.reset("calcom")
        assert detector.get_failure_stats("calcom", now=T0).total == 0


class TestTogether:
    """The patterns as one."""

    def test_failures_that_open_the_breaker_make_the_service_critical(self) -> None:
        """One report serves both."""
        breaker = tripped()
        assert FailureDetector([breaker]).get_health_status("calcom", now=T0).status is Health.CRITICAL

    def test_a_recovery_closes_the_breaker_and_clears_the_detector(self) -> None:
        """Down, tried again, back, healthy."""
        breaker = tripped()
        detector = FailureDetector([breaker])
        assert breaker.acquire("bookings.create", owner="a", now=T0 + 30)
        breaker.record_success(now=T0 + 30)
        assert not breaker.is_open()
        assert detector.get_health_status("calcom", now=T0 + 30).status is Health.HEALTHY


def tripped() -> CircuitBreaker:
    """Give a breaker that opened at T0."""
    breaker = CircuitBreaker("calcom")
    for _ in range(5):
        breaker.record_failure("timeout", now=T0)
    return breaker


def failing(calls: list[int], times: int) -> str:
    """Time out so many times, then book."""
    calls.append(1)
    if len(calls) <= times:
        raise TimeoutError
    return "booked"
