"""When a call is tried again, how often, and after how long."""

import random
import socket
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_client import correlation
from resilience.exceptions import (
    AppointmentDatabaseException,
    AppointmentException,
    CalcomBookingException,
    CustomerValidationException,
)
from resilience.retry_policy import Retry, RetryPolicy, TransientErrors, error_type

DOWN = CalcomBookingException("down", http_status=503)
DEADLOCK = AppointmentDatabaseException("deadlock", sql_error_code="40P01")


def failing(*errors: Exception) -> Callable[[], str]:
    """Return an operation that raises each of `errors` in turn and then succeeds."""
    left = list(errors)

    def operation() -> str:
        if left:
            raise left.pop(0)
        return "booked"

    return operation


@pytest.mark.parametrize(
    "exc",
    [
        TimeoutError(),
        ConnectionRefusedError(),
        ConnectionResetError(),
        socket.gaierror(),
        *[CalcomBookingException("x", http_status=status) for status in (429, 500, 502, 503, 504, 520)],
        CalcomBookingException("no answer"),
        CalcomBookingException("a masked fault", http_status=400, retryable=True),
        DEADLOCK,
        AppointmentDatabaseException("gone", error_type="lost_connection", sql_error_code="57P01"),
        AppointmentException("x", retryable=True),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(exc: Exception) -> None:
    """429, 5xx, time-outs, connection errors, deadlocks and lost database connections."""
    assert RetryPolicy().is_retryable(exc)


@pytest.mark.parametrize(
    "exc",
    [
        *[CalcomBookingException("x", http_status=status) for status in (400, 401, 403, 404, 409, 422)],
        CustomerValidationException("bad"),
        AppointmentDatabaseException("twice", sql_error_code="23505"),
        AppointmentException("x"),
        ValueError(),
        FileNotFoundError(),
    ],
    ids=repr,
)
def test_a_refusal_is_never_tried_again(exc: Exception) -> None:
    """400, 401, 403, 404, validation, and whatever we do not know."""
    assert not RetryPolicy().is_retryable(exc)


def test_the_delays_are_1_2_4_seconds() -> None:
    """The schedule of the contract; a later retry waits like the last."""
    policy = RetryPolicy(jitter=0)
    assert [policy.delay(attempt) for attempt in range(4)] == [1, 2, 4, 4]


@settings(deadline=None, derandomize=True)  # other work shares the machine
@given(seed=st.integers(), attempt=st.integers(0, 2))
def test_no_delay_leaves_its_ten_percent(seed: int, attempt: int) -> None:
    """Each delay is 1, 2, 4 s within +-10 %."""
    base = (1, 2, 4)[attempt]
    assert 0.9 * base <= RetryPolicy(rng=random.Random(seed)).delay(attempt) <= 1.1 * base  # noqa: S311 - no secret


def test_jitter_may_be_switched_on_or_off_by_a_word() -> None:
    """The sign-off says `true`: ten percent, and no second more; `False` is none, and a number is a share."""
    told = [RetryPolicy(jitter=jitter).get_config()["jitter"] for jitter in (True, False, 1.0, 0.25)]
    assert [repr(share) for share in told] == ["0.1", "0.0", "1.0", "0.25"]
    policy = RetryPolicy(jitter=True, rng=random.Random(1))  # noqa: S311 - no secret
    assert all(0.9 <= policy.delay(0) <= 1.1 for _ in range(2000))
    assert RetryPolicy(jitter=False).delay(0) == 1


def test_jitter_spreads_over_its_whole_width() -> None:
    """A herd that failed together does not come back together."""
    policy = RetryPolicy(rng=random.Random(1))  # noqa: S311 - no secret
    delays = [policy.delay(0) for _ in range(2000)]
    assert min(delays) < 0.905
    assert max(delays) > 1.095
    assert statistics.mean(delays) == pytest.approx(1, abs=0.01)


def test_retry_after_is_kept_to_the_letter() -> None:
    """Who says when to come back is believed: neither earlier nor later."""
    assert RetryPolicy().delay(0, CalcomBookingException("x", http_status=503, retry_after=17)) == 17


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -1.0])
def test_a_retry_after_that_makes_no_sense_is_ignored(nonsense: float) -> None:
    """A broken header stops no booking."""
    exc = CalcomBookingException("x", http_status=503, retry_after=nonsense)
    assert RetryPolicy(jitter=0).delay(1, exc) == 2


@pytest.mark.parametrize("kind", ["deadlock", "serialization", "lost_connection"])
def test_what_the_database_undid_is_tried_again_at_once(kind: str) -> None:
    """A broken deadlock or a lost connection has nothing to wait for."""
    assert RetryPolicy().delay(0, AppointmentDatabaseException("x", error_type=kind)) == 0
    assert RetryPolicy().delay(0, DEADLOCK) == 0


def test_three_retries_and_no_more() -> None:
    """`max_attempts` counts retries after the first call."""
    policy = RetryPolicy()
    assert [policy.allows(attempt, "http_503") for attempt in range(5)] == [True, True, True, False, False]
    assert policy.allows(2)


def test_an_error_type_may_have_a_count_of_its_own() -> None:
    """The policy adapts by a table: more for what passes quickly, none for what never does."""
    policy = RetryPolicy(per_error={"timeout": 1, "dns": 0})
    assert [policy.allows(attempt, "timeout") for attempt in (0, 1)] == [True, False]
    assert not policy.allows(0, "dns")
    assert RetryPolicy().allows(4, "deadlock")


def test_no_retry_means_no_retry() -> None:
    """RETRY_MAX_ATTEMPTS=0 also silences the table."""
    assert not RetryPolicy(max_attempts=0).allows(0, "deadlock")


def test_execute_waits_1_2_4_and_returns_the_result() -> None:
    """Three failures, three waits, one result."""
    waits: list[float] = []
    result = RetryPolicy(jitter=0).execute(failing(DOWN, DOWN, DOWN), sleep=waits.append)
    assert (result, waits) == ("booked", [1, 2, 4])


def test_execute_raises_the_last_error_when_retries_are_used_up() -> None:
    """The error comes out as it was, after four calls."""
    last = CalcomBookingException("still down", http_status=503)
    waits: list[float] = []
    with pytest.raises(CalcomBookingException) as raised:
        RetryPolicy(jitter=0).execute(failing(DOWN, DOWN, DOWN, last), sleep=waits.append)
    assert raised.value is last
    assert waits == [1, 2, 4]


def test_execute_calls_a_refusal_once() -> None:
    """A 404 is not asked again."""
    waits: list[float] = []
    with pytest.raises(CalcomBookingException):
        RetryPolicy().execute(failing(CalcomBookingException("no", http_status=404)), sleep=waits.append)
    assert waits == []


def test_execute_waits_out_a_429() -> None:
    """The block that Cal.com names is slept through."""
    waits: list[float] = []
    blocked = CalcomBookingException("slow down", http_status=429, retry_after=60)
    assert RetryPolicy().execute(failing(blocked), sleep=waits.append) == "booked"
    assert waits == [60]


def test_execute_binds_the_correlation_id_and_tells_each_retry() -> None:
    """Every call and every retry belongs to the caller's story."""
    seen: list[str | None] = []
    told: list[Retry] = []
    operation = failing(DEADLOCK)

    def watched() -> str:
        seen.append(correlation.current())
        return operation()

    RetryPolicy().execute(watched, "call-9", sleep=lambda _: None, on_retry=told.append)
    assert seen == ["call-9", "call-9"]
    assert told == [Retry(attempt=0, delay=0, error_type="deadlock", correlation_id="call-9")]


def test_execute_really_waits_when_nobody_hands_it_a_sleep() -> None:
    """The default sleep is a real one."""
    assert RetryPolicy(delays=(0.01,)).execute(failing(DOWN)) == "booked"


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (TimeoutError(), "timeout"),
        (socket.gaierror(), "dns"),
        (ConnectionResetError(), "reset"),
        (ConnectionRefusedError(), "connect"),
        (CalcomBookingException("x", http_status=429), "throttled"),
        (CalcomBookingException("x", http_status=503), "http_503"),
        (CalcomBookingException("x", http_status=522), "http_52x"),
        (CalcomBookingException("x", error_type="tls"), "tls"),
        (DEADLOCK, "deadlock"),
        (ValueError(), "other"),
    ],
    ids=repr,
)
def test_a_failure_has_a_kind_of_a_small_set(exc: Exception, kind: str) -> None:
    """Counters and the per-error table never see free text."""
    assert error_type(exc) == kind


def test_the_settings_word_for_transient_errors_is_read() -> None:
    """RETRY_TRANSIENT_ERRORS narrows or widens what is tried again."""
    policy = RetryPolicy(transient_errors=TransientErrors.parse(" 429, 503,408 "))
    retried = [
        status for status in (408, 429, 500, 503) if policy.is_retryable(CalcomBookingException("", http_status=status))
    ]
    assert retried == [408, 429, 503]
    assert not policy.is_retryable(TimeoutError())
    assert policy.is_retryable(DEADLOCK)


def test_the_default_is_what_the_settings_table_says() -> None:
    """`timeout,429,5xx`, written out or not, is the same set."""
    assert TransientErrors.parse("timeout,429,5xx") == TransientErrors()


@pytest.mark.parametrize("text", ["401", "404", "timeout,400", "4xx", "soon", "600", "5xxx", "-1"])
def test_a_setting_that_would_retry_a_refusal_is_an_error(text: str) -> None:
    """`booking check` can name the word."""
    with pytest.raises(ValueError, match="transient"):
        TransientErrors.parse(text)


@pytest.mark.parametrize(
    "wrong", [{"delays": ()}, {"delays": (-1.0,)}, {"jitter": 1.5}, {"max_attempts": -1}, {"per_error": {"dns": -1}}]
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """A wrong setting is found at start, not at the first failure."""
    with pytest.raises(ValueError, match=r"delays|jitter|max_attempts"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


def test_the_configuration_can_be_told() -> None:
    """`booking check` and the log show the policy as JSON."""
    assert RetryPolicy().get_config() == {
        "max_attempts": 3,
        "delays": [1, 2, 4],
        "jitter": 0.1,
        "transient_errors": "timeout,429,5xx",
        "per_error": {"deadlock": 5, "serialization": 5},
    }
