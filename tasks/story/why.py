"""One line that explains why a booking is not moving: what moves it on, and when.

Its row and the time decide, and, of one that waits in the queue, what stops all calls now.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeGuard

from db.account_troubles import DEFAULT
from db.appointments.appointment import Appointment
from db.appointments.queue import QUEUED
from db.lifecycle import HALF_MADE, NEVER_KNOWN, PROBES_BEFORE_REST, HoldReason, Status
from resilience.circuit_breaker.types import Block
from resilience.error_types import ErrorType
from tasks.accounts.door import CLOSED, UNREADABLE
from tasks.accounts.remedies import key_of, new_key, tried_again
from tasks.words import ago, duration, plural

Line = Callable[[Appointment, datetime], str]

OVERDUE = 10.0  # seconds: a sweeper that runs is never so late
_CHANGED_LATER = " It is not posted at this start any more: a cancel or a move is asked for, and follows its outcome."
_AWAITS_HOST = "Not done yet: Cal.com has it as a request, which awaits its host's yes or its payment"
_NOT_CANCELLED = " Its cancellation was asked for, and nothing sends it: run `booking cancel {}`."
_DELETED = " Its event type no longer exists at Cal.com, or another Cal.com answered."


def why(
    row: Appointment,
    now: datetime,
    *,
    deleted: bool = False,
    block: Block = Block.UNKNOWN,
    cancel_goes: bool = False,
    account: str | None = None,
) -> str:
    """Return the line for `row`; `now` is Postgres's time.

    `deleted`: Cal.com no longer has its event type. `block` is what stops calls now. `cancel_goes`: an open change
    cancels it. `account`: the name of its account where there are several.
    """
    if row.status in _ENDS:
        is_left = row.status is Status.CONFIRMED and row.cancel_requested and not cancel_goes
        return _ENDS[row.status](row, now) + (_NOT_CANCELLED.format(row.id) if is_left else "")
    if row.hold_reason in _OF_ACCOUNT:
        told = _OF_ACCOUNT[row.hold_reason](row, now, account)
    else:
        told = (_HELD[row.hold_reason] if row.hold_reason else _MOVING[row.status])(row, now)
    is_queued = row.hold_reason in QUEUED and (row.hold_until is None or row.hold_reason is not HoldReason.THROTTLED)
    waits = f" {_line_waits(block, account)} {_IN_ORDER}" if is_queued else ""
    return told + waits + (_DELETED if deleted else "") + (_CHANGED_LATER if row.cancel_requested else "")


def is_cut(row: Appointment) -> bool:
    """Return whether Cal.com has booked only some weeks of a series."""
    return row.series_weeks is not None and row.series_of is not None and row.series_weeks < row.series_of


# -- on its way --------------------------------------------------------------------------------------------------------


def _pending(row: Appointment, now: datetime) -> str:
    if row.enqueued_at is None:
        return "Its message could not be sent (is the broker down?); the sweeper sends it as soon as it can."
    since = duration((now - row.enqueued_at).total_seconds())
    return f"It has waited {since} in the queue for a worker; if its message is lost, the sweeper sends it again."


def _booking(row: Appointment, now: datetime) -> str:
    left = _seconds_to(row.lease_expires_at, now)
    if left > 0:
        return (
            f"A worker is calling Cal.com for it now; if that worker dies, the sweeper takes it up in {duration(left)}."
        )
    return f"Its worker is gone; the sweeper takes it up and looks whether Cal.com has booked it.{_late(left)}"


def _retrying(row: Appointment, now: datetime) -> str:
    left = _seconds_to(row.next_attempt_at, now)
    when = f"in {duration(left)}" if left > 0 else "now"
    if row.outcome_unknown:
        return f"Whether it is booked is unknown; a worker looks {when}, before anything is posted again.{_late(left)}"
    return f"The last call failed and nothing was booked; a worker tries again {when}.{_late(left)}"


# -- held --------------------------------------------------------------------------------------------------------------


def _breaker_open(_row: Appointment, _now: datetime) -> str:
    return "The breaker was open when its turn came."


def _in_line(_row: Appointment, _now: datetime) -> str:
    return "It came while others waited, and is in line behind them."


def _throttled(row: Appointment, now: datetime) -> str:
    if row.hold_until is None:  # the breaker has the time, for all bookings
        return "The limit of calls was reached when its turn came, Cal.com's or our own."
    return f"Cal.com's limit of calls was reached; this booking is released {_until(row, now)}."


def _unreachable(row: Appointment, now: datetime) -> str:
    again = "looked for, before anything is posted again," if row.outcome_unknown else "tried again"
    if row.probe_failures >= PROBES_BEFORE_REST:
        return (
            f"Cal.com answered {row.probe_failures} probes of it with an error, so others go first; it is {again} "
            f"{_until(row, now)}, or when the breaker has closed and no other booking waits."
        )
    return f"Cal.com could not be reached, or its list could not be read; it is {again} {_until(row, now)}."


def _settling(row: Appointment, now: datetime) -> str:
    """Two moments (docs/evidence.md): when no POST can still be working, and when absence may end the booking."""
    if _seconds_to(row.settle_at, now) > 0 or _seconds_to(row.ends_at, now) <= 0:
        return f"A call may still turn into a booking at Cal.com; it is looked for {_until(row, now)}."
    ends = duration(_seconds_to(row.ends_at, now))
    return (
        "No call is at work for it any more, but Cal.com may show its booking late: its absence proves something "
        f"only in {ends}. It is looked for {_until(row, now)}."
    )


def _blind_key(row: Appointment, now: datetime) -> str:
    return (
        "It may be booked, and nothing proves that it is not: Cal.com does not show this API key every booking of its "
        f"event type. Nothing is posted; it is looked for {_until(row, now)}, with pauses that grow to an hour. It "
        "goes on when it is found, or with another key (`booking check` says where one helps). If you look at Cal.com "
        f"yourself: `booking resolve {row.id} UID` when it is booked there, `booking retry {row.id} "
        '--not-booked` when it is not. A day after its slot it becomes failed, "never known".'
    )


def _credentials(row: Appointment, _now: datetime, account: str | None) -> str:
    if row.held_for == CLOSED:
        return (
            f"Its account is closed, so nothing can send it: `booking cancel {row.id}` ends it, with `--not-booked` if "
            "it may be booked and you have looked at Cal.com."
        )
    if row.held_for == UNREADABLE:
        return (
            "The API key of its account cannot be decrypted: ACCOUNT_ENCRYPTION_KEYS lacks the key that encrypted it "
            "(`booking accounts check`). This booking goes on by itself when workers have that key, or after "
            f"`booking accounts rotate {account or 'NAME'}`."
        )
    if account is None:
        return (
            "Cal.com refuses the API key. While bookings wait for the key, Cal.com is asked once a minute with a "
            "harmless call. This booking goes on by itself when the key is taken again, when workers start with "
            "another CALCOM_API_KEY, or at once by `booking breaker reset`."
        )
    return (
        f"Cal.com refuses {key_of(account)}. While bookings wait for the key, Cal.com is asked with a harmless call "
        f"{tried_again(account)}. This booking goes on by itself when the key is taken again, or with another: "
        f"{new_key(account)}; `booking breaker reset` asks at once."
    )


def _configuration(row: Appointment, now: datetime, account: str | None) -> str:
    sooner = f" This one goes {ago(row.hold_until, now)} at the earliest." if _is_to_come(row.hold_until, now) else ""
    if row.error_type == ErrorType.NO_EVENT_TYPE:
        return (
            "Cal.com no longer has its event type: it was deleted, renamed or moved to a team, or another Cal.com "
            "answers (see `booking check`). It is looked for once a minute, and what waits for it goes when it is "
            f"there again.{sooner} The booking goes on, too, {_OTHER_SETTINGS}; `booking retry {row.id}` posts it "
            "once more now."
        )
    return (
        "What answered is not the Cal.com API we expect: a proxy's page, or a wrong setting (see `booking check`). A "
        f"harmless call asks {'once a minute' if account is None else tried_again(account)} whether that is over; then "
        f"one booking goes first, and the others when it came through.{sooner} This one goes on, too, "
        f"{_OTHER_SETTINGS if account in {None, DEFAULT} else f'with another key: {new_key(account)}'}."
    )


def _suspect(row: Appointment, _now: datetime) -> str:
    if row.error_type == HALF_MADE:
        return (
            "Half made at Cal.com: its attendee is there without a seat, and no POST mends that. Remove the attendee "
            f"there: the last error names the booking. Then `booking retry {row.id}` looks again."
        )
    return (
        f"Its worker died {row.leases_lost} times in a row, so it may be what kills workers; it waits for you: "
        f"`booking retry {row.id}` or `booking cancel {row.id}`. Meanwhile it is looked for at Cal.com each hour, and "
        "never posted."
    )


def _paused(_row: Appointment, _now: datetime, account: str | None) -> str:
    return (
        "Its account is paused: nothing is called for it, no lookup either. It goes on by itself, in order, once "
        f"somebody runs `booking accounts resume {account or 'NAME'}`; `booking actions` says who paused it."
    )


def _confirmed(row: Appointment, _now: datetime) -> str:
    done = _AWAITS_HOST if row.awaits_host else "Done: Cal.com has booked it"
    if is_cut(row):
        weeks = f"{row.series_weeks} of {plural(row.series_of or 0, 'week')}"
        done += f", but only {weeks}: book the others there by hand, or tell the customer"
    return f"{done}."


def _rejected(_row: Appointment, _now: datetime) -> str:
    return "Final: Cal.com refused it. The same customer may ask again, with another time."


def _failed(row: Appointment, _now: datetime) -> str:
    if row.error_type == NEVER_KNOWN:
        return (
            "Its slot has passed, and it was never known whether Cal.com had booked it: the API key could not see "
            f"that. If you find it there, `booking resolve {row.id} UID` writes it down."
        )
    return "Retries are used up and nothing is booked; `booking retry` sends it once more."


def _expired(row: Appointment, _now: datetime) -> str:
    return f"Final: {row.last_error}."


def _cancelled(_row: Appointment, _now: datetime) -> str:
    return "Final: it was cancelled."


_ENDS: dict[Status, Line] = {
    Status.CONFIRMED: _confirmed,
    Status.REJECTED: _rejected,
    Status.FAILED: _failed,
    Status.EXPIRED: _expired,
    Status.CANCELLED: _cancelled,
}

_MOVING: dict[Status, Line] = {Status.PENDING: _pending, Status.BOOKING: _booking, Status.RETRYING: _retrying}

_HELD: dict[HoldReason, Line] = {
    HoldReason.BREAKER_OPEN: _breaker_open,
    HoldReason.THROTTLED: _throttled,
    HoldReason.IN_LINE: _in_line,
    HoldReason.UNREACHABLE: _unreachable,
    HoldReason.SETTLING: _settling,
    HoldReason.BLIND_KEY: _blind_key,
    HoldReason.SUSPECT: _suspect,
}

_OF_ACCOUNT: dict[HoldReason, Callable[[Appointment, datetime, str | None], str]] = {
    HoldReason.CREDENTIALS: _credentials,
    HoldReason.CONFIGURATION: _configuration,
    HoldReason.PAUSED: _paused,
}


_OTHER_SETTINGS = "when workers start with another CALCOM_BASE_URL, version or key"
_IN_ORDER = "Held bookings go by themselves, in the order of the line."
_QUEUE_WAITS: Mapping[Block, str] = MappingProxyType(
    {
        Block.UNKNOWN: "What the line waits for is not known: Redis does not answer.",
        Block.CREDENTIALS: "Now the line waits because Cal.com refuses {key}; Cal.com is asked again {tried}.",
        Block.CONFIGURATION: "Now the line waits because another server answers in Cal.com's place, which is asked "
        "again {tried}.",
        Block.ORDER: "Now the line waits because an operator holds all back.",
        Block.BREAKER_OPEN: "Now the line waits because Cal.com is failing and left alone.",
        Block.PROBE: "Now the line waits for one booking, which tries whether Cal.com is back.",
        Block.THROTTLED: "Now the line waits because Cal.com has asked for a pause.",
        Block.NOTHING: "Now the line moves, as fast as Cal.com and the limit take it.",
    }
)


def _line_waits(block: Block, account: str | None) -> str:
    told = _QUEUE_WAITS[block].format(key=key_of(account), tried=tried_again(account))
    return f"{told[:-1]}, or {new_key(account)}." if block is Block.CREDENTIALS and account is not None else told


def _seconds_to(moment: datetime | None, now: datetime) -> float:
    return (moment - now).total_seconds() if moment else 0.0


def _is_to_come(moment: datetime | None, now: datetime) -> TypeGuard[datetime]:
    return _seconds_to(moment, now) > 0


def _until(row: Appointment, now: datetime) -> str:
    if row.hold_until is None:
        return "now"
    left = _seconds_to(row.hold_until, now)
    return ago(row.hold_until, now) if left > 0 else f"now{_late(left).removesuffix('.')}"


def _late(left: float) -> str:
    """Return a question that helps if a moment has passed and nothing has happened; empty: the moment is near."""
    if left > -OVERDUE:
        return ""
    return f" (That is {duration(-left)} overdue: do a worker and beat run?)"
