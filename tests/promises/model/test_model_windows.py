"""The windows that promise 2 admits: found by the model without an assumption, and printed into the document."""

import pytest

from tests.model.document import ALONE, README, WINDOWS, counterexample, page
from tests.model.life.state import ENDS, FREEZE, LATE

TWICE = "two bookings of one request"


@pytest.mark.long
@pytest.mark.parametrize("window", WINDOWS)
def test_the_window_that_promise_2_admits_is_found_when_its_assumption_is_taken_away(window: str) -> None:
    """A look at its end cannot see the first POST's booking, so a second one leaves; nothing else was wrong."""
    found = counterexample(WINDOWS[window])
    trace = found.trace()
    first, second = (number for number, line in enumerate(trace) if line == "A sends the POST")

    assert found.broken == TWICE
    assert first < trace.index("A looks: absent, so not booked, to post") < second
    assert sum(line.startswith("Cal.com books") for line in trace) == 2
    assert any("frozen" in line for line in trace[:first]) == (WINDOWS[window].a1 is None)


@pytest.mark.long
def test_the_two_windows_add_up() -> None:
    """Freeze and delay, each shorter than the time until absence counts, book twice when together they are as long."""
    assert FREEZE + LATE + 1 == ENDS

    assert counterexample(ALONE._replace(a2=LATE + 1)).broken == TWICE


@pytest.mark.long
def test_the_document_prints_what_the_search_finds() -> None:
    """When this fails: python -m tests.model."""
    assert README.read_text("utf-8") == page()
