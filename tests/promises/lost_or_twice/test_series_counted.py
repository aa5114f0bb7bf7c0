"""Promise 6: the weeks of a series are counted when Cal.com must show them; one that it never shows stops no other."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from tasks.maintenance.late_lookups import AT_ONCE, look_again
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry, let_pass, write

Settings = Callable[..., dict[str, str]]
SERIES, ROUND_ROBIN_SERIES = 129, 135


def test_a_round_robins_series_is_counted_at_its_end(settings: Settings, simulator: Any) -> None:
    """The answer to its POST begins with week 2; a replica may not have them all yet, which would be a false alarm."""
    settings(CALCOM_SETTLE_SECONDS="130")
    [booked] = accept(request(1, ROUND_ROBIN_SERIES))
    carry(booked)
    asked = len(simulator.journal())

    assert look_again() == {"suspects": 0, "series": 0}
    assert (row(booked).series_weeks, len(simulator.journal())) == (None, asked)
    let_pass(131)
    assert look_again() == {"suspects": 0, "series": 1}
    assert (row(booked).series_weeks, row(booked).series_of) == (8, 8)


def test_series_that_cal_com_does_not_show_keep_no_other_waiting(settings: Settings) -> None:
    """As many as are counted at once are asked for in vain; then the next one has its turn, and theirs comes seldom."""
    settings()
    *hidden, shown = accept(*(request(number * 48, SERIES) for number in range(AT_ONCE + 1)))
    for one in (*hidden, shown):
        carry(one)
        write(one, ends_at=text("now() - interval '1 minute'"))
    let_pass(600)
    for one in hidden:
        write(one, series_uid=f"hidden-{one}", ends_at=text("now() - interval '1 hour'"))

    counts = [look_again() for _ in range(2)]

    assert [one["series"] for one in counts] == [0, 1]
    assert row(shown).series_weeks == 8
    for one in hidden:
        write(one, series_uid=row(shown).series_uid)
    waits = []
    for _ in range(2):
        let_pass(500)
        waits.append(look_again()["series"])
    assert waits == [0, len(hidden)], "after as long again as has passed since they were booked"
