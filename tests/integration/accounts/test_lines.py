"""A line for each account: what is more than its limit waits in the rows, and each lets its first go in turn."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import text, update

from booking_client import Bookings
from booking_client.states import HELD_BY
from db import accounts
from db.accounts import Account
from db.appointments import queue
from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments
from resilience.circuit_breaker.types import CallOutcome, State
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.enqueue import enqueue_bookings
from tasks.maintenance.dispatch import dispatch
from tasks.maintenance.recovery import ask_again
from tasks.maintenance.release import release_held
from tasks.maintenance.turns import LONGEST_REST, ReleaseTurns, deal
from tasks.operations import accounts as operations
from tasks.work.claim import claim
from tests.integration.accounts.conftest import FIVE, NEXT, THEIRS, add, asked
from tests.support.accounts.making import make_account
from tests.support.fleet import request, row
from tests.support.stepping import POST, Hand, accept, carry, let_pass, state

PENDING, THROTTLED, IN_LINE = (
    (Status.PENDING, None),
    (Status.HELD, HoldReason.THROTTLED),
    (Status.HELD, HoldReason.IN_LINE),
)
_STANDS = text(f"SELECT status, {HELD_BY}, count(*) FROM appointments WHERE id = ANY (:ids) GROUP BY 1, 2")  # noqa: S608 - constants
OURS, PART = "cal_test_owner", 1_000


def ask(numbers: Sequence[int], account: str | None = "salon-7") -> list[int]:
    """Accept requests for an account, all at once."""
    return accept(*(request(number, account=account) for number in numbers))


def stands(ids: Sequence[int]) -> Counter[Any]:
    """Count how bookings stand."""
    with dependencies.current().engine.connect() as conn:
        found = conn.execute(_STANDS, {"ids": list(ids)}).all()
    return Counter({(Status(status), reason and HoldReason(reason)): number for status, reason, number in found})


def hold(ids: Sequence[int], reason: HoldReason = HoldReason.BREAKER_OPEN, **more: Any) -> None:
    """Hold bookings."""
    held = {"status": Status.HELD, "hold_reason": reason, "held_at": text("now()"), "enqueued_at": None, **more}
    for begin in range(0, len(ids), PART):
        with dependencies.current().engine.begin() as conn:
            conn.execute(update(appointments).where(appointments.c.id.in_(ids[begin : begin + PART])).values(**held))


def own_hash(url: str, account: int) -> tuple[redis.Redis, str]:
    """Return the key of what Redis keeps of an account."""
    deps = dependencies.current().for_account(account)
    return redis.Redis.from_url(url, decode_responses=True), f"{{calcom}}:key:{deps.caller.key}"


def open_window(url: str, places: int) -> None:
    """Have so many places in the release window."""
    dependencies.current().breaker.held_work.count_releasable(CREATE)
    with redis.Redis.from_url(url) as client:
        client.hset("{calcom}:breaker", "window", places)


@pytest.mark.usefixtures("slow")
def test_what_is_more_than_the_limit_waits_in_the_row() -> None:
    """One message goes; the others of the batch wait, and a later request stands in line. Nobody else does."""
    flood, later, others = ask(range(10)), ask([20]), ask([30, 31], None)

    assert stands(flood) == {PENDING: 1, THROTTLED: 9}
    assert stands(later) == {IN_LINE: 1}
    assert stands(others) == {PENDING: 2}
    assert dependencies.current().callers.is_alone() is False


def test_who_stands_in_line_takes_no_message_from_it(slow: Account, redis_url: str) -> None:
    """Else those who ask would keep the line from moving; a request that is known takes none either."""
    waiting = ask([0, 1])
    client, key = own_hash(redis_url, slow.id)
    client.hset(key, "admitted", 0)

    later = ask(range(10, 20))
    enqueue_bookings([request(0, account="salon-7")])

    seconds, micros = client.time()  # type: ignore[misc]
    assert stands(later) == {IN_LINE: 10}
    assert stands(waiting) == {PENDING: 1, THROTTLED: 1}
    assert 0 < float(client.hget(key, "admitted") or 0) <= seconds * 1_000_000 + micros


def test_a_message_goes_when_its_time_has_come(slow: Account, redis_url: str) -> None:
    """The first in the line, by the pace of messages, which the release takes from as well."""
    first, *line = ask(range(4))
    client, key = own_hash(redis_url, slow.id)
    open_window(redis_url, 8)
    clock, deps = Hand(), dependencies.current()
    turns = ReleaseTurns(clock)

    assert turns.release(deps) == 0
    client.hset(key, "admitted", 0)
    assert turns.release(deps) == 0, "the breaker is not asked again at once"
    clock.move(LONGEST_REST)
    assert turns.release(deps) == 1

    assert stands([first, line[0]]) == {PENDING: 2}
    assert stands(line[1:]) == {THROTTLED: 2}
    assert ReleaseTurns().release(deps) == 0


@pytest.mark.usefixtures("slow")
def test_what_a_client_keeps_waits_in_the_row_as_well(database_url: str) -> None:
    """The dispatcher sends as many messages as may go; of each account."""
    with Bookings(database_url) as bookings:
        kept = bookings.enqueue_many(
            [request(n, account="salon-7") for n in range(5)] + [request(n) for n in range(10, 13)]
        )
    ids = [one.appointment_id for one in kept]  # type: ignore[union-attr]

    assert dispatch(dependencies.current()) == 8

    assert stands(ids[:5]) == {PENDING: 1, THROTTLED: 4}
    assert stands(ids[5:]) == {PENDING: 3}


@pytest.mark.usefixtures("salon")
def test_a_request_kept_beside_another_accounts_line_goes(database_url: str) -> None:
    """As one that is accepted here."""
    hold(ask([0]), HoldReason.THROTTLED)
    with Bookings(database_url) as bookings:
        kept = bookings.enqueue_many([request(1), request(2, account="salon-7")])
    own, theirs = (one.appointment_id for one in kept)  # type: ignore[union-attr]

    dispatch(dependencies.current())

    assert (stands([own]), stands([theirs])) == ({PENDING: 1}, {IN_LINE: 1})


@pytest.mark.usefixtures("salon")
def test_each_account_lets_its_first_go_and_then_its_second(redis_url: str) -> None:
    """However long the line of one is: with four places, one of each of three, and then the second of one."""
    add("salon-8", "cal_test_host12", first=False)
    first, second, own = ask(range(6)), ask(range(10, 16), "salon-8"), ask([20], None)
    hold([*first, *second, *own])
    open_window(redis_url, 4)

    assert ReleaseTurns().release(dependencies.current()) == 4

    went = [one for one in (*first, *second, *own) if state(row(one)) == PENDING]
    assert went in ([*first[:2], second[0], *own], [first[0], *second[:2], *own])


@pytest.mark.usefixtures("salon")
def test_a_run_goes_on_behind_the_account_where_the_last_one_stopped(redis_url: str) -> None:
    """With one place in each run: else the first account would have all of them."""
    add("salon-8", "cal_test_host12", first=False)
    lines = ask([20, 21, 22], None), ask([0, 1, 2]), ask([10, 11, 12], "salon-8")
    hold([one for line in lines for one in line])
    turns = ReleaseTurns()

    for places in (1, 2, 3):
        open_window(redis_url, places)
        assert turns.release(dependencies.current()) == 1

    assert [stands(line)[PENDING] for line in lines] == [1, 1, 1]


def test_the_line_of_a_paused_account_takes_nobodys_turn(salon: Account) -> None:
    """It is passed over, and does not count as one of those that are read."""
    next_one = add("salon-8", "cal_test_host12", first=False)
    hold([*ask([20], None), *ask([0]), *ask([10], "salon-8")])
    operations.pause(dependencies.current(), salon.name, asked())

    with dependencies.current().autocommit.connect() as conn:
        found = queue.in_line(conn, after=0, limit=2)

    assert [pace.id for pace in found] == [1, next_one.id]


def test_the_first_of_each_goes_before_the_second_of_any() -> None:
    """As they are dealt; an account without bookings has no turn."""
    assert deal({3: [31, 32, 33], 5: [], 7: [71]}, 3) == {3: [31, 32], 7: [71]}
    assert list(deal({3: [31, 32, 33], 7: [71]}, 1).values()) == [[31]]


def test_an_account_that_is_down_holds_nobody_else(fleet_of: Callable[..., dict[str, str]], redis_url: str) -> None:
    """Its own breaker is open: those of others go, and its own stay in line."""
    fleet_of(**FIVE)
    salon = add()
    theirs, own = ask(range(3)), ask([10, 11], None)
    hold([*theirs, *own])
    down = dependencies.current().for_account(salon.id)
    for number in range(5):
        permit = down.breaker.acquire(CREATE, owner=f"o{number}", account=down.caller)
        down.breaker.record(permit, CallOutcome.FAILURE_ENDPOINT, reason="http_500")  # type: ignore[arg-type]
    open_window(redis_url, 8)

    assert ReleaseTurns().release(dependencies.current()) == 2

    assert stands(own) == {PENDING: 2}
    assert stands(theirs) == {(Status.HELD, HoldReason.BREAKER_OPEN): 3}
    assert stands(ask([20])) == {(Status.HELD, HoldReason.BREAKER_OPEN): 1}
    assert stands(ask([21], None)) == {PENDING: 1}


@pytest.mark.usefixtures("salon")
def test_a_worker_passes_those_of_another_account() -> None:
    """It waits behind its own account's line alone."""
    theirs, own = ask([0, 1]), ask([2], None)
    hold(theirs[:1])

    claimed = [claim(dependencies.current(), one) for one in (theirs[1], own[0])]

    assert [one and one.backlog for one in claimed] == [HoldReason.BREAKER_OPEN, None]


@pytest.mark.usefixtures("salon")
def test_a_cause_lets_sixteen_of_an_account_go_at_once() -> None:
    """What another key has held, and what was held for a time that has come."""
    for_a_key, for_a_time = ask(range(18)), ask(range(20, 38), None)
    hold(for_a_key, HoldReason.CREDENTIALS, held_for="another key")
    hold(for_a_time, HoldReason.UNREACHABLE, hold_until=text("now()"))
    let_pass(10)

    released = [release_held() for _ in range(3)]

    assert released == [32, 4, 0]
    assert stands([*for_a_key, *for_a_time]) == {PENDING: 36}


def test_a_reading_of_held_accounts_looks_at_a_bounded_number(settings: Callable[..., dict[str, str]]) -> None:
    """However many accounts have a line: the next one goes on behind the last that was looked at, to the end."""
    settings()
    made = [make_account(dependencies.current().engine) for _ in range(7)]
    for number, (_, name) in enumerate(made):
        hold(ask([number], name), HoldReason.PAUSED if number in (2, 5, 6) else HoldReason.THROTTLED)
    numbers = [number for number, _ in made]

    def read(after: int, limit: int = 10) -> tuple[list[int], int]:
        with dependencies.current().autocommit.connect() as conn:
            found = accounts.held(conn, after=after, limit=limit, most=3)
        return [numbers.index(one) for one in found.numbers], numbers.index(found.last) if found.last else -1

    assert [read(0), read(numbers[2]), read(numbers[5])] == [([2], 2), ([5], 5), ([6], -1)]
    assert read(numbers[3], limit=1) == ([5], 5)


def test_a_refused_key_is_tried_again_by_itself(salon: Account, redis_url: str, keys: Callable[[], list[str]]) -> None:
    """One call with that key, when its own time has come; the account's bookings follow, and nobody else waited."""
    deps = dependencies.current()
    down = deps.for_account(salon.id)
    permit = down.breaker.acquire(CREATE, owner="o", account=down.caller)
    down.breaker.record(permit, CallOutcome.CREDENTIALS, reason="credentials")  # type: ignore[arg-type]
    one, other = ask([0])[0], ask([1], None)[0]
    assert [state(carry(booking)) for booking in (one, other)] == [
        (Status.HELD, HoldReason.CREDENTIALS),
        (Status.CONFIRMED, None),
    ]
    let_pass(10)
    keys()

    assert (ask_again(), release_held(), keys()) == (0, 0, [])
    client, key = own_hash(redis_url, salon.id)
    client.hset(key, "trial", 0)
    ask_again()

    assert len(keys()) == 1
    assert release_held() == 1
    assert carry(one).status is Status.CONFIRMED


def test_two_accounts_from_end_to_end(
    fleet_of: Callable[..., dict[str, str]], simulator: Any, keys: Callable[[], list[str]]
) -> None:
    """Each booking is made with its account's key; a refused key, and failures of one account, hold its own alone."""
    fleet_of(**FIVE)
    salon = add()
    deps = dependencies.current()
    keys()
    booked = [carry(one) for one in (*ask([0]), *ask([1], None))]
    assert ([one.status for one in booked], keys()) == ([Status.CONFIRMED] * 2, [THEIRS, OURS])

    simulator.settings(keys={THEIRS: "expired"})
    refused = [*ask([2, 3])]
    assert {state(carry(one)) for one in refused} == {(Status.HELD, HoldReason.CREDENTIALS)}
    assert carry(ask([4], None)[0]).status is Status.CONFIRMED
    assert keys() == [THEIRS, OURS]  # the second booking of the refused key costs no call
    operations.rotate(deps, salon.name, SecretStr(NEXT), asked())
    let_pass(10)
    keys()
    assert release_held() == 2
    assert [carry(one).status for one in refused] == [Status.CONFIRMED] * 2
    assert set(keys()) == {NEXT}

    failing = ask(range(10, 15))
    simulator.faults("status", name="internal", match=POST)
    for one in failing:
        carry(one)
    simulator.no_faults()
    theirs, own = ask([20])[0], ask([21], None)[0]
    assert state(carry(own)) == (Status.CONFIRMED, None)
    assert row(theirs).hold_reason in (HoldReason.BREAKER_OPEN, HoldReason.IN_LINE)
    status = deps.breaker.view.status(account=deps.for_account(salon.id).caller)
    assert (status.state, status.account_endpoints[CREATE].state) == (State.CLOSED, State.OPEN)
