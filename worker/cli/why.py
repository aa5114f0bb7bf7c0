"""Say in one line why a booking is not moving: who moves it on, and when. Pure: from a row and the time."""

from collections.abc import Callable
from datetime import datetime

from db.appointment import Appointment
from db.lifecycle import HoldReason, Status
from worker.cli.screen import ago, span

Line = Callable[[Appointment, datetime], str]

OVERDUE = 10.0  # seconds: a sweeper that runs is never that late


def why(row: Appointment, now: datetime) -> str:
    """Return the line for `row`; `now` is Postgres's time."""
    if row.status in _ENDS:
        return _ENDS[row.status]
    line = _HELD[row.hold_reason] if row.hold_reason else _MOVING[row.status]
    asked = " Its cancellation is asked for: it is cancelled once it is certain that Cal.com has not booked it."
    return line(row, now) + (asked if row.cancel_requested else "")


def _pending(row: Appointment, now: datetime) -> str:
    if row.enqueued_at is None:
        return "Its message could not be sent (is the broker down?); the sweeper sends it as soon as it can."
    since = span((now - row.enqueued_at).total_seconds())
    return f"It has waited {since} in the queue for a worker; were its message lost, the sweeper would send it again."


def _booking(row: Appointment, now: datetime) -> str:
    left = _seconds_to(row.lease_expires_at, now)
    if left > 0:
        return (
            f"A worker is calling Cal.com for it now; should that worker die, the sweeper takes it up in {span(left)}."
        )
    return f"Its worker is gone; the sweeper takes it up and looks whether Cal.com has booked it.{_late(left)}"


def _retrying(row: Appointment, now: datetime) -> str:
    left = _seconds_to(row.next_attempt_at, now)
    when = f"in {span(left)}" if left > 0 else "now"
    if row.outcome_unknown:
        return f"Whether it is booked is unknown; a worker looks {when}, before anything is posted again.{_late(left)}"
    return f"The last call failed and nothing was booked; a worker tries again {when}.{_late(left)}"


def _breaker_open(_row: Appointment, _now: datetime) -> str:
    return (
        "Cal.com is failing and left alone, or is just catching up; held bookings go in the order they were asked for."
    )


def _throttled(row: Appointment, now: datetime) -> str:
    return f"Cal.com's limit of calls was reached; it is released {_until(row, now)}."


def _unreachable(row: Appointment, now: datetime) -> str:
    return f"Cal.com could not be reached and retries are used up; it is tried again {_until(row, now)}."


def _settling(row: Appointment, now: datetime) -> str:
    return f"A call may still turn into a booking at Cal.com; that is certain, and looked at, {_until(row, now)}."


def _blind_key(_row: Appointment, _now: datetime) -> str:
    return (
        "It may be booked, but this API key was never shown a booking of its event type, so looking proves nothing. "
        "It goes on when the key's owner can see them, or with another key; or you look at Cal.com and say "
        "`booking retry ID --not-booked`."
    )


def _credentials(_row: Appointment, _now: datetime) -> str:
    return (
        "Cal.com refuses the API key; it goes on when workers start with another CALCOM_API_KEY, or by `booking retry`."
    )


def _configuration(_row: Appointment, _now: datetime) -> str:
    return (
        "What answers is not the Cal.com API we expect; it goes on when workers start with another CALCOM_BASE_URL, "
        "version or key (see `booking check`), or by `booking retry`."
    )


def _suspect(row: Appointment, _now: datetime) -> str:
    if row.probe_failures:
        cause = f"It has failed {row.probe_failures} probes"
    else:
        cause = f"Its worker died {row.leases_lost} times in a row"
    return f"{cause}, so it may be what breaks them; it waits for you: `booking retry` or `booking cancel`."


_ENDS: dict[Status, str] = {
    Status.CONFIRMED: "Done: Cal.com has booked it.",
    Status.REJECTED: "Final: Cal.com refused it. The same customer may ask again, with another time.",
    Status.FAILED: "Retries are used up and nothing is booked; `booking retry` sends it once more.",
    Status.EXPIRED: "Final: its time came too near before it could be booked.",
    Status.CANCELLED: "Final: it was cancelled.",
}

_MOVING: dict[Status, Line] = {Status.PENDING: _pending, Status.BOOKING: _booking, Status.RETRYING: _retrying}

_HELD: dict[HoldReason, Line] = {
    HoldReason.BREAKER_OPEN: _breaker_open,
    HoldReason.THROTTLED: _throttled,
    HoldReason.UNREACHABLE: _unreachable,
    HoldReason.SETTLING: _settling,
    HoldReason.BLIND_KEY: _blind_key,
    HoldReason.CREDENTIALS: _credentials,
    HoldReason.CONFIGURATION: _configuration,
    HoldReason.SUSPECT: _suspect,
}


def _seconds_to(moment: datetime | None, now: datetime) -> float:
    return (moment - now).total_seconds() if moment else 0.0


def _until(row: Appointment, now: datetime) -> str:
    if row.hold_until is None:
        return "by `booking retry`"
    left = _seconds_to(row.hold_until, now)
    return ago(row.hold_until, now) if left > 0 else f"now{_late(left).removesuffix('.')}"


def _late(left: float) -> str:
    """Ask the question that helps when a moment passed and nothing happened."""
    if left > -OVERDUE:
        return ""
    return f" (That is {span(-left)} overdue: do a worker and beat run?)"
