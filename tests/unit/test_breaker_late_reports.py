"""What may be told late, and when it must be told after all."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from resilience.late_reports import NOTHING, LateReports, Success
from resilience.permit import RateNews
from resilience.report_context import bounded_context, error_token


@pytest.fixture
def now() -> list[float]:
    """The clock."""
    return [100.0]


@pytest.fixture
def late(now: list[float]) -> LateReports:
    """Reports that are due after a quarter of a second; a count is scarce at 20 calls left."""
    return LateReports(clock=lambda: now[0], due_in=0.25, slack=5000, scarce=20)


def test_successes_of_one_endpoint_become_one_line(late: LateReports, now: list[float]) -> None:
    """How many calls, their time together and the longest."""
    for elapsed in (0.1, 0.3, 0.2):
        late.keep(Success("create", elapsed, 1, None))
    late.keep(Success("list", 0.05, 1, None))
    now[0] += 0.25
    assert late.take(only_due=True).told == "create none 0 3 600 300;list none 0 1 50 50;"
    assert late.take() is NOTHING


def test_nothing_is_taken_before_it_is_due(late: LateReports, now: list[float]) -> None:
    """The oldest decides; only it has to be seen to."""
    assert late.keep(Success("create", 0.1, 1, None))
    now[0] += 0.2
    assert not late.keep(Success("create", 0.1, 2, None))
    assert late.take(only_due=True) is NOTHING
    now[0] += 0.05
    assert late.take(only_due=True).told


def test_a_scarce_count_is_told_at_the_next_chance(late: LateReports) -> None:
    """With few calls left on Cal.com's count a quarter of a second matters."""
    late.keep(Success("create", 0.1, 7, RateNews(20, 30)))
    told = late.take(only_due=True)
    assert (told.ceiling, told.left) == (27, 30_000)


def test_of_several_counts_the_lowest_of_the_latest_window_is_told(late: LateReports, now: list[float]) -> None:
    """Answers overtake one another."""
    for serial, remaining, reset_after in ((1, 100, 2), (2, 119, 60), (4, 115, 60), (3, 118, 60)):
        late.keep(Success("create", 0.1, serial, RateNews(remaining, reset_after)))
    now[0] += 1
    told = late.take()
    assert (told.ceiling, told.left) == (119, 59_000)


def test_threads_lose_no_count(late: LateReports) -> None:
    """64 of them keep while others take."""
    with ThreadPoolExecutor(16) as pool:
        taken = [pool.submit(late.take) for _ in range(200) for _ in [late.keep(Success("create", 0.001, 1, None))]]
    told = "".join(one.result().told for one in taken) + late.take().told
    assert sum(int(line.split()[3]) for line in told.split(";") if line) == 200


@pytest.mark.parametrize("text", ["Ann's slot is taken", "none", "", "a" * 41, "http 500"])
def test_free_text_is_no_error_type(text: str) -> None:
    """Only a short word goes into Redis."""
    assert error_token(text) == "other"
    assert error_token("http_503") == "http_503"


def test_a_context_is_bounded() -> None:
    """Whatever a caller puts in, an event stays small."""
    assert len(bounded_context({str(number): "x" * 9999 for number in range(99)})) < 1200
    assert bounded_context(None) == ""
