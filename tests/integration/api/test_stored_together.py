"""Requests that arrive together are stored by one INSERT; each has its own answer, and none is another's trouble."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from booking_client.receipts import Conflict, Receipt
from booking_client.request.model import BookingRequest
from db import appointments
from db.appointments import NewAppointment, views
from db.models.accounts import AccountState
from resilience.exceptions import AppointmentDatabaseException, AppointmentException
from tasks import dependencies
from tasks.booking import book_appointment
from tasks.enqueue import CallersRequest, enqueue_booking, enqueue_together
from tests.support.accounts.making import make_account
from tests.support.api.served import Api, Serving, a_request
from tests.support.fleet import eventually, request, row
from worker.api.concurrency.groups import AT_ONCE

MANY = 24
BLOCKED = (
    "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE datname = current_database() AND NOT granted"
)
TRANSACTIONS = (
    "SELECT count(DISTINCT appointments.xmin::text) FROM appointments JOIN api_keys ON api_keys.id = api_key_id"
    " WHERE api_keys.name = :name"
)
UNHURRIED = "SET LOCAL idle_in_transaction_session_timeout = 0"  # it holds its lock for as long as the machine takes
Settings = Callable[..., dict[str, str]]


def stored() -> int:
    """Count the bookings."""
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(text("SELECT count(*) FROM appointments")).scalar_one())


def together(api: Api, work: Callable[[dict[str, Any]], Any], requests: list[dict[str, Any]]) -> list[Any]:
    """Have requests made at the same time: a lock holds groups of one up until all others have come."""
    with api.engine.connect() as conn, ThreadPoolExecutor(len(requests)) as pool:
        conn.execute(text(UNHURRIED))
        conn.execute(text("LOCK TABLE appointments IN SHARE MODE"))
        answers = []
        for one in requests[:AT_ONCE]:
            answers.append(pool.submit(work, one))
            eventually(lambda: api.sql(BLOCKED) == len(answers), what="a group of one waits for the lock")
        answers += [pool.submit(work, one) for one in requests[AT_ONCE:]]
        eventually(lambda: connected(api) >= len(requests), what="all have come")
        assert [api.call("GET", "/health").status_code for _ in range(5)] == [200] * 5
        conn.rollback()
        return [one.result() for one in answers]


def connected(api: Api) -> int:
    """Count the connections to an API that are open."""
    _, *lines = Path("/proc/net/tcp").read_text().splitlines()
    remote, established = f":{api.address[1]:04X}", "01"
    return sum(line.split()[2].endswith(remote) and line.split()[3] == established for line in lines)


def test_many_at_once_are_few_transactions_and_each_has_its_own_answer(api: Api) -> None:
    """The place that a caller is told is the row of its own request, and of no other's."""
    caller = api.key()
    caller.booked()  # its key has been read, which all would wait for
    requests = [a_request() for _ in range(MANY)]

    told = together(api, caller.book, requests)

    emails = [api.sql("SELECT attendee_email FROM appointments WHERE id = :id", id=one.json()["id"]) for one in told]
    assert [one.status_code for one in told] == [202] * MANY
    assert emails == [one["attendee"]["email"] for one in requests]
    assert api.sql(TRANSACTIONS, name=caller.name) < 1 + MANY


def test_a_rate_counts_each_of_those_that_come_together(api: Api) -> None:
    """So many as may come are stored, the others are told; another key's rate is its own."""
    limited, other = api.key(rate=4), api.key()
    limited.booked()
    other.booked()
    callers = {f"pat-{number}@example.com": (other, limited)[number >= MANY // 2] for number in range(MANY)}
    requests = [a_request(attendee={"email": email}) for email in callers]

    told = together(api, lambda one: callers[one["attendee"]["email"]].book(one), requests)

    statuses = Counter((caller.name, one.status_code) for caller, one in zip(callers.values(), told, strict=True))
    assert statuses.keys() == {(limited.name, 202), (limited.name, 429), (other.name, 202)}
    assert 3 <= statuses[limited.name, 202] <= 8  # of 12; each quarter of a minute one more may come


def test_bookings_are_read_together_and_each_key_sees_its_own(api: Api) -> None:
    """By one statement for all keys that see their own, and one for each account that a key sees all of."""
    mine, theirs = api.key(), api.key()
    first, second = mine.booked(), theirs.booked()
    reference = UUID(api.sql("SELECT CAST(uuid AS text) FROM appointments WHERE id = :id", id=second))
    own, other = (api.sql("SELECT id FROM api_keys WHERE name = :name", name=one.name) for one in (mine, theirs))
    elsewhere, _ = make_account(api.engine)
    asked: list[tuple[int | None, int, int | UUID]] = [
        (own, 1, first),
        (own, 1, second),
        (other, 1, reference),
        (None, 1, first),
        (None, elsewhere, first),
        (other, 1, second + 1_000),
    ]
    statements: list[str] = []
    event.listen(api.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    with api.engine.connect() as conn:
        read = views.seen_by(conn, asked)

    assert [one and one.id for one in read] == [first, None, second, first, None, None]
    assert sum("FROM appointments" in one for one in statements) == 4  # one for the references


def test_the_same_request_at_once_is_one_booking(api: Api) -> None:
    """One is told that it is stored, the others that it is known; with one key and two requests one is refused."""
    caller, same = api.key(), a_request()

    with ThreadPoolExecutor(MANY) as pool:
        told = list(pool.map(caller.book, [same] * MANY))
        of_one_key = list(pool.map(lambda one: caller.book(one, key="mine"), [a_request(), a_request()]))

    assert Counter(one.status_code for one in told) == {202: 1, 200: MANY - 1}
    assert len({one.json()["id"] for one in told}) == 1
    assert sorted(one.status_code for one in of_one_key) == [202, 422]


def test_who_meets_a_lock_hears_that_nothing_was_stored(serving: Serving) -> None:
    """Another transaction holds its key: Postgres says no before the caller's patience ends; the others are stored."""
    api = serving.start(patient=False)
    caller = api.key()
    caller.booked()
    key = api.sql("SELECT id FROM api_keys WHERE name = :name", name=caller.name)

    def told() -> dict[str, Any] | None:
        wanted = a_request()  # one of its own each time: what is perhaps stored is stored when the lock is free
        with api.engine.connect() as conn, ThreadPoolExecutor(MANY) as pool:
            conn.execute(text(UNHURRIED))
            appointments.insert(conn, [NewAppointment.of(BookingRequest.parse(wanted), 0, api_key_id=key)])
            answers = [pool.submit(caller.book, one) for one in (wanted, *(a_request() for _ in range(9)))]
            first, *others = [one.result() for one in answers]
            assert first.status_code == 503
            conn.rollback()
        is_known = first.json()["type"] == "/problems/not-kept"
        return wanted if is_known and {one.status_code for one in others} == {202} else None

    wanted = eventually(told, what="only one of them hears of the lock")
    eventually(lambda: caller.book(wanted).status_code in {200, 202}, what="it is stored")


def test_each_of_a_group_is_answered_as_if_it_came_alone(settings: Settings) -> None:
    """New, the same again, a key of another request, the same key of another API key; none stands behind the others."""
    settings()
    given = CallersRequest(request(1, idempotency_key="form-1"), 1)
    asked = [
        CallersRequest(request(0), 1),
        CallersRequest(request(0), 1),
        given,
        CallersRequest(request(2, idempotency_key="form-1"), 1),
        given._replace(api_key_id=2),
    ]

    first, again, mine, refused, others = enqueue_together(asked)

    assert isinstance(first, Receipt)
    assert again == replace(first, duplicate=True)
    assert isinstance(mine, Receipt)
    assert isinstance(refused, Conflict)
    assert refused.appointment_id == mine.appointment_id
    assert isinstance(others, Receipt)
    assert [row(one.appointment_id).api_key_id for one in (first, mine, others)] == [1, 1, 2]
    places = [row(one.appointment_id) for one in (first, others)]
    assert {one.line_at - one.requested_at for one in places} == {timedelta(minutes=15)}


@pytest.mark.parametrize("trouble", ["a closed account", "a locked key"])
def test_what_one_cannot_have_is_no_others_trouble(settings: Settings, database_url: str, trouble: str) -> None:
    """Nothing of the group is stored, and each is to be asked for alone: then that one is refused, and no other."""
    settings(DATABASE_URL=f"{database_url}?options=-c%20lock_timeout%3D100")
    engine = dependencies.current().engine
    _, closed = make_account(engine, AccountState.CLOSED)
    bad = request(0, account=closed) if trouble == "a closed account" else request(0)
    group = [CallersRequest(one, 1) for one in (bad, request(1), request(2))]

    with engine.connect() as other:
        if trouble == "a locked key":
            other.execute(text(UNHURRIED))
            appointments.insert(other, [NewAppointment.of(bad, 0, api_key_id=1)])
        try:
            answers = enqueue_together(group)
        except AppointmentException as error:
            pytest.fail(f"the trouble of one is that of all: {error}")
        alone = [enqueue_booking(request(number), api_key_id=1).duplicate for number in (1, 2)]
        with pytest.raises(AppointmentException) as refused:
            enqueue_booking(bad, api_key_id=1)

    assert (answers, alone, stored()) == ([None] * 3, [False] * 2, 2)
    assert not getattr(refused.value, "perhaps_kept", False)


def test_a_confirmed_booking_is_asked_for_alone(settings: Settings) -> None:
    """Cal.com is asked whether it is still there, which the others do not wait for."""
    settings()
    known = enqueue_booking(request(0), api_key_id=1).appointment_id
    book_appointment.apply([known])

    answers = enqueue_together([CallersRequest(request(number), 1) for number in range(3)])

    assert answers[0] is None
    assert [isinstance(one, Receipt) and not one.duplicate for one in answers[1:]] == [True, True]


def test_a_group_that_postgres_lost_is_perhaps_stored(settings: Settings) -> None:
    """Nobody knows what became of its commit: each of the group hears that, and none is asked for again."""
    settings()
    enqueue_together([CallersRequest(request(0), 1)])
    engine = dependencies.current().engine

    def lose(_conn: Any) -> None:
        raise OperationalError("COMMIT", None, psycopg.OperationalError("the connection is lost"))

    event.listen(engine, "commit", lose)
    try:
        with pytest.raises(AppointmentDatabaseException) as lost:
            enqueue_together([CallersRequest(request(number), 1) for number in (1, 2)])
    finally:
        event.remove(engine, "commit", lose)

    assert lost.value.perhaps_kept
