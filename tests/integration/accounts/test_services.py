"""Accounts at two Cal.coms: each has a breaker, a release window and a record of its own."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import text

from booking_client import Bookings
from db.accounts import Account
from db.appointments import queue
from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from resilience.circuit_breaker.types import CallOutcome, State
from tasks import dependencies
from tasks.audit.calls import AuditCalls
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies
from tasks.incidents.check import check
from tasks.maintenance.breaker_transitions import record_transitions
from tasks.maintenance.dispatch import dispatch
from tasks.maintenance.failure_metrics import aggregate_failure_metrics
from tasks.maintenance.recovery import ask_again
from tasks.maintenance.release import release_held
from tasks.operations import accounts as operations
from tasks.operations import breaker_overrides
from tasks.operations.accounts.refusals import AccountRefusedError
from tasks.overview.payload import payload
from tasks.overview.reading import read_overview
from tasks.overview.sentences import render
from tasks.overview.verdict import verdict
from tasks.work.claim import claim
from tests.integration.accounts.conftest import FIVE, OTHERS, THEIRS, add, asked
from tests.integration.accounts.test_lines import OURS, PENDING, ask, hold, stands
from tests.support.fleet import eventually, request, row
from tests.support.stepping import book, carry, state
from worker.metrics.gauges import of_record

WAITS = (Status.HELD, HoldReason.BREAKER_OPEN)
BOOKED = (Status.CONFIRMED, None)


def theirs(account: Account) -> Dependencies:
    """Return what works for an account."""
    return dependencies.current().for_account(account.id)


def keys_of(url: str, service: str) -> dict[str, int]:
    """Return the keys that Redis has of a service, each with the milliseconds until it is deleted (-1: never)."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        return {key: client.pttl(key) for key in client.scan_iter(f"{{{service}}}:*")}  # type: ignore[misc]


def open_window(url: str, service: str, places: int) -> None:
    """Have so many places in a service's release window."""
    dependencies.current().services.breaker(service).held_work.count_releasable(CREATE)
    with redis.Redis.from_url(url) as client:
        client.hset(f"{{{service}}}:breaker", "window", places)


def end_open(url: str, service: str) -> None:
    """Have the time of an open breaker be over."""
    with redis.Redis.from_url(url) as client:
        client.hset(f"{{{service}}}:breaker", "ends", 1)


def fall(account: Account, calcom: Any) -> list[int]:
    """Have a Cal.com refuse connections until its breaker opens; return the bookings that met that."""
    calcom.faults("refuse", seconds=600)
    met = ask(range(100, 105), account.name)
    for one in met:
        carry(one)
    assert theirs(account).breaker.get_status().state is State.OPEN
    return met


def test_an_outage_of_one_holds_its_bookings_alone(clinic: Account, other: Any, redis_url: str) -> None:
    """The other's bookings are made, while this one's wait; then it is found to be back by its own probe."""
    met = fall(clinic, other)
    waiting, own = ask([0, 1], clinic.name), ask([10, 11], None)

    assert stands(waiting) == {WAITS: 2}
    assert [state(carry(one)) for one in own] == [BOOKED] * 2
    assert dependencies.current().breaker.get_status().state is State.CLOSED

    other.no_faults()
    end_open(redis_url, clinic.service)
    left = set(waiting)

    def booked() -> bool:
        release_held()
        for one in [*left]:
            if state(row(one)) == PENDING and state(carry_sent(one)) == BOOKED:
                left.remove(one)
        return not left

    eventually(booked, what="those that waited are booked")
    assert [state(carry(one)) for one in met] == [BOOKED] * len(met)
    assert theirs(clinic).breaker.get_status().state is State.CLOSED
    assert {entry["key"] for entry in other.journal()} == {THEIRS}


def carry_sent(booking: int) -> Any:
    """Carry a booking that the release has let go, as its message does, and return its row."""
    claimed = claim(dependencies.current(), booking, released=True)
    assert claimed is not None
    book(claimed)
    return row(booking)


def test_failures_of_the_settings_calcom_hold_nobody_elsewhere(clinic: Account, simulator: Any) -> None:
    """The other way round: also what a client stores goes."""
    simulator.faults("refuse", seconds=600)
    for one in ask(range(5), None):
        carry(one)
    simulator.no_faults()

    assert stands(ask([5], None)) == {WAITS: 1}
    assert state(carry(ask([6], clinic.name)[0])) == BOOKED


def test_what_a_client_stores_is_judged_by_its_own_service(clinic: Account, database_url: str) -> None:
    """What comes for the Cal.com that is down is held at once; the other's message is sent."""
    own = theirs(clinic)
    for number in range(5):
        permit = own.breaker.acquire(CREATE, owner=f"o{number}", account=own.caller)
        own.breaker.record(permit, CallOutcome.FAILURE_SERVICE, reason="timeout")  # type: ignore[arg-type]
    with Bookings(database_url) as bookings:
        kept = bookings.enqueue_many([request(0, account=clinic.name), request(1)])

    dispatch(dependencies.current())

    assert [state(row(one.appointment_id)) for one in kept] == [WAITS, PENDING]  # type: ignore[union-attr]


def test_each_has_a_release_window_of_its_own(clinic: Account, redis_url: str) -> None:
    """With one place here and three there; a booking takes the place of its own Cal.com alone, and gives that back."""
    own, others = ask(range(4), None), ask(range(10, 14), clinic.name)
    hold([*own, *others])
    open_window(redis_url, "calcom", 1)
    open_window(redis_url, clinic.service, 3)

    assert release_held() == 4

    assert (stands(own), stands(others)) == ({PENDING: 1, WAITS: 3}, {PENDING: 3, WAITS: 1})
    statuses = [one.get_status() for one in (dependencies.current().breaker, theirs(clinic).breaker)]
    assert [one.waiting for one in statuses] == [1, 3]
    assert carry_sent(next(one for one in others if state(row(one)) == PENDING)).status is Status.CONFIRMED
    statuses = [one.get_status() for one in (dependencies.current().breaker, theirs(clinic).breaker)]
    assert [(one.waiting, one.sending) for one in statuses] == [(1, 0), (2, 0)]


@pytest.mark.parametrize("met", ["paused", "gone"])
def test_a_place_is_given_back_where_it_was_taken(clinic: Account, redis_url: str, met: str) -> None:
    """Though the account is paused by then, so that there is no access to it, or the booking is not to be claimed."""
    [one] = ask([0], clinic.name)
    hold([one])
    open_window(redis_url, clinic.service, 1)
    assert release_held() == 1
    if met == "paused":
        operations.pause(dependencies.current(), clinic.name, asked())
    else:
        hold([one])

    claimed = claim(dependencies.current(), one, released=True)
    if claimed is not None:
        book(claimed)

    status = dependencies.current().services.breaker(clinic.service).get_status()
    assert (claimed is None, status.waiting) == (met == "gone", 0)


def test_a_line_of_one_service_hides_none_of_another(clinic: Account, other: Any) -> None:
    """Their accounts by number lie between one another: each service's are found, and no others."""
    accounts = [
        clinic,
        add("salon-7", THEIRS, first=False),
        add("clinic-2", OTHERS, base_url=other.url, first=False),
        add("salon-8", OTHERS, first=False),
    ]
    hold([*ask([0], None), *(one for number, account in enumerate(accounts, 1) for one in ask([number], account.name))])

    def found(service: str | None, after: int = 0, limit: int = 10) -> list[int]:
        with dependencies.current().autocommit.connect() as conn:
            return [pace.id for pace in queue.in_line(conn, after=after, limit=limit, service=service)]

    first, salon, second, last = (one.id for one in accounts)
    assert found(None) == [1, first, salon, second, last]
    assert found("calcom") == [1, salon, last]
    assert found(clinic.service) == [first, second]
    assert found(clinic.service, limit=1) == [first]
    assert found(clinic.service, after=first) == [second]
    assert found("c-none") == []


def test_a_refused_key_is_tried_again_at_its_own_service(clinic: Account, other: Any, redis_url: str) -> None:
    """By one call there, and with what it held let go."""
    own = theirs(clinic)
    permit = own.breaker.acquire(CREATE, owner="o", account=own.caller)
    own.breaker.record(permit, CallOutcome.CREDENTIALS, reason="credentials")  # type: ignore[arg-type]
    [one] = ask([0], clinic.name)
    assert state(carry(one)) == (Status.HELD, HoldReason.CREDENTIALS)
    before = len(other.journal())
    with redis.Redis.from_url(redis_url) as client:
        client.hset(f"{{{clinic.service}}}:key:{own.caller.key}", "trial", 0)
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE appointments SET held_at = held_at - interval '10 seconds'"))

    ask_again()

    assert len(other.journal()) == before + 1
    assert release_held() == 1
    assert state(carry(one)) == BOOKED


def test_the_audit_asks_each_accounts_own_service(clinic: Account) -> None:
    """A permit of one Cal.com's breaker is none of another's."""
    calls = AuditCalls(dependencies.current(), waiting=lambda _: None)
    calls.use(clinic.id)
    calls.me()

    services = dependencies.current().services
    with dependencies.current().engine.connect():
        figures = [services.breaker(name).calls.recent_calls() for name in ("calcom", clinic.service)]
    assert [one.calls for one in figures] == [0, 1]


def test_a_service_at_rest_has_no_key(clinic: Account, redis_url: str) -> None:
    """What it leaves in Redis ends by itself, and no beat begins it again; a call does."""
    assert state(carry(ask([0], clinic.name)[0])) == BOOKED
    aggregate_failure_metrics()
    fields = keys_of(redis_url, clinic.service)
    assert {f"{{{clinic.service}}}:{name}" for name in ("breaker", "events", "counts", "windows")} <= fields.keys()
    assert all(0 < left <= 7_200_000 for left in fields.values()), fields

    with redis.Redis.from_url(redis_url) as client:
        client.delete(*fields)
    release_held(), record_transitions(), aggregate_failure_metrics(), ask_again()

    assert keys_of(redis_url, clinic.service) == {}
    assert state(carry(ask([1], clinic.name)[0])) == BOOKED


def test_a_service_in_use_is_not_forgotten(clinic: Account, redis_url: str) -> None:
    """Each call puts the end off, also while the breaker is closed and nothing of it is written."""
    assert [state(carry(one)) for one in ask([0, 1], clinic.name)] == [BOOKED] * 2
    key = f"{{{clinic.service}}}:breaker"
    with redis.Redis.from_url(redis_url) as client:
        client.pexpire(key, 60_000)
        assert state(carry(ask([2], clinic.name)[0])) == BOOKED
        assert client.pttl(key) > 7_000_000  # type: ignore[operator]


def test_what_belongs_to_the_settings_service_stays(clinic: Account, redis_url: str) -> None:
    """As it did before there were others."""
    assert clinic.service != "calcom"
    assert state(carry(ask([0], None)[0])) == BOOKED

    lasting = {key.partition(":")[2] for key, left in keys_of(redis_url, "calcom").items() if left == -1}
    assert {"breaker", "events", "counts", "windows", "rate"} <= lasting


def test_each_outage_is_in_its_own_record(clinic: Account, other: Any) -> None:
    """By service; and an order to one breaker is none to the other."""
    record_transitions()
    fall(clinic, other)
    record_transitions()
    own = theirs(clinic)
    assert own.breaker.operators.force_open("ann", "a test")

    with dependencies.current().engine.connect() as conn:
        opened = conn.execute(
            text("SELECT DISTINCT service FROM circuit_breaker_events WHERE new_state = 'open' AND account_id IS NULL")
        )
        assert list(opened.scalars()) == [clinic.service]
    states = [one.get_status().state for one in (dependencies.current().breaker, own.breaker)]
    assert states == [State.CLOSED, State.FORCED_OPEN]


def test_an_order_outlives_redis_at_its_own_service(clinic: Account, redis_url: str) -> None:
    """Redis is emptied: the order is obeyed again where it was given, and nowhere else."""
    breaker = theirs(clinic).breaker
    breaker_overrides.force(dependencies.current().engine, breaker, "open", by="ann", why="a test")
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()

    services = dependencies.current().services
    states = [services.breaker(one.name).get_status().state for one in services.known()]
    assert states == [State.CLOSED, State.FORCED_OPEN]


def test_an_outage_elsewhere_is_seen_by_its_host(clinic: Account, other: Any) -> None:
    """In the answer, in the incident and as a number; the settings' own Cal.com is well, and no account is blamed."""
    record_transitions()
    fall(clinic, other)
    ask([0], clinic.name)
    record_transitions()
    check()

    seen = read_overview(dependencies.current())
    said = verdict(seen)
    host = other.url.removeprefix("http://")
    assert said.name == "services_wait"
    assert render(said.sentence, seen.read_at).startswith(f"1 other Cal.com is held up: {host}: it is down since ")
    assert [one["host"] for one in payload(seen, said)["services"]] == [host]
    assert seen.record is not None
    assert seen.record.accounts.accounts == ()
    with dependencies.current().engine.connect() as conn:
        found = {one.title for one in incidents.notified(conn, open_only=True)}
        counted = text("SELECT labels, value FROM metric_totals WHERE name = 'breaker_transitions'")
        opened = {tuple(labels): value for labels, value in conn.execute(counted)}
    assert any(title.startswith(f"Cal.com at {host} is down: ") for title in found), found
    samples = {
        (name, tuple(sorted(labels.items()))): value
        for metric in of_record(seen.record)
        for name, labels, value, *_ in metric.samples
    }
    assert samples["booking_services", (("service", "others"), ("state", "open"))] == 1
    assert opened.get(("others", "open"), 0) >= 1
    assert (CREATE, "open") not in opened


def test_without_redis_each_service_has_a_breaker_in_the_process(
    fleet_of: Callable[..., dict[str, str]], other: Any, simulator: Any
) -> None:
    """The failures of one do not stop the other's calls."""
    fleet_of(**FIVE)
    clinic = add("clinic-1", THEIRS, base_url=other.url)
    fleet_of(**FIVE, REDIS_URL="redis://127.0.0.1:1/0")

    met = ask(range(6), clinic.name)
    other.faults("refuse", seconds=600)
    for one in met:
        carry(one)

    assert theirs(clinic).breaker.get_status().state is State.OPEN
    assert state(carry(ask([10], None)[0])) == BOOKED
    assert len(simulator.journal()) > 0


def test_the_first_account_elsewhere_wants_a_word(fleet_of: Callable[..., Any], other: Any) -> None:
    """Workers of before know accounts, and one breaker."""
    fleet_of()
    add()
    with pytest.raises(AccountRefusedError, match="first account at another Cal"):
        add("clinic-1", THEIRS, base_url=other.url, first=False)

    assert add("clinic-1", THEIRS, base_url=other.url).service.startswith("c-")
    assert add("clinic-2", OTHERS, base_url=other.url, first=False).neighbours == 2


def test_a_key_that_is_offered_counts_where_it_is_tried(clinic: Account, redis_url: str) -> None:
    """Not against the limit of `default`."""
    with redis.Redis.from_url(redis_url) as client:
        before = client.hget("{calcom}:rate", "granted")
        operations.rotate(dependencies.current(), clinic.name, SecretStr(OTHERS), asked(), other_user=True)
        assert client.hget("{calcom}:rate", "granted") == before


def test_a_service_is_shown_by_its_host(clinic: Account, other: Any, simulator: Any) -> None:
    """With its port; who has one Cal.com has no others."""
    services = dependencies.current().services
    hosts = [one.removeprefix("http://") for one in (simulator.url, other.url)]

    assert [one.host for one in services.known()] == hosts
    found = services.named(clinic.service)
    assert (found and found.host, services.named(hosts[1]), services.named(None)) == (hosts[1], found, services.own)
    assert services.named("cal.example.net") is None


def test_of_one_account_no_services_are_read(fleet_of: Callable[..., Any]) -> None:
    """One row says that it is alone."""
    fleet_of()
    services = dependencies.current().services

    assert services.others() == ()
    assert services.breaker("calcom") is dependencies.current().breaker


def test_an_address_in_another_spelling_is_the_same_calcom(clinic: Account, simulator: Any, other: Any) -> None:
    """One key is one limit: neither that of `default` nor that of an account is added again by a spelling."""
    respelled = [url.replace("http://127.0.0.1", "HTTP://127.1") + "/" for url in (simulator.url, other.url)]

    for url, key in zip(respelled, (OURS, THEIRS), strict=True):
        with pytest.raises(AccountRefusedError, match="this is the key of"):
            add("twice", key, base_url=url, first=False)

    beside = [add(name, OTHERS, base_url=url, first=False) for name, url in zip(("a", "b"), respelled, strict=True)]
    assert [(one.service, one.base_url) for one in beside] == [
        ("calcom", simulator.url),
        (clinic.service, other.url),
    ]
