"""The callbacks of changes, the sentence of each callback, and a booking's own address."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from booking_client.request.idempotency import payload_hash
from db import appointments, callbacks
from db.changes import moves, sweeps
from db.changes.change import SeriesPart
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import SeriesScope
from tasks import dependencies
from tasks.callbacks.addresses import CallbackUrlError, named_url
from tasks.callbacks.sending import body_of
from tasks.callbacks.sentences import sentence_of
from tasks.callers.requests import CallerRequest
from tasks.enqueue import enqueue_booking
from tests.support.callbacks.callers import LOOPBACK, asked, confirmed, key_with, move, sql
from tests.support.changes import ask_change
from tests.support.databases.locks import no_wait_for_a_lock
from tests.support.fleet import request

URL = "https://example.com/hooks"
SENT: list[dict[str, Any]] = []  # the bodies of those that were told
LATER = datetime(2031, 3, 5, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def told(booking: int) -> list[tuple[str, str]]:
    """Return type and sentence of each callback of a booking, in their order; each is delivered by that."""
    found: list[tuple[str, str]] = []
    while True:
        with dependencies.current().engine.begin() as conn:
            claims = callbacks.claim(conn)
            if not claims:
                return found
            for one, number in claims:
                callback = callbacks.claimed(conn, one, number, seconds=1)
                assert callback is not None
                assert callback.appointment_id == booking
                found.append((callback.type, sentence_of(callback)))
                SENT.append(json.loads(body_of(callback)))
                callbacks.delivered(conn, callback, number)


def change(
    booking: int,
    to: ChangeStatus,
    start: datetime | None,
    also: Callable[[Any], object] = bool,
    part: SeriesPart | None = None,
) -> None:
    """Ask for a change and end it, as a worker does: the booking is locked first."""
    with dependencies.current().engine.begin() as conn:
        row = appointments.get(conn, booking)
        assert row is not None
        one = ask_change(conn, row, start, part=part)
    with dependencies.current().engine.begin() as conn:
        got = moves.claim(conn, one.id, lease_seconds=50, released=False)
        assert got is not None
        appointments.get(conn, booking, lock=True)
        token = got.change.claim_token
        assert moves.move(conn, one.id, ChangeStatus.CHANGING, to, why="a test", token=token)
        also(conn)


@pytest.mark.parametrize(
    ("to", "start", "kind", "said"),
    [
        (ChangeStatus.REFUSED, LATER, "change.refused", "I could not move it"),
        (ChangeStatus.EXPIRED, LATER, "change.expired", "I could not move it"),
        (ChangeStatus.REFUSED, None, "change.refused", "I could not cancel it; it stands."),
        (ChangeStatus.FAILED, None, "change.failed", "I could not cancel it; it stands. A colleague will call you."),
    ],
    ids=["a refused move", "an expired move", "a refused cancel", "a failed cancel"],
)
def test_a_change_that_is_not_done_is_a_callback(
    to: ChangeStatus, start: datetime | None, kind: str, said: str
) -> None:
    """After that of its booking: the caller was told that it is noted. Of a failed one alone an alert tells."""
    booking = confirmed(key_with(URL))
    change(booking, to, start)

    heard = told(booking)
    assert [one for one, _ in heard] == ["booking.confirmed", kind]
    assert heard[-1][1] == said if start is None else heard[-1][1].startswith(said)
    assert sql("SELECT data->'change'->>'status' FROM callbacks WHERE sequence = 2") == to


@pytest.mark.parametrize("scope", [None, SeriesScope.ONE, SeriesScope.FOLLOWING])
def test_the_callback_of_a_cancel_says_whether_some_weeks_were_meant(scope: SeriesScope | None) -> None:
    """That these stand says nothing of the others; what is done of a part is no callback while the booking stands."""
    booking = confirmed(key_with(URL))
    part = None if scope is None else SeriesPart(scope, LATER)
    change(booking, ChangeStatus.REFUSED, None, part=part)
    change(booking, ChangeStatus.DONE, None, part=part)

    assert [kind for kind, _ in told(booking)] == ["booking.confirmed", "change.refused"]
    assert sql("SELECT data->'change'->>'scope' FROM callbacks WHERE sequence = 2") == scope


def test_a_move_whose_start_is_taken_is_told_so() -> None:
    """As `GET` of the change tells it: the caller is asked for another time, and a program reads why."""
    booking = confirmed(key_with(URL))
    with dependencies.current().engine.begin() as conn:
        row = appointments.get(conn, booking)
        assert row is not None
        one = ask_change(conn, row, LATER)
    with dependencies.current().engine.begin() as conn:
        appointments.get(conn, booking, lock=True)
        got = moves.claim(conn, one.id, lease_seconds=50, released=False)
        assert got is not None
        taken = {"token": got.change.claim_token, "error_type": "taken"}
        assert moves.move(conn, one.id, ChangeStatus.CHANGING, ChangeStatus.REFUSED, why="a test", **taken)

    assert told(booking)[-1][1].startswith("Wednesday, 5 March at ")
    assert "is taken; your old time" in SENT[-1]["data"]["say"]
    assert SENT[-1]["data"]["error_type"] == "taken"


def test_a_change_of_which_nobody_wants_to_hear_is_no_callback() -> None:
    """The booking has no callback address."""
    change(confirmed(None), ChangeStatus.REFUSED, LATER)

    assert sql("SELECT count(*) FROM callbacks") == 0


def test_no_refused_change_says_that_a_cancelled_booking_stands() -> None:
    """The same transaction cancels it, for Cal.com has it no more: both sentences say so."""
    booking = confirmed(key_with(URL))

    def cancel(conn: Any) -> None:
        assert appointments.move(conn, booking, Status.CONFIRMED, Status.CANCELLED, why="a test")

    change(booking, ChangeStatus.REFUSED, LATER, cancel)

    rest = told(booking)[1:]
    assert sorted(rest) == [("booking.cancelled", "It is cancelled."), ("change.refused", "It is cancelled.")]


def test_a_correction_names_the_booking_s_callback_past_that_of_a_change() -> None:
    """Expired here, its move refused for that, and then found at Cal.com."""
    booking = asked(key_with(URL))
    move(booking, Status.EXPIRED)
    with dependencies.current().engine.begin() as conn:
        ask_change(conn, appointments.get(conn, booking), LATER, ChangeStatus.WAITING)
    with dependencies.current().engine.begin() as conn:
        assert sweeps.let_next_go(conn) == []
    move(booking, Status.CONFIRMED, calcom_booking_uid="uid-1")

    assert [kind for kind, _ in told(booking)] == ["booking.expired", "change.refused", "booking.confirmed"]
    assert sql("SELECT data->>'corrects' FROM callbacks WHERE sequence = 3") == "booking.expired"


def test_the_sweeper_waits_for_no_booking_whose_change_it_ends() -> None:
    """It passes over a booking that another transaction has locked, and holds no change that this one may want."""
    booking = confirmed(key_with(URL))
    with dependencies.current().engine.begin() as conn:
        row = appointments.get(conn, booking)
        assert row is not None
        ask_change(conn, row, datetime(2000, 1, 2, tzinfo=UTC))
    with dependencies.current().engine.connect() as other:
        appointments.get(other, booking, lock=True)
        with dependencies.current().engine.begin() as conn, no_wait_for_a_lock():
            conn.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert sweeps.expire(conn, lead_seconds=0, limit=10) == []
    with dependencies.current().engine.begin() as conn:
        assert len(sweeps.expire(conn, lead_seconds=0, limit=10)) == 1

    assert [kind for kind, _ in told(booking)] == ["booking.confirmed", "change.expired"]


def test_each_callback_says_what_was_true_at_its_move() -> None:
    """Also when it is sent after the next move."""
    booking = asked(key_with(URL))
    move(booking, Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    sql("UPDATE appointments SET resilience_strategy = 'graceful_degradation'")
    move(booking, Status.CONFIRMED, calcom_booking_uid="uid-1", awaits_host=True)
    sql("UPDATE appointments SET booked_start_at = start_at + interval '1 hour', awaits_host = false")
    move(booking, Status.CANCELLED)

    begins = ["The calendar does not answer", "Your request for", "It is moved to", "It is cancelled."]
    assert [say.startswith(start) for start, (_, say) in zip(begins, told(booking), strict=True)] == [True] * 4


def test_a_taken_time_is_said() -> None:
    """Not only that it was refused."""
    booking = asked(key_with(URL))
    move(booking, Status.REJECTED, error_type="taken")
    [(_, said)] = told(booking)

    assert said.endswith("is taken. Which other time suits you?")


def own(key: int, url: str) -> int:
    """Accept a request with a callback address of its own; return its booking's id."""
    given = CallerRequest.model_validate({**request(1).model_dump(exclude_unset=True), "callback_url": url})
    assert payload_hash(given) == payload_hash(request(1))
    return enqueue_booking(given, api_key_id=key).appointment_id


def test_a_booking_has_an_address_of_its_own() -> None:
    """It goes before the key's; one that has answered 410 is sent nothing more, and the key's other bookings are."""
    key = key_with(URL)
    booking, other = own(key, "https://hooks.example.com/one"), asked(key)
    move(booking, Status.CONFIRMED, calcom_booking_uid="uid-1")
    assert sql("SELECT host FROM callbacks") == "hooks.example.com"
    with dependencies.current().engine.begin() as conn:
        [(number, claims)] = callbacks.claim(conn)
        callback = callbacks.claimed(conn, number, claims, seconds=1)
        assert callback is not None
        callbacks.switch_off(conn, callback, claims)
    move(booking, Status.CANCELLED)
    move(other, Status.CONFIRMED, calcom_booking_uid="uid-2")

    assert sql("SELECT array_agg(appointment_id ORDER BY id) FROM callbacks") == [booking, other]


@pytest.mark.parametrize("url", ["https://other.example.com/", "https://example.com/", "https://hooks.example.com@a/"])
def test_a_request_names_no_other_host_than_its_key_may(url: str) -> None:
    """Each host is named whole."""
    settings = dependencies.current().callbacks
    assert named_url("https://hooks.example.com/one", {"hooks.example.com"}, settings)
    with pytest.raises(CallbackUrlError):
        named_url(url, {"hooks.example.com"}, settings)
