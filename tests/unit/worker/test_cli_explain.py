"""Why a booking is not moving: one line for every state and reason, that names who moves it on and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.appointments.appointment import Appointment
from db.lifecycle import NEVER_KNOWN, HoldReason, Status
from resilience.circuit_breaker.types import Block
from tasks.story.why import why

NOW = datetime(2030, 3, 1, 12, tzinfo=UTC)
ROW = Appointment.of(
    {
        **dict.fromkeys(Appointment.__dataclass_fields__),
        "id": 1,
        "uuid": UUID(int=1),
        "status": "pending",
        "enqueued_at": NOW - timedelta(seconds=3),
        "leases_lost": 3,
        "probe_failures": 0,
        "outcome_unknown": False,
        "cancel_requested": False,
    }
)


def row(status: Status, **changes: Any) -> Appointment:
    """Make a row in a state."""
    return replace(ROW, status=status, **changes)


def soon(seconds: float) -> datetime:
    """Name a moment so many seconds from now."""
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.HELD])
def test_every_state_has_its_line(status: Status) -> None:
    """No state leaves the person at the phone without words."""
    assert why(row(status), NOW).endswith((".", "?)"))


@pytest.mark.parametrize("reason", list(HoldReason))
def test_every_hold_says_who_moves_it_on(reason: HoldReason) -> None:
    """A time, a cause that must go, or the operator's command."""
    line = why(row(Status.HELD, hold_reason=reason, hold_until=soon(12)), NOW)
    timed = reason in {HoldReason.THROTTLED, HoldReason.UNREACHABLE, HoldReason.SETTLING, HoldReason.BLIND_KEY}
    assert ("in 12 s" in line) if timed else ("goes on" in line or "booking retry" in line or "in the order" in line)


def test_a_missing_event_type_is_said_to_be_missing() -> None:
    """And no page, or wrong setting: it is looked for, and the operator may post one at once."""
    line = why(row(Status.HELD, hold_reason=HoldReason.CONFIGURATION, error_type="no_event_type"), NOW)

    assert "no longer has its event type" in line
    assert "`booking retry 1`" in line
    assert "page" not in line


def test_a_throttled_booking_goes_by_itself() -> None:
    """The breaker keeps the time of a limit, not the row; nobody need retry it."""
    line = why(row(Status.HELD, hold_reason=HoldReason.THROTTLED), NOW)

    assert "Held bookings go by themselves" in line
    assert "booking retry" not in line


@pytest.mark.parametrize("block", Block)
def test_one_in_line_says_what_the_line_waits_for(block: Block) -> None:
    """It met nothing itself: it is told what stops those before it now."""
    line = why(row(Status.HELD, hold_reason=HoldReason.IN_LINE), NOW, block=block)
    words = {
        Block.UNKNOWN: "is not known",
        Block.CREDENTIALS: "refuses our key",
        Block.CONFIGURATION: "another server",
        Block.ORDER: "an operator holds all back",
        Block.BREAKER_OPEN: "failing",
        Block.PROBE: "tries",
        Block.THROTTLED: "a pause",
        Block.NOTHING: "moves",
    }

    assert line.startswith("It came while others waited")
    assert [one for one, said in words.items() if said in line] == [block]


@pytest.mark.parametrize("reason", [HoldReason.CREDENTIALS, HoldReason.CONFIGURATION])
def test_what_a_harmless_call_ends_says_so(reason: HoldReason) -> None:
    """Nobody need retry it: it is asked about once a minute."""
    line = why(row(Status.HELD, hold_reason=reason), NOW)

    assert "once a minute" in line
    assert "booking retry" not in line


def test_a_booking_that_alone_met_a_page_says_when_it_is_tried_again() -> None:
    """It waits longer than the others; past that moment it waits for the harmless call only."""
    held = row(Status.HELD, hold_reason=HoldReason.CONFIGURATION, hold_until=soon(240))

    assert "This one goes in 4 min at the earliest." in why(held, NOW)
    assert "at the earliest" not in why(replace(held, hold_until=soon(-1)), NOW)


def test_an_unknown_outcome_says_that_it_is_looked_up_first() -> None:
    """Nobody has to fear a second booking."""
    line = why(row(Status.RETRYING, outcome_unknown=True, next_attempt_at=soon(2)), NOW)
    assert "a worker looks in 2 s, before anything is posted again" in line


def test_settling_says_which_of_its_two_moments_it_waits_for() -> None:
    """First no call may still be at work; then no replica may still be behind."""
    held = row(Status.HELD, hold_reason=HoldReason.SETTLING, hold_until=soon(12), settle_at=soon(12), ends_at=soon(90))
    assert why(held, NOW) == "A call may still turn into a booking at Cal.com; it is looked for in 12 s."

    settled = replace(held, settle_at=soon(-5))
    assert "its absence proves something only in 90 s. It is looked for in 12 s." in why(settled, NOW)


def test_a_blind_key_says_what_ends_its_hold() -> None:
    """A look, another key, the operator's word, or the day after the slot; to become a host ends nothing."""
    line = why(row(Status.HELD, hold_reason=HoldReason.BLIND_KEY, hold_until=soon(12)), NOW)
    ends = (
        "is found",
        "another key",
        "`booking resolve 1 UID`",
        "`booking retry 1 --not-booked`",
    )
    assert [end for end in (*ends, '"never known"', "in 12 s, with pauses that grow") if end not in line] == []
    assert "host" not in line


def test_a_seat_that_is_half_made_says_what_to_remove() -> None:
    """It is not the booking that breaks workers: nothing but a hand at Cal.com mends it."""
    held = row(Status.HELD, hold_reason=HoldReason.SUSPECT, error_type="half_made")
    assert why(held, NOW).startswith("Half made at Cal.com: ")
    assert "Remove the attendee there" in why(held, NOW)
    assert "`booking retry 1`" in why(held, NOW)
    assert "Half made" not in why(replace(held, error_type="http_500"), NOW)


def test_a_series_that_is_cut_says_how_many_weeks_it_has() -> None:
    """Its customer believes in all of them."""
    cut = row(Status.CONFIRMED, series_weeks=4, series_of=8)
    assert "but only 4 of 8 weeks" in why(cut, NOW)
    assert why(replace(cut, series_weeks=8), NOW) == why(row(Status.CONFIRMED), NOW) == "Done: Cal.com has booked it."


def test_a_booking_that_awaits_its_host_is_not_called_done() -> None:
    """Nor one that is not paid: Cal.com has it as a request."""
    line = why(row(Status.CONFIRMED, awaits_host=True), NOW)
    assert line == "Not done yet: Cal.com has it as a request, which awaits its host's yes or its payment."


def test_a_confirmed_booking_that_was_to_be_cancelled_says_so() -> None:
    """Where an open change cancels it nobody has to, and the line of that change says how it stands."""
    wished = row(Status.CONFIRMED, cancel_requested=True)
    line = "Its cancellation was asked for, and nothing sends it: run `booking cancel 1`."
    assert why(wished, NOW) == f"Done: Cal.com has booked it. {line}"
    assert why(wished, NOW, cancel_goes=True) == "Done: Cal.com has booked it."


def test_a_booking_of_which_nothing_was_ever_known_does_not_claim_that_it_is_not_booked() -> None:
    """Its retries are not used up: its time is."""
    never = row(Status.FAILED, error_type=NEVER_KNOWN)
    assert "it was never known whether Cal.com had booked it" in why(never, NOW)
    assert "`booking resolve 1 UID`" in why(never, NOW)
    assert "nothing is booked" in why(row(Status.FAILED, last_error="HTTP 500"), NOW)


def test_an_event_type_that_was_deleted_is_said() -> None:
    """An operator who wonders why nothing can be posted need not look for it at Cal.com."""
    held = row(Status.HELD, hold_reason=HoldReason.SETTLING, hold_until=soon(12))
    deleted = "Its event type no longer exists at Cal.com, or another Cal.com answered."
    assert why(held, NOW, deleted=True) == f"{why(held, NOW)} {deleted}"


def test_what_may_be_booked_is_looked_for_before_it_is_tried_again() -> None:
    """Also after an outage."""
    held = row(Status.HELD, hold_reason=HoldReason.UNREACHABLE, hold_until=soon(12))
    assert "it is tried again in 12 s" in why(held, NOW)
    assert "it is looked for, before anything is posted again, in 12 s" in why(replace(held, outcome_unknown=True), NOW)


def test_a_message_that_was_not_sent_says_so() -> None:
    """The broker is the first to look at."""
    assert "could not be sent" in why(row(Status.PENDING, enqueued_at=None), NOW)


@pytest.mark.parametrize(
    "late",
    [
        row(Status.RETRYING, next_attempt_at=soon(-60)),
        row(Status.BOOKING, lease_expires_at=soon(-60)),
        row(Status.HELD, hold_reason=HoldReason.THROTTLED, hold_until=soon(-60)),
    ],
    ids=["retrying", "booking", "held"],
)
def test_a_moment_that_passed_asks_whether_beat_runs(late: Appointment) -> None:
    """A row that nobody takes up has one usual cause."""
    assert "60 s overdue: do a worker and beat run?" in why(late, NOW)
    assert "overdue" not in why(
        replace(late, next_attempt_at=soon(1), lease_expires_at=soon(1), hold_until=soon(1)), NOW
    )


def test_a_cancellation_that_was_asked_for_is_said() -> None:
    """The operator sees that the order stands."""
    assert "a cancel or a move is asked for" in why(
        row(Status.BOOKING, lease_expires_at=soon(5), cancel_requested=True), NOW
    )
