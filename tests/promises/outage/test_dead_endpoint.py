"""Promise 3 where only half of Cal.com is dead: what is dead is left alone, and what lives is used.

Step by step at ten bookings a minute, through the breaker that a fleet shares; its clock is moved by hand. The same at
other paces, and with calls in flight: tests/integration/breaker/test_trip_dead_post.py.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import Denied, Permit, Recorded, State
from resilience.shared_state.client import make_redis
from tasks import dependencies
from tasks.attempts.attempt import attempt
from tasks.calcom.access import CREATE
from tasks.calcom.reads import LIST
from tasks.work.claim import claim
from tests.support.fleet import HASTY, Fleet, eventually, request, row
from tests.support.stepping import Hand, accept, carry, lose, state, write
from worker.wiring import build

POST = {"method": "POST", "path": "/v2/bookings"}
LOOK = {"method": "GET", "path": "/v2/bookings"}
GAP = 6.0  # seconds between two bookings: ten a minute
IN_FLIGHT = 4
SHORT = {"CALCOM_READ_TIMEOUT": "1", "CALCOM_DEADLINE": "1"}  # each POST hangs for so long
Settings = Callable[..., dict[str, str]]


class SharedByHand(CircuitBreaker):
    """One process's end of the fleet's breaker, going by a clock that is moved by hand."""

    def __init__(self, redis_url: str, clock: Hand) -> None:
        redis = make_redis(redis_url, timeout=5, connect_timeout=5)
        super().__init__("calcom", redis=redis, settings=BreakerSettings(rate_limit=0))
        self.tell = clock
        give_back = self.held_work.give_back
        now = {"give_back": lambda *place, **how: give_back(*place, **how, now=clock())}
        vars(self.held_work).update(now)

    def acquire(self, endpoint: str, **how: Any) -> Permit | Denied:
        """Ask, now."""
        return super().acquire(endpoint, **how, now=self.tell())

    def record(self, permit: Permit, *outcome: Any, **more: Any) -> Recorded:
        """Report, now."""
        return super().record(permit, *outcome, **more, now=self.tell())

    def states(self) -> dict[str | None, State]:
        """Return the state of the service, and of each endpoint that is not closed."""
        status = self.get_status(now=self.tell())
        shut = {name: one.state for name, one in status.endpoints.items() if one.state is not State.CLOSED}
        return {None: status.state, **shut}


def shared_by_hand(settings: Settings, redis_url: str, **times: str) -> Hand:
    """Give this process a breaker with the default settings, and return its clock."""
    settings(CALCOM_SETTLE_SECONDS="130", **times)
    hand, built = Hand(), build()
    dependencies.fill(lambda: replace(built, breaker=SharedByHand(redis_url, hand)))
    return hand


@pytest.fixture
def clock(settings: Settings, redis_url: str) -> Hand:
    """Hand out the clock of this process's breaker."""
    return shared_by_hand(settings, redis_url)


def states() -> dict[str | None, State]:
    """Return what the breaker says."""
    breaker = dependencies.current().breaker
    assert isinstance(breaker, SharedByHand)
    return breaker.states()


def calls(simulator: Any, of: dict[str, str]) -> list[dict[str, Any]]:
    """Return the calls of one endpoint."""
    wanted = (of["method"], of["path"])
    return [one for one in simulator.journal() if (one["method"], one["target"].partition("?")[0]) == wanted]


@pytest.mark.parametrize(
    ("fault", "times"),
    [({"kind": "hang"}, SHORT), ({"kind": "status", "name": "gateway_timeout"}, {})],
    ids=["time-outs", "504s"],
)
def test_a_dead_post_is_left_alone_after_five_though_every_look_is_answered(
    settings: Settings, redis_url: str, simulator: Any, fault: dict[str, str], times: dict[str, str]
) -> None:
    """Each unknown booking is looked for twice before the next one comes; the sixth is held, and so are all others."""
    clock = shared_by_hand(settings, redis_url, **times)
    simulator.faults(**fault, match=POST)
    for number in range(5):
        [lost] = accept(request(number))
        for after in (0.0, 1.0, 2.0):
            assert carry(lost, after=after, clock=clock).outcome_unknown
        clock.move(GAP - 3)

    [late] = accept(request(9))
    carried = carry(late, clock=clock)

    assert states() == {None: State.CLOSED, CREATE: State.OPEN}
    assert state(carried) == (Status.HELD, HoldReason.BREAKER_OPEN)
    assert len(calls(simulator, POST)) == 5
    assert [look["status"] for look in calls(simulator, LOOK)] == [200] * 10


def test_a_refusal_shows_that_cal_com_lives(clock: Hand, simulator: Any) -> None:
    """Four POSTs are not answered, one is refused for good, four more are not: no outage yet. One more is."""
    gone, no = {"name": "gateway_timeout"}, {"status": 422, "shape": "A", "message": "No hosts"}
    seen = []
    for number, answer in enumerate([*[gone] * 4, no, *[gone] * 5]):
        simulator.no_faults()
        simulator.faults("status", match=POST, **answer)
        carry(*accept(request(number)), clock=clock)
        seen.append(states())

    assert seen == [{None: State.CLOSED}] * 9 + [{None: State.OPEN}]


def test_a_dead_list_opens_the_list_alone_and_bookings_go_on(clock: Hand, simulator: Any) -> None:
    """What must be looked for waits, held; what may be posted is booked as ever."""
    simulator.faults("status", name="gateway_timeout", match=LOOK)
    lost = accept(*(request(number) for number in range(6)))
    for one in lost:
        lose(one)
    booked = []
    for number, one in enumerate(lost[:5]):
        carry(one, clock=clock)
        [new] = accept(request(100 + number))
        booked.append(carry(new, after=GAP, clock=clock).status)

    sixth = carry(lost[5], clock=clock)
    [new] = accept(request(200))
    booked.append(carry(new, clock=clock).status)

    assert states() == {None: State.CLOSED, LIST: State.OPEN}
    assert booked == [Status.CONFIRMED] * 6
    assert state(sixth) == (Status.HELD, HoldReason.UNREACHABLE)
    assert len(calls(simulator, LOOK)) == 5


def test_a_released_booking_that_a_lookup_finds_makes_room_for_more(clock: Hand) -> None:
    """It has no POST of its own: its lookup says that the workers are served."""
    [found] = accept(request(1))
    carry(found, clock=clock)
    lose(found)
    write(found, next_attempt_at=None)
    breaker = dependencies.current().breaker
    assert breaker.held_work.release(CREATE, [found], now=clock()).items
    claimed = claim(dependencies.current(), found, released=True)
    assert claimed is not None

    assert attempt(claimed).gave_back
    assert breaker.get_status(now=clock()).window == 2


def openings() -> list[Transition]:
    """Return each change to open."""
    return [one for one in dependencies.current().breaker.view.transitions() if one.new is State.OPEN]


def under_way() -> int:
    """Count the bookings that are sent, or will be at once, or have failed and were not looked for since.

    Each look that is answered says that Cal.com lives: whose look is missing counts as an outage of the whole.
    """
    with dependencies.current().engine.connect() as conn:
        unlooked = "status = 'retrying' AND looks = 0"
        query = f"SELECT count(*) FROM appointments WHERE status IN ('pending', 'booking') OR {unlooked}"  # noqa: S608
        return int(conn.execute(text(query)).scalar_one())


@pytest.mark.long
def test_a_fleet_leaves_a_post_alone_that_is_never_answered(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """Four at a time, each POST given up after some seconds: five fail, and those in flight by then; no more goes."""
    given = {
        "CIRCUIT_BREAKER_THRESHOLD": "5",
        "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "120",
        "CALCOM_SETTLE_SECONDS": "130",
        **HASTY,
    }
    running = fleet(**given).start(concurrency=16)
    eventually(lambda: running.logs().count(" ready.") == 2, what="both workers")
    simulator.faults("hang", match=POST)
    numbers = count()
    while not openings():
        accept(request(next(numbers)))
        eventually(lambda: under_way() < IN_FLIGHT, what="room for one more")
    eventually(lambda: under_way() == 0, what="those in flight have ended")
    sent = len(calls(simulator, POST))
    late = accept(*(request(next(numbers)) for _ in range(8)))

    assert [one.endpoint for one in openings()] == [CREATE]
    assert 5 <= sent <= 5 + IN_FLIGHT
    assert {state(row(one)) for one in late} == {(Status.HELD, HoldReason.BREAKER_OPEN)}
    assert len(calls(simulator, POST)) == sent
