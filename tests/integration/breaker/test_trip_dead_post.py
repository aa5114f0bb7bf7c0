"""POST dead from the first call and reads well, at the real times: the endpoint opens after five, and stays calm.

Each POST that is not answered is looked for, and each look is answered: what counts only for the service would be
hidden by them for good. Times are the defaults': a POST waits 30 s for its answer, looks come 1, 3 and 7 s after it.
"""

from heapq import heappop, heappush
from itertools import count, pairwise

import pytest

from resilience.circuit_breaker.types import Permit, State
from tests.support.stepped_calls import CREATE, GONE, LIST, SUCCESS, T0, Calls

LOOKS = (1.0, 3.0, 7.0)
OPEN = 30.0


class Fleet:
    """Bookings that come at an even pace, each POSTed once and then looked for; who is denied does not come again."""

    def __init__(self, calls: Calls, *, a_minute: int, takes: float) -> None:
        self.calls = calls
        self.gap, self.takes = 60 / a_minute, takes
        self.posted: list[float] = []
        self.failed_at: list[float] = []
        self._numbers = count()
        self._due: list[tuple[float, int, Permit | str]] = []

    def run(self, *, until: float) -> None:
        """Go on to this second."""
        self._put(self.calls.at, "booking")
        while self._due[0][0] <= until:
            self.calls.at, _, what = heappop(self._due)
            if isinstance(what, Permit):
                self._answered(what)
            elif what == "look":
                if permit := self.calls.ask(LIST, probe_ok=False):
                    self.calls.end(permit, SUCCESS)
            else:
                self._put(self.calls.at + self.gap, "booking")
                if permit := self.calls.ask(CREATE):
                    self.posted.append(self.calls.at)
                    self._put(self.calls.at + self.takes, permit)

    def _answered(self, permit: Permit) -> None:
        self.calls.end(permit, GONE)
        self.failed_at.append(round(self.calls.at, 3))  # Redis counts in ms
        for after in LOOKS:
            self._put(self.calls.at + after, "look")

    def _put(self, at: float, what: Permit | str) -> None:
        heappush(self._due, (at, next(self._numbers), what))


@pytest.mark.parametrize("takes", [30.0, 0.2], ids=["time-outs", "504s"])
@pytest.mark.parametrize("a_minute", [10, 30, 100])
def test_a_dead_post_is_left_alone_after_five_though_reads_are_well(
    redis_url: str, a_minute: int, takes: float
) -> None:
    """Five that failed and those in flight by then; afterwards one probe each time that OPEN is over."""
    calls = Calls(redis_url, window=60, open_for=OPEN)
    fleet = Fleet(calls, a_minute=a_minute, takes=takes)

    fleet.run(until=600)

    opened = [one for one in calls.breaker.view.transitions(count=1000) if one.new is State.OPEN]
    first = round(opened[0].at.timestamp() - T0, 3)
    probes = [at for at in fleet.posted if at > first]
    assert len([at for at in fleet.failed_at if at <= first]) == 5
    assert {one.endpoint for one in opened} == {CREATE}, "reads show that the service lives"
    assert len(probes) >= 5
    apart = [round(later - earlier, 3) for earlier, later in pairwise(probes)]
    assert min(apart) >= takes + OPEN, "two probes in one window"
