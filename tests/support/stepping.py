"""A booking carried on step by step: each attempt is made by this process, and time passes when a test says so.

No worker, no beat and no message: between two attempts happens what the test does there. Time passes in the record,
whose moments all move into the past, and for a breaker by hand; Cal.com's own clock goes on by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import redis
from sqlalchemy import text, update

from booking_client.request.model import BookingRequest
from db.appointments import Appointment
from db.changes import moves
from db.changes.change import BookingChange
from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments as table
from db.models.changes import booking_changes
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS, CHANGES
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.circuit_breaker.settings import BreakerSettings
from tasks import dependencies
from tasks.attempts.attempt import AttemptResult, attempt
from tasks.booking import change_booking
from tasks.work.claim import BookingClaim, claim
from tests.support.fleet import row
from worker import enqueue_bookings
from worker.wiring import build

POST = {"method": "POST", "path": "/v2/bookings"}
BLIND = (Status.HELD, HoldReason.BLIND_KEY)
_MOMENTS = {
    "appointments": (
        "requested_at, created_at, updated_at, lease_expires_at, next_attempt_at, sent_at, settle_at, "
        "ends_at, askable_since, held_at, hold_until, checked_at, line_at, answer_by"
    ),
    "booking_changes": (
        "requested_at, updated_at, lease_expires_at, next_attempt_at, settle_at, ends_at, held_at, hold_until, "
        "late_look_at, line_at"
    ),
    "appointment_events": "created_at",
    "calcom_event_types": "asked_at, looked_at, kind_changed_at",
}
_OF_REDIS = {"admitted": 1_000_000, "tat": 1_000_000, "resets_at": 1_000, "scout_at": 1_000, "used": 1_000}
_READINGS = "{slots}:readings"  # us, as `tat`


@dataclass
class Hand:
    """A clock that is moved by hand, in seconds."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def move(self, seconds: float) -> None:
        """Let so much time pass."""
        self.now += seconds


def breaker_by_hand(**settings: Any) -> Hand:
    """Give this process a breaker and a rate limit of its own, and return the clock by which they go."""
    hand, built = Hand(), build()
    limits = BreakerSettings(**{"rate_limit": 0, **settings})
    breaker = CircuitBreaker("calcom", settings=limits, key=built.breaker.key, clock=hand, wall=hand)
    dependencies.fill(lambda: replace(built, breaker=breaker))
    return hand


def accept(*requests: BookingRequest) -> list[int]:
    """Accept requests and return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings(requests)]  # type: ignore[union-attr]


def let_pass(seconds: float) -> None:
    """Let so much time pass for all that the record holds."""
    with dependencies.current().engine.begin() as conn:
        for name, columns in _MOMENTS.items():
            older = ", ".join(f"{one} = {one} - make_interval(secs => :s)" for one in columns.split(", "))
            conn.execute(text(f"UPDATE {name} SET {older}"), {"s": seconds})  # noqa: S608 - names of our own


def let_pass_in_redis(client: redis.Redis, seconds: float) -> None:
    """Let so much time pass for what Redis has: limits and release window of CALCOM_BASE_URL, share of free times."""
    for key in client.scan_iter("{calcom}:*"):
        kind = client.type(key)
        if kind == "hash":
            for field, unit in _OF_REDIS.items():
                if float(client.hget(key, field) or 0) > 0:  # type: ignore[arg-type]
                    client.hincrbyfloat(key, field, -seconds * unit)
        elif kind == "zset":
            for item in client.zrange(key, 0, -1):  # type: ignore[union-attr]
                client.zincrby(key, -seconds * 1_000, item)
    if client.exists(_READINGS):
        client.incrby(_READINGS, -round(seconds * 1_000_000))


def write(appointment_id: int, **columns: Any) -> None:
    """Write columns past the door, as a fault would."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == appointment_id).values(**columns))


def book(claimed: BookingClaim) -> AttemptResult:
    """Attempt what was claimed and write its move, as the task does; `move` is None where the row was not ours."""
    attempted = attempt(claimed)
    written = attempted.move is not None and claimed.write(attempted.move)
    return attempted if written else replace(attempted, move=None)


def carry(appointment_id: int, *, after: float = 0.0, clock: Hand | None = None) -> Appointment:
    """Carry a booking one attempt further, `after` so many seconds, and return its row; what may not go yet stays.

    Its message comes now, whatever backoff it was given; the breaker, or the limit, lets it go if it waits for them.
    With `clock` those go by it, and the attempt's own waits move it.
    """
    if after:  # all rows are written: of a thousand bookings that are carried, each would write a thousand
        let_pass(after)
    if clock is not None:
        clock.move(after)
    _release(appointment_id)
    if row(appointment_id).status is Status.RETRYING:
        write(appointment_id, next_attempt_at=None)
    claimed = claim(dependencies.current(), appointment_id)
    if claimed is not None:
        if clock is not None:
            claimed.pause = clock.move
        book(claimed)
    return row(appointment_id)


def carry_until(
    appointment_id: int, rest: Callable[[Appointment], bool], *, every: float, attempts: int, clock: Hand | None = None
) -> Appointment:
    """Carry a booking on, an attempt every so many seconds, until it rests; fail when it does not by then."""
    now = carry(appointment_id, clock=clock)
    for _ in range(attempts - 1):
        if rest(now):
            break
        now = carry(appointment_id, after=every, clock=clock)
    assert rest(now), f"after {attempts} attempts: {state(now)}, {now.last_error}"
    return now


def carry_change(change_id: int, *, after: float = 0.0) -> BookingChange:
    """Carry a change one attempt further, `after` so many seconds, and return it; its message comes now."""
    if after:
        let_pass(after)
    calcom = dependencies.current().calcom
    own = {"key": calcom.key_fingerprint, "settings": calcom.settings_fingerprint}
    with dependencies.current().engine.begin() as conn:
        queue_sweeps.release_due(conn, CHANGES, **own, limit=100, key_works=False, settings_work=False)
        here = booking_changes.c.id == change_id
        conn.execute(update(booking_changes).where(here).values(next_attempt_at=None))
    change_booking.apply([change_id])
    with dependencies.current().engine.connect() as conn:
        change = moves.get(conn, change_id)
    assert change is not None
    return change


def state(one: Appointment) -> tuple[Status, HoldReason | None]:
    """Return where a booking stands."""
    return one.status, one.hold_reason


def is_blind(one: Appointment) -> bool:
    """Say whether a booking is held for what cannot be told."""
    return state(one) == BLIND


def lose(appointment_id: int) -> None:
    """Make a booking's outcome unknown, as if the answer to its POST had been lost; it may be looked for now."""
    write(
        appointment_id,
        status=Status.RETRYING,
        outcome_unknown=True,
        posts=1,
        sent_at=text("requested_at - interval '3 minutes'"),
        settle_at=text("now() - interval '1 minute'"),
        ends_at=text("now() - interval '10 seconds'"),
        askable_since=text("now()"),
        error_type="reset",
        calcom_booking_uid=None,
        calcom_seat_uid=None,
    )


def _release(appointment_id: int) -> None:
    """Let a held booking go whose time or cause has passed, or that stands in the breaker's line."""
    calcom = dependencies.current().calcom
    with dependencies.current().engine.begin() as conn:
        own = {"key": calcom.key_fingerprint, "settings": calcom.settings_fingerprint}
        queue_sweeps.release_due(conn, BOOKINGS, **own, limit=100, account=row(appointment_id).account_id)
        queue_sweeps.release_these(conn, BOOKINGS, [appointment_id])
