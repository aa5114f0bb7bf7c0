"""Where only one may have a time, who asks for it after another one hears so at once, while that is true."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from sqlalchemy import update

from db.appointments import event_types
from db.appointments.event_types import EventKind, ShownType
from db.lifecycle import Status
from db.models.bookings import appointments
from tests.support.api.served import Api, a_request

BEFORE = "Somebody asked for Tuesday, 5 March at 10:00 before you."
ONE = {"policy_kind": EventKind.PLAIN, "confirms_free_email": False}
Asked = Callable[..., dict[str, Any]]
_types = count(7_001)


@pytest.fixture
def asked() -> Asked:
    """Return what makes a request of a person of its own, for one time of an event type that no other test has."""
    number = next(_types)
    return lambda **changes: a_request(**{"event_type_id": number, **changes})


def show(api: Api, asked: Asked, key: str = "key", **told: Any) -> None:
    """Have Cal.com show the type of the requests to a key."""
    with api.engine.begin() as conn:
        event_types.keep(conn, key, str(asked()["event_type_id"]), ShownType(**{**ONE, **told}))


def write(api: Api, booking: int, **columns: Any) -> None:
    """Write a booking's row."""
    with api.engine.begin() as conn:
        conn.execute(update(appointments).where(appointments.c.id == booking).values(**columns))


@pytest.mark.parametrize("kind", [EventKind.PLAIN, EventKind.COLLECTIVE])
def test_who_asks_for_a_time_after_another_one_hears_so_while_that_one_may_get_it(
    api: Api, asked: Asked, kind: EventKind
) -> None:
    """In the answer to the request and its repeat, alone, in a batch, in a list; until the first has ended unbooked."""
    show(api, asked, policy_kind=kind)
    caller, request = api.key(), asked()
    first, second, third = (caller.book(one).json() for one in (asked(), request, asked()))
    assert [one["ahead"] for one in (first, second, third)] == [0, 1, 2]
    assert [one["say"].startswith(BEFORE) for one in (first, second, third)] == [False, True, True]

    batch = caller.call("POST", "/v1/bookings/batch", json={"bookings": [request, asked()]}).json()["results"]
    again, listed = caller.book(request).json(), caller.get("/v1/bookings").json()["bookings"]
    assert [one["booking"]["ahead"] for one in batch] == [1, 3]
    assert (again["ahead"], again["say"]) == (1, second["say"])
    assert [one["ahead"] for one in listed] == [3, 2, 1, 0]

    write(api, first["id"], status=Status.EXPIRED)
    second, third = (caller.get(f"/v1/bookings/{one['id']}").json() for one in (second, third))
    assert (second["ahead"], third["ahead"]) == (0, 1)
    assert (second["say"].startswith(BEFORE), third["say"].startswith(BEFORE)) == (False, True)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"confirms_free_email": None}, id="not told"),
        pytest.param({"confirms_free_email": True}, id="some are confirmed"),
        pytest.param({"policy_kind": EventKind.CONFIRMATION}, id="each is confirmed"),
        pytest.param({"policy_kind": EventKind.ROUND_ROBIN}, id="several hosts"),
        pytest.param({"policy_kind": EventKind.SEATS, "seats": True}, id="seats"),
        pytest.param({"policy_kind": EventKind.UNKNOWN}, id="not shown"),
        pytest.param(None, id="never read"),
    ],
)
def test_where_more_may_have_a_time_or_nobody_knows_nobody_is_ahead(
    api: Api, asked: Asked, told: dict[str, Any] | None
) -> None:
    """The type takes several, or may; or Cal.com has not shown it."""
    if told is not None:
        show(api, asked, **told)
    caller = api.key()

    assert [caller.book(asked()).json()["ahead"] for _ in range(3)] == [0, 0, 0]


def test_what_one_key_was_shown_does_not_stand_against_another_ones_sight(api: Api, asked: Asked) -> None:
    """A type that was a round robin for one of them may be one still."""
    show(api, asked)
    show(api, asked, "another", policy_kind=EventKind.ROUND_ROBIN)
    caller = api.key()

    assert [caller.book(asked()).json()["ahead"] for _ in range(2)] == [0, 0]


def test_another_time_and_what_was_given_up_are_not_ahead(api: Api, asked: Asked) -> None:
    """Nor a booking that is to be cancelled, or to be moved away."""
    show(api, asked)
    caller = api.key()
    caller.booked(asked(start="2030-03-05T12:00:00+01:00"))
    given_up, moved = (caller.booked(asked()) for _ in range(2))
    write(api, given_up, cancel_requested=True)
    write(api, moved, move_requested=True)

    assert caller.book(asked()).json()["ahead"] == 0
    write(api, moved, move_requested=False)
    assert caller.book(asked()).json()["ahead"] == 2
