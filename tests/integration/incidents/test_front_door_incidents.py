"""Callbacks that were given up, and webhooks that do not come, are incidents until the state says otherwise."""

from collections.abc import Callable

import pytest

from db import callbacks
from db.callbacks import Callback
from db.monitoring import incidents, operator_actions
from db.monitoring.front_door import WEBHOOK_ADD, WEBHOOK_REMOVE
from db.monitoring.incidents import Incident, IncidentKind
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.callbacks import orders
from tasks.incidents import check
from tasks.incidents.places import page_path
from tests.support.accounts.making import make_account
from tests.support.callbacks.callers import LOOPBACK, confirmed, key_with, sql
from tests.support.callbacks.webhooks import GIVEN

AGAIN = ActionRequest(who="operator", via="command_line", action="callbacks_again", why="a test")
DROP = ActionRequest(who="operator", via="command_line", action="callbacks_drop", why="a test")
NAMED = "No webhook of Cal.com's for a day, though bookings were made: "


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK, **GIVEN)


def told(kind: IncidentKind) -> list[Incident]:
    """Run the health check a minute after the last one; return the incidents of a kind that operators know of."""
    sql("UPDATE alert_incidents SET last_seen_at = last_seen_at - interval '1 minute'")
    check.check()
    with dependencies.current().engine.connect() as conn:
        return [one for one in incidents.notified(conn) if one.kind == kind]


def only(kind: IncidentKind) -> Incident:
    """Return the one incident of a kind."""
    found = told(kind)
    assert len(found) == 1
    return found[0]


def titles(kind: IncidentKind) -> list[str]:
    """Return the titles of those that are open."""
    return [one.title for one in told(kind) if one.closed_at is None]


def give_up(*bookings: int) -> None:
    """Give up what is due of some bookings, as a worker does after the last try."""
    with dependencies.current().engine.begin() as conn:
        for number, claims in callbacks.claim(conn):
            callback = callbacks.claimed(conn, number, claims, seconds=1)
            assert isinstance(callback, Callback)
            if callback.appointment_id in bookings:
                callbacks.failed(conn, callback, claims, trouble="500", retry_in=None, hurts=False)
    sql("UPDATE callbacks SET is_sending = false, next_at = now() WHERE is_sending")


def test_callbacks_that_were_given_up_are_an_incident_until_they_are_sent_again() -> None:
    """What waits is none; the address is the list of its bookings."""
    key = key_with("https://example.com/hooks")
    first, second, waits = (confirmed(key) for _ in range(3))
    assert told(IncidentKind.CALLBACKS_GIVEN_UP) == []
    give_up(first, second)

    seen = only(IncidentKind.CALLBACKS_GIVEN_UP)
    assert (seen.title, page_path(seen)) == ("Callbacks given up: 2", f"/bookings?ids={first},{second}")
    assert "booking callbacks --again" in seen.message
    assert str(waits) not in page_path(seen)
    orders.send_again(AGAIN, [first])
    assert titles(IncidentKind.CALLBACKS_GIVEN_UP) == ["Callbacks given up: 1"]
    orders.send_again(AGAIN, [])
    over = only(IncidentKind.CALLBACKS_GIVEN_UP)
    assert over.closed_at is not None


def test_callbacks_that_are_let_be_end_the_incident() -> None:
    """One that is given up afterwards is told; what is let be is sent only by the id of its booking."""
    key = key_with("https://example.com/hooks")
    first, second = (confirmed(key) for _ in range(2))
    give_up(first, second)
    assert titles(IncidentKind.CALLBACKS_GIVEN_UP) == ["Callbacks given up: 2"]
    assert orders.drop(DROP, [first]) == 1
    assert titles(IncidentKind.CALLBACKS_GIVEN_UP) == ["Callbacks given up: 1"]
    assert (orders.drop(DROP, []), orders.drop(DROP, [])) == (1, 0)
    assert only(IncidentKind.CALLBACKS_GIVEN_UP).closed_at is not None
    assert orders.waiting(9) == ([], 0, 0)

    third = confirmed(key)
    give_up(third)
    assert titles(IncidentKind.CALLBACKS_GIVEN_UP) == ["Callbacks given up: 1"]
    assert (orders.send_again(AGAIN, []), orders.send_again(AGAIN, [first])) == (1, 1)


def test_a_further_customer_whose_callback_is_given_up_is_told() -> None:
    """Ten minutes after the last message."""
    key = key_with("https://example.com/hooks")
    give_up(confirmed(key))
    assert only(IncidentKind.CALLBACKS_GIVEN_UP).news == 1
    second = confirmed(key)
    give_up(second)
    for news in (2, 3):  # the messages at fixed times are over, and then ten minutes more
        sql("UPDATE alert_incidents SET opened_at = opened_at - interval '1 day', news_at = news_at - interval '1 day'")
        assert only(IncidentKind.CALLBACKS_GIVEN_UP).news == min(news, 2)
    assert f"New since the last message: 1 booking ({second})" in only(IncidentKind.CALLBACKS_GIVEN_UP).message


def test_callbacks_that_are_pruned_with_their_booking_end_the_incident() -> None:
    """Nobody can send them again."""
    booking = confirmed(key_with("https://example.com/hooks"))
    give_up(booking)
    assert titles(IncidentKind.CALLBACKS_GIVEN_UP) == ["Callbacks given up: 1"]

    sql("DELETE FROM appointments WHERE id = :id", id=booking)
    assert titles(IncidentKind.CALLBACKS_GIVEN_UP) == []


def given_out(times: int) -> int:
    """Give out what is due as many times, each time to a worker that does not come; return how many that were."""
    number = 0
    for _ in range(times):
        sql("UPDATE callbacks SET next_at = now() WHERE next_at IS NOT NULL")
        with dependencies.current().engine.begin() as conn:
            number = len(callbacks.claim(conn))
    return number


def test_callbacks_that_no_worker_takes_are_an_incident_until_one_does() -> None:
    """One that was given out for the first time is on its way; a receiver that fails is another matter."""
    key = key_with("https://example.com/hooks")
    first, second = (confirmed(key) for _ in range(2))
    assert given_out(3) == 2
    assert titles(IncidentKind.CALLBACKS_NOT_SENT) == []

    assert given_out(1) == 2
    seen = only(IncidentKind.CALLBACKS_NOT_SENT)
    assert seen.title.startswith("No worker sends callbacks: 2 were given out again and again, the oldest is of ")
    assert "-Q callbacks" in seen.message
    sql("UPDATE callbacks SET tries = 1, trouble = '500' WHERE appointment_id = :id", id=first)
    assert only(IncidentKind.CALLBACKS_NOT_SENT).title.startswith("No worker sends callbacks: 1 were given out")
    with dependencies.current().engine.begin() as conn:
        number, claims = sql("SELECT id FROM callbacks WHERE appointment_id = :id", id=second), 4
        callback = callbacks.claimed(conn, number, claims, seconds=1)
        assert callback is not None
        assert callbacks.delivered(conn, callback, claims)
    assert titles(IncidentKind.CALLBACKS_NOT_SENT) == []


def switched_off(key: int) -> int:
    """Have the receiver of a key answer 410; return the booking."""
    booking = confirmed(key)
    with dependencies.current().engine.begin() as conn:
        for number, claims in callbacks.claim(conn):
            callback = callbacks.claimed(conn, number, claims, seconds=1)
            assert callback is not None
            assert callbacks.switch_off(conn, callback, claims)
    return booking


def test_an_address_that_answered_410_is_an_incident_until_somebody_decides() -> None:
    """By the names of its keys; sending again, another address, none, and a revoked key end it."""
    keys = [key_with(f"https://example.com/hooks/{number}") for number in range(2)]
    names = [sql("SELECT name FROM api_keys WHERE id = :id", id=key) for key in keys]
    bookings = [switched_off(key) for key in keys]

    seen = only(IncidentKind.CALLBACKS_OFF)
    assert seen.title == (
        f"The callback addresses of 2 keys are switched off: their receivers answered 410: {names[0]}, {names[1]}"
    )
    assert f"`booking keys callback {names[0]} --off`" in seen.message
    assert orders.send_again(AGAIN, bookings[:1]) == 1
    assert titles(IncidentKind.CALLBACKS_OFF) == [
        f"The callback addresses of 1 key are switched off: their receivers answered 410: {names[1]}"
    ]
    sql("UPDATE api_keys SET callback_url = NULL WHERE id = :id", id=keys[1])
    assert titles(IncidentKind.CALLBACKS_OFF) == []


def hint(age: str, *, account: int = 1) -> None:
    """Store a webhook of an account as one that came so long ago."""
    sql(
        "INSERT INTO calcom_webhooks (account_id, trigger, uid, told_at, body_hash, received_at, outcome)"
        " VALUES (:account, 'BOOKING_CREATED', 'uid', now(), sha256(CAST(random() AS text)::bytea),"
        " now() - CAST(:age AS interval), 'said')",
        account=account,
        age=age,
    )


def order(action: str, age: str) -> None:
    """Record an order about the webhook of `default` as one that was given so long ago."""
    asked = ActionRequest(who="ann", via="command_line", action=action, why="a test", target={"account": "default"})
    with dependencies.current().engine.begin() as conn:
        operator_actions.record(conn, asked, "added", bookings=0)
    sql(
        "UPDATE operator_actions SET asked_at = now() - CAST(:age AS interval) WHERE request_id = :id",
        age=age,
        id=asked.request_id,
    )


def booked(age: str, **request: str) -> int:
    """Have a booking confirmed so long ago; return its id."""
    booking = confirmed(None, **request)
    sql(
        "UPDATE appointments SET requested_at = now() - CAST(:age AS interval),"
        " updated_at = now() - CAST(:age AS interval) WHERE id = :id",
        age=age,
        id=booking,
    )
    return booking


def test_a_webhook_that_was_silent_for_a_day_of_bookings_is_an_incident_until_one_comes() -> None:
    """A later day without a booking does not end it: that is no sign that the webhook works."""
    hint("25 hours")
    booking = booked("1 hour")

    seen = only(IncidentKind.WEBHOOKS_SILENT)
    assert (seen.title, page_path(seen)) == (f"{NAMED}default", "")
    assert "`booking calcom-webhook check` (`--account default`)" in seen.message
    sql("UPDATE appointments SET requested_at = now() - interval '2 days' WHERE id = :id", id=booking)
    assert titles(IncidentKind.WEBHOOKS_SILENT) == [f"{NAMED}default"]
    hint("1 second")
    over = only(IncidentKind.WEBHOOKS_SILENT)
    assert over.closed_at is not None


@pytest.mark.parametrize("age", ["1 minute", "25 hours"])
def test_a_booking_whose_webhook_may_still_come_or_that_is_older_rings_nothing(age: str) -> None:
    """The first booking after a quiet weekend rings nothing."""
    hint("60 hours")
    booked(age)

    assert titles(IncidentKind.WEBHOOKS_SILENT) == []


def test_an_account_without_a_webhook_rings_nothing() -> None:
    """It never had one, or the last order has removed it."""
    booked("1 hour")
    assert titles(IncidentKind.WEBHOOKS_SILENT) == []

    hint("25 hours")
    order(WEBHOOK_REMOVE, "24 hours")
    assert titles(IncidentKind.WEBHOOKS_SILENT) == []


def test_a_webhook_that_was_ordered_has_a_day_for_its_first_report() -> None:
    """Then it is missed, though none ever came; the same order again gives it another day."""
    booked("1 hour")
    order(WEBHOOK_ADD, "23 hours")
    assert titles(IncidentKind.WEBHOOKS_SILENT) == []

    order(WEBHOOK_ADD, "25 hours")
    assert titles(IncidentKind.WEBHOOKS_SILENT) == [f"{NAMED}default"]
    order(WEBHOOK_ADD, "1 second")
    assert titles(IncidentKind.WEBHOOKS_SILENT) == []


def test_an_account_with_bookings_of_a_team_alone_rings_nothing() -> None:
    """Cal.com sends no webhook of these."""
    hint("25 hours")
    booked("1 hour")
    sql(
        "INSERT INTO calcom_event_types (key_fingerprint, event_type, kind, sight, seats, personal)"
        " SELECT 'key', event_type_id::text, 'plain', false, false, false FROM appointments"
    )

    assert titles(IncidentKind.WEBHOOKS_SILENT) == []


def test_accounts_are_judged_apart() -> None:
    """A second one whose webhooks come says nothing for the first; the names are those of the silent ones."""
    number, name = make_account(dependencies.current().engine)
    booked("1 hour")
    booked("1 hour", account=name)
    hint("1 hour")
    hint("25 hours", account=number)

    assert titles(IncidentKind.WEBHOOKS_SILENT) == [f"{NAMED}{name}"]
