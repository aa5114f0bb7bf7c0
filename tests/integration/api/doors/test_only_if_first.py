"""Who wants a time only as the first for it is refused at once, and nothing is stored, where one may have it."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, update

from booking_client import Bookings, NotFirst, NotFirstError
from booking_client.request.model import BookingRequest
from db.appointments import event_types
from db.appointments.event_types import EventKind, ShownType
from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments
from db.models.changes import booking_changes
from tests.support.api.agents import address
from tests.support.api.served import Api, Caller, a_request
from tests.support.changes import ask_change

SAID = "Somebody asked for Tuesday, 5 March at 10:00 before you. Which other time suits you?"
HELD: Mapping[str, Any] = {"status": Status.HELD, "held_at": func.now()}
NOT_HELD: Mapping[str, Any] = {"hold_reason": None, "held_at": None, "held_for": None}
Asked = Callable[..., dict[str, Any]]
_types = count(9_001)


@pytest.fixture
def asked() -> Asked:
    """Return what makes a request of a person of its own, for one time of an event type that no other test has."""
    number = next(_types)
    return lambda **changes: a_request(**{"event_type_id": number, **changes})


def show(engine: Any, asked: Asked, kind: EventKind = EventKind.PLAIN) -> None:
    """Have Cal.com show the type of the requests."""
    shown = ShownType(policy_kind=kind, confirms_free_email=False)
    with engine.begin() as conn:
        event_types.keep(conn, "key", str(asked()["event_type_id"]), shown)


def write(engine: Any, booking: int, **columns: Any) -> None:
    """Write a booking's row."""
    with engine.begin() as conn:
        conn.execute(update(appointments).where(appointments.c.id == booking).values(**columns))


def kept(api: Api, asked: Asked) -> int:
    """Count the rows of the type."""
    rows = "SELECT count(*) FROM appointments WHERE event_type_id = :type"
    return int(api.sql(rows, type=asked()["event_type_id"]))


def first(caller: Caller, asked: Asked, **changes: Any) -> Any:
    """Ask for the time as the first for it alone."""
    return caller.book(asked(only_if_first=True, **changes))


def test_who_wants_a_time_only_as_the_first_is_refused_while_another_one_may_get_it(api: Api, asked: Asked) -> None:
    """A problem of its own, with a sentence; the first, its repeat, who does not say so and another time are stored."""
    show(api.engine, asked)
    caller, wanted = api.key(), asked(only_if_first=True)
    stored, repeated = caller.book(wanted), caller.book({**wanted, "only_if_first": False})
    again, refused = caller.book(wanted), first(caller, asked)

    assert [one.status_code for one in (stored, repeated, again, refused)] == [202, 200, 200, 409]
    assert stored.json()["id"] == repeated.json()["id"] == again.json()["id"]
    assert (refused.json()["type"], refused.json()["say"]) == ("/problems/not-first", SAID)
    assert kept(api, asked) == 1
    assert first(caller, asked, start="2030-03-05T11:00:00+01:00").status_code == 202
    assert caller.book(asked()).json()["ahead"] == 1


def test_a_refused_request_is_decided_again_when_it_comes_again(api: Api, asked: Asked) -> None:
    """By its key: nothing of the refusal is kept; once it is stored, it is known, though others ask meanwhile."""
    show(api.engine, asked)
    caller, wanted = api.key(), asked(only_if_first=True)
    ahead = caller.booked(asked())
    assert caller.book(wanted, key="own").status_code == 409

    write(api.engine, ahead, status=Status.EXPIRED, **NOT_HELD)
    stored = caller.book(wanted, key="own")
    caller.booked(asked())
    again = caller.book(wanted, key="own")

    assert (stored.status_code, again.status_code) == (202, 200)
    assert again.json()["id"] == stored.json()["id"]


@pytest.mark.parametrize("kind", [EventKind.ROUND_ROBIN, EventKind.SEATS, EventKind.UNKNOWN, None])
def test_where_more_may_have_a_time_or_nobody_knows_nobody_is_refused(
    api: Api, asked: Asked, kind: EventKind | None
) -> None:
    """Unknown capacity turns nobody away."""
    if kind is not None:
        show(api.engine, asked, kind)
    caller = api.key()

    assert [first(caller, asked).status_code for _ in range(3)] == [202] * 3


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({**HELD, "hold_reason": "paused"}, id="paused"),
        pytest.param({**HELD, "hold_reason": "credentials", "held_for": "key"}, id="no key"),
        pytest.param({**HELD, "hold_reason": "breaker_open", "probe_failures": 2}, id="failed twice"),
        pytest.param({"cancel_requested": True}, id="to be cancelled"),
        pytest.param({"move_requested": True}, id="to be moved away"),
        pytest.param({"status": Status.EXPIRED, **NOT_HELD}, id="ended"),
    ],
)
def test_who_is_not_on_the_way_refuses_nobody(api: Api, asked: Asked, columns: dict[str, Any]) -> None:
    """What a person or a far moment ends, and what does not want the time any more."""
    show(api.engine, asked)
    caller = api.key()
    ahead = caller.booked(asked())
    assert first(caller, asked).status_code == 409

    write(api.engine, ahead, **columns)
    assert first(caller, asked).status_code == 202


def test_who_is_to_be_moved_to_a_time_is_ahead(record: Any, asked: Asked) -> None:
    """A move claims its wanted start as a booking does; one that its own endpoint holds does not."""
    show(record.engine, asked)
    wanted = BookingRequest.parse(asked(only_if_first=True))
    moved = record.moved(Status.CONFIRMED, calcom_booking_uid="uid")
    record.write(moved.id, event_type_id=wanted.event_type_id)
    with record.engine.begin() as conn:
        move = ask_change(conn, record.read(moved.id), wanted.start)
    with Bookings(record.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")) as bookings:
        with pytest.raises(NotFirstError):
            bookings.enqueue(wanted)

        with record.engine.begin() as conn:
            held = {**HELD, "hold_reason": HoldReason.BREAKER_OPEN, "held_for": None}
            conn.execute(update(booking_changes).where(booking_changes.c.id == move.id).values(held))
        assert bookings.enqueue(wanted).ahead == 0


def test_a_batch_answers_each_and_stores_the_others(api: Api, asked: Asked) -> None:
    """Of many at once, each has its own result, in their order; a later part of a file, too."""
    show(api.engine, asked)
    caller = api.key()
    caller.booked(asked())
    free = [asked(only_if_first=True, start=f"2030-03-06T{hour}:00:00+01:00") for hour in (10, 11)]
    batch = [free[0], asked(only_if_first=True), asked(), free[1]]

    results = caller.call("POST", "/v1/bookings/batch", json={"bookings": batch}).json()["results"]

    assert [one["status"] for one in results] == [202, 409, 202, 202]
    assert results[1]["say"] == SAID
    assert kept(api, asked) == 4


def test_the_client_says_how_many_are_ahead(record: Any, asked: Asked) -> None:
    """One raises, many are answered, and the line of those who were stored is as it was."""
    show(record.engine, asked)
    with Bookings(record.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")) as bookings:
        for _ in range(2):
            bookings.enqueue(BookingRequest.parse(asked()))
        with pytest.raises(NotFirstError) as refused:
            bookings.enqueue(BookingRequest.parse(asked(only_if_first=True)))
        many = [BookingRequest.parse(asked(only_if_first=only)) for only in (True, False)]
        turned_away, stored = bookings.enqueue_many(many)

    assert refused.value.ahead == 2
    assert turned_away == NotFirst(2)
    assert not isinstance(stored, NotFirst)


def test_an_agent_whose_address_says_so_asks_for_another_time(api: Api, asked: Asked) -> None:
    """The sentence alone; nothing is queued, and another time is booked by the same call."""
    show(api.engine, asked)
    caller, kind = api.key(), asked()["event_type_id"]
    caller.booked(asked())
    person = {"name": "Pat Example", "email": "pat.first@example.com"}
    path = address(caller, "/v1/tools/book", within="0.5", type=str(kind), time_zone="Europe/Berlin")

    def use(hour: int, said: str) -> Any:
        arguments = {**person, "start": f"2030-03-05T{hour}:00:00"}
        return caller.call("POST", f"{path}&only_if_first={said}&call_id=one", json=arguments)

    refused, other, wrong = use(10, "true").json(), use(11, "true").json(), use(10, "perhaps")

    assert (refused["say"], refused["status"], refused["booking"]) == (SAID, "asked", None)
    assert other["booking"] is not None
    assert wrong.status_code == 422
    assert kept(api, asked) == 2
