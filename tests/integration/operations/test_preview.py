"""What a person reads before they say yes: counted by the server, of the very bookings, in the moment it is asked."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks.calcom.access import CREATE
from tasks.dependencies import Dependencies
from tasks.operations import breaker_actions, preview
from tasks.operations.booking_actions import CANCEL, RETRY
from tasks.operations.breaker_actions import AUTO, KEPT, NOT_DONE, RESET, UNSEEN
from tasks.operations.breaker_overrides import OFF, OPEN
from tests.support.page.operating import asked, held

UNKNOWN = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-1)}
DAYTIME = timezone(timedelta(hours=6 if datetime.now(UTC).hour < 12 else -6))
"""A zone, never UTC, in which no midnight is near: a test's today stays today."""


def of(deps: Dependencies, command: str, rows: list[Any], **more: Any) -> preview.Preview:
    """Return what a command to these rows would do."""
    return preview.of_bookings(deps, command, [row.id for row in rows], **{"zone": UTC} | more)


def test_a_cancel_says_how_many_now_how_many_after_a_look_and_how_many_start_today(
    built: Dependencies, record: Any
) -> None:
    """And hands back the very ids, in the order in which they were asked for."""
    rows = [held(record) for _ in range(19)]
    rows += [held(record, **UNKNOWN), held(record, **UNKNOWN), record.claimed()]
    for row in rows[:3]:
        record.write(row.id, start_at=datetime.now(DAYTIME).replace(hour=23, minute=59))
    ended = record.moved(Status.REJECTED)

    seen = of(built, CANCEL, [ended, *reversed(rows)], zone=DAYTIME)

    assert seen.lines == (
        "Cancel 22: 19 now, 2 after a lookup, 1 after the call; 3 start today.",
        "1 has ended: nothing to cancel.",
    )
    assert (seen.ids, seen.count, seen.epoch) == (tuple(row.id for row in rows), 22, None)
    assert (seen.asks, seen.typed, seen.refused) == (("why", "number"), "22", None)


def test_a_retry_leaves_out_what_goes_by_itself(built: Dependencies, record: Any) -> None:
    """And says of how many that is so, and which are not there."""
    rows = [held(record), held(record, HoldReason.SUSPECT, **UNKNOWN), record.moved(Status.FAILED)]
    others = [held(record, HoldReason.BREAKER_OPEN), held(record, HoldReason.BREAKER_OPEN), record.keep()]
    others.append(held(record, HoldReason.THROTTLED))

    seen = preview.of_bookings(built, RETRY, [*(row.id for row in [*rows, *others]), 404], zone=UTC)

    assert seen.lines == (
        "Retry 3: 2 now, 1 after a lookup; none starts today.",
        "2 held for breaker_open go by themselves.",
        "1 held for throttled goes by itself.",
        "1 is neither held nor failed.",
        "1 is not there any more.",
    )
    assert (seen.ids, seen.asks) == (tuple(row.id for row in rows), ("why",))


@pytest.mark.parametrize(
    ("command", "columns", "lines"),
    [
        (RETRY, {}, ("Sent again.",)),
        (RETRY, UNKNOWN, ("Sent again; looked up first.",)),
        (CANCEL, {}, ("Cancelled now.",)),
        (CANCEL, UNKNOWN, ("Cancelled once a lookup has shown whether it is booked.",)),
    ],
)
def test_of_one_it_is_said_in_a_few_words(
    built: Dependencies, record: Any, command: str, columns: dict[str, Any], lines: tuple[str, ...]
) -> None:
    """Where it is unknown whether it is booked, somebody may say that they have looked."""
    seen = of(built, command, [held(record, HoldReason.SUSPECT, **columns)])

    assert (seen.lines, seen.refused) == (lines, None)
    assert seen.asks == (("why", "looked") if columns else ("why",))


def test_nobody_is_asked_whether_they_have_looked_while_a_call_may_still_book(built: Dependencies, record: Any) -> None:
    """The tick comes when it can mean something."""
    row = held(record, HoldReason.SUSPECT, **UNKNOWN | {"ends_at": timedelta(minutes=1)})

    assert of(built, RETRY, [row]).asks == ("why",)
    refused = of(built, RETRY, [row], not_booked=True).refused
    assert refused is not None
    assert "a call may still turn into a booking" in refused


def test_what_is_for_none_of_them_is_refused_with_why(built: Dependencies, record: Any) -> None:
    """A retry of what goes by itself, a cancel of what has ended."""
    seen = of(built, RETRY, [held(record, HoldReason.BREAKER_OPEN)])
    assert (seen.refused, seen.ids, seen.count) == ("1 held for breaker_open goes by itself.", (), 0)
    assert of(built, CANCEL, [record.moved(Status.REJECTED)]).refused == "1 has ended: nothing to cancel."


def test_today_is_the_viewers(built: Dependencies, record: Any) -> None:
    """A booking of tomorrow's first minute there is none of today's, though it may be in UTC."""
    row, other = held(record), held(record)
    midnight = datetime.now(DAYTIME).replace(hour=0, minute=0, second=0, microsecond=0)
    record.write(row.id, start_at=midnight + timedelta(days=1))
    record.write(other.id, start_at=midnight + timedelta(hours=23, minutes=59))

    assert of(built, CANCEL, [row, other], zone=DAYTIME).lines == ("Cancel 2: 2 now; 1 starts today.",)


def test_an_open_says_what_goes_on_and_asks_until_when(built: Dependencies, record: Any) -> None:
    """With the epoch that it is for."""
    built.breaker.record_success("bookings.create")
    for _ in range(3):
        record.claimed()

    seen = preview.of_breaker_action(built, OPEN)

    assert seen.lines == ("Nothing is sent until the override ends; 3 calls under way go on; new ones are held.",)
    assert (seen.asks, seen.typed, seen.refused) == (("why", "until"), None, None)
    assert seen.epoch == built.breaker.get_status().breaker.epoch


def test_an_off_has_to_be_typed(built: Dependencies) -> None:
    """It is the one that may use up retries."""
    seen = preview.of_breaker_action(built, OFF)

    assert (seen.lines, seen.asks) == (
        ("Every call goes, whatever fails; retries may be used up.",),
        ("why", "until", "type"),
    )
    assert seen.typed == "OFF"


def test_an_auto_says_who_goes_then(built: Dependencies, record: Any) -> None:
    """It is for what was ordered."""
    refused = preview.of_breaker_action(built, AUTO).refused
    assert refused is not None
    assert "no override is in force" in refused
    breaker_actions.carry_out(built, asked(OPEN))
    for _ in range(2):
        held(record, HoldReason.BREAKER_OPEN)

    seen = preview.of_breaker_action(built, AUTO)

    assert (seen.lines, seen.asks, seen.refused) == (("The override ends; 2 held go, one first.",), ("why",), None)
    already = preview.of_breaker_action(built, OPEN).refused
    assert already is not None
    assert already.startswith("open by override since")


def test_a_reset_is_for_a_429_that_asked_to_wait(built: Dependencies) -> None:
    """Nothing else is wrong, and an operator may know that Cal.com takes calls again."""
    permit = built.breaker.acquire(CREATE, owner="one")
    assert isinstance(permit, Permit)
    built.breaker.record(permit, CallOutcome.THROTTLED, reason="throttled", retry_after=86_400)

    seen = preview.of_breaker_action(built, RESET)

    assert (seen.lines, seen.refused) == (("Closes all breakers, sends though Cal.com asked to wait.",), None)
    breaker_actions.carry_out(built, asked(RESET, epoch_seen=breaker_actions.epoch(built.breaker.get_status(), RESET)))
    assert built.breaker.get_status().throttled_for == 0


def test_a_reset_says_which_key_is_tried_with_how_many(built: Dependencies, record: Any) -> None:
    """It is for whatever is not calm."""
    refused = preview.of_breaker_action(built, RESET).refused
    assert refused is not None
    assert "there is nothing to reset" in refused
    breaker_actions.carry_out(built, asked(OPEN))
    built.breaker.operators.block_key(built.breaker.key, by="worker", why="Cal.com refused this key")
    held(record)

    seen = preview.of_breaker_action(built, RESET)

    assert seen.lines == ("Closes all breakers, ends 1 override, tries the refused key with its 1 held.",)
    assert seen.refused is None


def test_without_redis_an_order_is_said_to_be_kept_and_the_others_to_be_of_no_use(
    built: Dependencies, valkey: Any
) -> None:
    """Before anybody says yes."""
    built.breaker.record_success("bookings.create")
    valkey.kill()

    assert {mode: preview.of_breaker_action(built, mode).lines[-1] for mode in (OPEN, OFF)} == {OPEN: KEPT, OFF: KEPT}
    assert [preview.of_breaker_action(built, mode).refused for mode in (AUTO, RESET)] == [NOT_DONE, NOT_DONE]
    assert preview.of_breaker_action(built, OPEN).epoch == UNSEEN
