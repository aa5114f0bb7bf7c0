"""`booking retry` and `booking cancel`: an operator's orders, what they refuse, and what is recorded of all of them."""

import getpass
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.changes.ask.ask import AskOutcome, Via
from tasks.changes.ask.change import cancel
from tasks.operations import breaker_overrides, retry
from tests.support.page.operating import recorded

Booking = Callable[..., Any]
UNKNOWN = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-1)}


def held(record: Any, reason: HoldReason = HoldReason.CREDENTIALS, **columns: Any) -> Any:
    """Make a held row; `columns` are written past the door."""
    row = record.moved(Status.HELD, hold_reason=reason)
    if columns:
        record.write(row.id, **columns)
    return record.read(row.id)


def kinds(booking: Booking, row: Any) -> list[str]:
    """Read the story of a row: what happened, and by whom."""
    return [f"{event['kind']} by {event['by']}" for event in booking("show", row.id, "--json").json["story"]]


def test_held_and_failed_bookings_are_sent_again(booking: Booking, record: Any) -> None:
    """By the operator, with why, and its count of bad luck begins again."""
    one = held(record, HoldReason.SUSPECT, leases_lost=3, probe_failures=3)
    other = record.moved(Status.FAILED, last_error="used up")
    ran = booking("retry", one.id, other.idempotency_key, "--why", "asked the host")
    assert (ran.code, ran.out) == (0, f"{one.id}: sent again.\n{other.id}: sent again.\n")
    now = record.read(one.id)
    assert (now.status, now.leases_lost, now.probe_failures) == (Status.PENDING, 0, 0)
    assert record.read(other.id).status is Status.PENDING
    assert kinds(booking, one) == ["pending by operator"]


def test_a_booking_keeps_who_commanded_what_by_which_way_and_why(booking: Booking, record: Any) -> None:
    """Whether it was sent again, cancelled, or is to be cancelled once its call is over."""
    rows = [held(record), record.keep(), record.claimed()]
    booking("retry", rows[0].id, "--why", "asked the host")
    booking("cancel", rows[1].id, rows[2].id, "--why", "asked the host")
    stories = [booking("show", row.id, "--json").json["story"] for row in rows]
    assert stories[2].pop()["kind"] == "change_asked"
    last = [story[-1] for story in stories]
    assert [event["kind"] for event in last] == ["pending", "cancelled", "cancel_requested"]
    commanded = {"why": "asked the host", "via": "command line"}
    assert {event["by"] for event in last} == {"operator"}
    assert [event["detail"] for event in last] == [commanded | {"held": "credentials"}, commanded, commanded]


@pytest.mark.parametrize("command", [retry.retry, cancel])
def test_a_command_to_a_booking_that_is_gone_says_so(command: Callable[..., Any], record: Any) -> None:
    """A page may be older than the row's end."""
    result = command(record.engine, 404, by="operator", via=Via.FLOWER, why="revoked")
    assert (result.done, result.outcome) == (False, AskOutcome.MISSING)


def test_what_may_be_booked_is_looked_up_first(booking: Booking, record: Any) -> None:
    """An operator's impatience must not book twice."""
    row = held(record, HoldReason.BLIND_KEY, **UNKNOWN)
    assert "It is looked up at Cal.com first." in booking("retry", row.id).out
    assert record.read(row.id).outcome_unknown is True


def test_the_operator_who_has_looked_says_so(booking: Booking, record: Any) -> None:
    """With --not-booked the outcome is known, nothing of what was unknown is left, and the next thing is a POST."""
    proof = {"ends_at": timedelta(seconds=-1), "askable_since": timedelta()}
    row = held(record, HoldReason.BLIND_KEY, **UNKNOWN | proof | {"evidence_posts": 2, "refusal": {"meaning": "taken"}})
    assert booking("retry", row.id, "--not-booked").code == 0
    now = record.read(row.id)
    assert (now.status, now.outcome_unknown, now.settle_at, now.ends_at) == (Status.PENDING, False, None, None)
    assert (now.askable_since, now.evidence_posts, now.refusal) == (None, 0, None)


def test_an_id_that_is_anothers_key_is_nobodys_order(booking: Booking, record: Any) -> None:
    """Else the wrong booking would be cancelled, for good."""
    one = record.keep()
    other = record.keep(idempotency_key=str(one.id))
    for order in ("cancel", "retry", "show"):
        ran = booking(order, one.id)
        assert (ran.code, ran.out) == (1, "")
        assert f"{one.id} is the id of booking {one.id} ({one.uuid}) and the key of booking {other.id}" in ran.err
    ran = booking("resolve", one.id, "uid-1")
    assert (ran.code, "give the uuid" in ran.err) == (1, True)
    assert {record.read(row.id).status for row in (one, other)} == {Status.PENDING}

    assert booking("cancel", other.uuid).code == 0
    assert [record.read(row.id).status for row in (one, other)] == [Status.PENDING, Status.CANCELLED]


def test_an_order_that_names_nobody_keeps_the_others_from_nothing(booking: Booking, record: Any) -> None:
    """One slip among many ids."""
    row = held(record)
    ran = booking("retry", 404, row.id)
    assert (ran.code, record.read(row.id).status) == (1, Status.PENDING)


def test_a_cancel_that_comes_too_late_is_not_called_done(
    booking: Booking, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row moves on between the look and the order."""
    row = record.moved(Status.RETRYING)
    record.write(row.id, **UNKNOWN)
    request_cancel = retry.appointments.request_cancel

    def request_when_a_worker_has_claimed(*arguments: Any, **given: Any) -> bool:
        record.claim(row.id)
        return request_cancel(*arguments, **given)

    monkeypatch.setattr(retry.appointments, "request_cancel", request_when_a_worker_has_claimed)
    ran = booking("cancel", row.id)
    assert (ran.code, record.read(row.id).cancel_requested) == (1, False)
    assert "has just moved on by itself" in ran.said


@pytest.mark.parametrize("order", ["retry", "cancel"])
@pytest.mark.parametrize(
    "moments",
    [{"settle_at": timedelta(minutes=1)}, {"ends_at": timedelta(minutes=1)}],
    ids=["not settled", "settled, not at its end"],
)
def test_nobody_can_say_not_booked_before_absence_may_end_it(
    booking: Booking, record: Any, order: str, moments: dict[str, Any]
) -> None:
    """A call may still turn into a booking, or a replica show it late, however well somebody has looked."""
    row = held(record, HoldReason.BLIND_KEY, **UNKNOWN | moments)
    ran = booking(order, row.id, "--not-booked")
    assert ran.code == 1
    assert "a call may still turn into a booking for" in ran.err
    assert record.read(row.id).status is Status.HELD


def test_retry_refuses_when_the_customer_has_asked_again(booking: Booking, record: Any) -> None:
    """A newer booking lives under the same derived key."""
    same = {"idempotency_key": "auto1-1", "key_derived": True}
    old = record.claim(record.keep(**same).id)
    assert record.move(old, Status.FAILED)
    record.keep(**same)
    ran = booking("retry", old.id)
    assert (ran.code, record.read(old.id).status) == (1, Status.FAILED)
    assert "was asked for again, and that newer booking lives or is confirmed" in ran.err


def test_retry_refuses_what_is_on_its_way_or_done(booking: Booking, record: Any) -> None:
    """And says how it stands; an id that nobody has is said, too."""
    row = record.keep()
    ran = booking("retry", row.id, 404)
    assert ran.code == 1
    assert f"{row.id}: is pending; only held and failed bookings can be tried again" in ran.err
    assert "404: no booking has this id or key" in ran.err


def test_a_booking_that_is_not_made_is_cancelled(booking: Booking, record: Any) -> None:
    """Pending, held or retrying, with nothing sent."""
    rows = [record.keep(), held(record), record.moved(Status.RETRYING)]
    assert booking("cancel", *(row.id for row in rows)).code == 0
    assert {record.read(row.id).status for row in rows} == {Status.CANCELLED}


def test_a_booking_whose_outcome_is_open_is_cancelled_later(booking: Booking, record: Any) -> None:
    """The order stands in the row; the next lookup carries it out."""
    under_way = record.claimed()
    unclear = record.moved(Status.RETRYING)
    record.write(unclear.id, **UNKNOWN)
    ran = booking("cancel", under_way.id, unclear.id)
    assert ran.out.splitlines() == [
        f"{under_way.id}: its call to Cal.com is under way; it is cancelled, whatever that call brings.",
        f"{unclear.id}: it may be booked already; it is cancelled once a lookup has shown whether it is.",
    ]
    now = [record.read(row.id) for row in (under_way, unclear)]
    assert [(row.status, row.cancel_requested) for row in now] == [(Status.BOOKING, True), (Status.RETRYING, True)]


def test_a_hold_that_waits_for_nobody_is_released_for_the_look_that_cancels_it(booking: Booking, record: Any) -> None:
    """Else the order would stand there for ever."""
    row = held(record, HoldReason.SUSPECT, **UNKNOWN)
    booking("cancel", row.id)
    now = record.read(row.id)
    assert (now.status, now.cancel_requested) == (Status.PENDING, True)


def test_a_cancel_that_a_blind_key_cannot_carry_out_says_who_can(booking: Booking, record: Any) -> None:
    """The look that would show it may never come."""
    row = held(record, HoldReason.BLIND_KEY, **UNKNOWN)
    said = booking("cancel", row.id).out
    assert f"`booking cancel {row.id} --not-booked`, or `booking resolve {row.id} UID`" in said


def test_what_is_over_is_not_cancelled(booking: Booking, record: Any) -> None:
    """And the operator is told that there is nothing to do."""
    over = record.moved(Status.REJECTED)
    ran = booking("cancel", over.id)
    assert ran.code == 1
    assert f"{over.id}: the booking is rejected for good; there is nothing to cancel or to move" in ran.err


def actions() -> list[Any]:
    """Return what is recorded."""
    return recorded(dependencies.current())


@pytest.mark.parametrize(("order", "outcome"), [("retry", "sent"), ("cancel", "cancelled")])
def test_orders_to_bookings_are_one_action_of_the_bookings_that_are_named(
    booking: Booking, record: Any, order: str, outcome: str
) -> None:
    """By the login's name; who is not there is none of them."""
    rows = [held(record), record.moved(Status.REJECTED)]

    assert booking(order, rows[0].id, 404, rows[1].uuid, "--why", "asked the host").code == 1

    [action] = actions()
    assert (action.who, action.via, action.action, action.why) == (
        getpass.getuser(),
        "command line",
        order,
        "asked the host",
    )
    assert (action.ids, action.done, action.moved_on) == (tuple(row.id for row in rows), 1, 1)
    assert action.outcomes[outcome] == 1
    assert action.done_at is not None


def test_an_order_that_names_nobody_is_no_action(booking: Booking) -> None:
    """Nothing was asked of any booking."""
    assert booking("retry", 404).code == 1
    assert actions() == []


def test_a_retry_of_a_kind_is_one_action_that_counts_its_batches(booking: Booking, record: Any) -> None:
    """With the reason and the event type that it names."""
    for _ in range(3):
        held(record, HoldReason.SUSPECT)
    held(record)

    assert booking("retry", "--held", "suspect", "--type", 101, "--yes", "--why", "mended").code == 0

    [action] = actions()
    assert (action.action, action.why, action.ids, action.done) == ("retry_held", "mended", None, 3)
    assert action.target == {"held": "suspect", "event_type_id": 101, "account": None, "count": 3}
    assert (action.outcomes, action.done_at is not None) == ({"sent": 1}, True)
    assert booking("retry", "--held", "suspect", "--yes").code == 0
    assert len(actions()) == 1


def test_a_uid_that_is_not_ours_is_recorded_as_refused(booking: Booking, record: Any) -> None:
    """With the sentence that its operator was told."""
    row = held(record, HoldReason.BLIND_KEY)

    ran = booking("resolve", row.id, "uid-of-nobody")

    [action] = actions()
    assert (action.action, action.ids, action.target) == ("resolve", (row.id,), {"uid": "uid-of-nobody"})
    assert (ran.code, action.outcomes, action.refused) == (1, {"not_resolved": 1}, ran.err.strip())


@pytest.mark.parametrize("mode", ["open", "off", "auto", "reset"])
def test_each_order_to_the_breaker_is_recorded(booking: Booking, mode: str) -> None:
    """By the person that is named, else by the login's name."""
    dependencies.current().breaker.record_success("bookings.create")

    assert booking("breaker", mode, "--why", "a test", "--by", "ann").code == 0
    assert booking("breaker", mode, "--why", "a test").code == 0

    [first, second] = actions()
    assert (first.who, second.who) == ("ann", getpass.getuser())
    for action in (first, second):
        assert (action.via, action.action, action.why) == ("command line", mode, "a test")
        assert (action.outcomes, action.epoch_seen) == ({"obeyed": 1}, None)


def test_an_order_for_some_time_ends_by_itself(booking: Booking) -> None:
    """As many seconds after it was recorded."""
    built = dependencies.current()
    built.breaker.record_success("bookings.create")

    assert booking("breaker", "open", "--for", "600").code == 0

    [order], [action] = breaker_overrides.in_force(built.engine, built.breaker.service), actions()
    assert order.until == action.asked_at + timedelta(seconds=600)


@pytest.mark.parametrize("mode", ["auto", "reset"])
def test_an_order_that_redis_could_not_be_told_is_recorded_with_why(booking: Booking, valkey: Any, mode: str) -> None:
    """And the command says that nothing was ordered, in the same words."""
    valkey.kill()

    ran = booking("breaker", mode)

    [action] = actions()
    assert (ran.code, action.refused) == (1, ran.err.strip().splitlines()[-1])
    assert action.refused.endswith("nothing was done; try again when it does.")
