"""A cancel or a reader that waits alone goes by itself, whatever holds it: a running fleet meets each cause.

Every kind with every cause and end is a table without a fleet (tests/integration/line/test_who_waits_alone.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from cryptography.fernet import Fernet

import worker.breaker
from booking_client.states import DEFAULT_ACCOUNT, held_by
from db.appointments import events
from db.lifecycle import ChangeStatus, HoldReason
from tasks import dependencies
from tasks.operations import accounts as operations
from tasks.slots import free
from tests.integration.accounts.conftest import add, asked
from tests.support.fleet import Fleet, eventually, finals, request
from worker import cancel_booking, enqueue_booking

SHORT, MINUTE = "tests.support.workers.short_minute", 3.0  # seconds that a minute has there
PLAIN, SALON = 101, "salon-7"
WANTED, HOUR = datetime(2030, 3, 5, 9, tzinfo=UTC), timedelta(hours=1)
ASKED = 5  # so often a reader asks in vain: more often than the breaker needs to open
CHANGES = {"method": "POST", "path": "/v2/bookings/*"}
HARMLESS = "/v2/bookings?take=1"
SOON = {"RETRY_DELAYS": "0.2", "CIRCUIT_BREAKER_THRESHOLD": "3", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "2"}
OFTEN = {"CALCOM_RATE_LIMIT_PER_MINUTE": "6000"}  # a fifth of it is the share of readers


@dataclass(frozen=True)
class Cause:
    """What holds: a fault of Cal.com's, else a pause of an account's. `behind`: another change is held for it before.

    `asks`: the harmless call finds out that it is over. `reads`: a reader meets it, too.
    """

    fault: Mapping[str, Any] | None
    asks: bool = False
    behind: bool = False
    reads: bool = False

    def begin(self, simulator: Any) -> None:
        """Make it so."""
        if self.fault is None:
            operations.pause(dependencies.current(), SALON, asked())
        else:
            simulator.faults(**self.fault)

    def end(self, simulator: Any) -> None:
        """Have it be over."""
        if self.fault is None:
            operations.resume(dependencies.current(), SALON, asked())
        else:
            simulator.no_faults()


DOWN = {"kind": "refuse", "seconds": 600}
A_DAY = {"kind": "status", "name": "throttled", "retry_after": 86_400}
CAUSES: Mapping[HoldReason, Cause | str] = {
    HoldReason.CREDENTIALS: Cause({"kind": "status", "name": "invalid_key"}, asks=True, reads=True),
    HoldReason.CONFIGURATION: Cause({"kind": "html", "status": 403}, reads=True),  # it blocks nobody: each tries again
    HoldReason.THROTTLED: Cause(A_DAY, asks=True, reads=True),
    HoldReason.BREAKER_OPEN: Cause(DOWN, reads=True),
    HoldReason.IN_LINE: Cause(DOWN, behind=True),
    HoldReason.UNREACHABLE: Cause({"kind": "status", "status": 500, "shape": "A", "match": CHANGES}),
    HoldReason.SETTLING: Cause({"kind": "reset", "match": CHANGES, "count": 1}),
    HoldReason.PAUSED: Cause(None, reads=True),  # the last: from here on the account is not alone
    HoldReason.BLIND_KEY: "a person's: no look proves what became of it, until a person or another key can see it",
    HoldReason.SUSPECT: "a person's: three workers have died of it, and a look alone goes by itself, each hour",
}


def test_each_reason_has_its_cause_or_says_why_not() -> None:
    """None is left out; the two that have no cause here are a person's."""
    assert set(CAUSES) == set(HoldReason)
    without = {reason for reason, cause in CAUSES.items() if isinstance(cause, str)}
    assert without == {HoldReason.BLIND_KEY, HoldReason.SUSPECT}


def causes() -> list[tuple[HoldReason, Cause]]:
    """Return the reasons that end by themselves, each with its cause."""
    return [(reason, cause) for reason, cause in CAUSES.items() if isinstance(cause, Cause)]


def started(fleet: Callable[..., Fleet], **more: str) -> None:
    """Start a fleet whose minute is short."""
    running = fleet(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode(), **SOON, **more)
    for queue in ("bookings", "maintenance"):
        running.celery("worker", "-P", "threads", "-c", "2", "-Q", queue, "-n", f"{queue}@test", app=SHORT)
    running.beat()


def well(simulator: Any, since: int) -> tuple[bool, int]:
    """Return whether a harmless call was answered well after an entry of the journal, and how many POSTs of changes."""
    made = [one for one in simulator.journal(since) if not one["fault"]]
    return any(one["target"] == HARMLESS for one in made), sum(one["method"] == "POST" for one in made)


@pytest.mark.long
def test_a_cancel_that_waits_alone_goes_by_itself(fleet: Callable[..., Fleet], seen: Any) -> None:
    """One cause after the other; no booking waits meanwhile, and nobody reads."""
    started(fleet)

    def held_for(booking: int) -> set[object]:
        """Return what holds the change of a booking, and what has held it, by the story of its releases."""
        change = seen.of(booking)[-1]
        with dependencies.current().engine.connect() as conn:
            story = events.timeline(conn, booking)
        return {held_by(change.hold_reason, change.held_for), *(one.detail.get("held") for one in story)}

    for place, (reason, cause) in enumerate(causes()):
        if cause.fault is None:
            add(SALON)
        account = SALON if cause.fault is None else None
        numbers = (10 * place, 10 * place + 1)[: 1 + cause.behind]
        receipts = [enqueue_booking(request(number, PLAIN, account=account)) for number in numbers]
        bookings = [receipt.appointment_id for receipt in receipts]
        finals(bookings)

        before = seen.now()
        cause.begin(seen.simulator)
        for booking in bookings:
            cancel_booking(booking)
            is_last = booking == bookings[-1]
            eventually(lambda: (reason if is_last else HoldReason.BREAKER_OPEN) in held_for(booking), what=reason)  # noqa: B023
        cause.end(seen.simulator)

        assert [seen.over(booking).status for booking in bookings] == [ChangeStatus.DONE] * len(bookings), reason
        assert well(seen.simulator, before) == (cause.asks, len(bookings)), reason


@pytest.mark.long
def test_a_reader_that_waits_alone_is_answered_again(
    fleet: Callable[..., Fleet], simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks again each moment, as an agent does, and its own process makes the harmless call."""
    short = partial(worker.breaker.BreakerSettings, trial_every=MINUTE)
    monkeypatch.setattr(worker.breaker, "BreakerSettings", short)
    started(fleet, **OFTEN)
    days, number = count(), DEFAULT_ACCOUNT

    def knows() -> bool:
        begin = WANTED + timedelta(days=next(days))  # another one each time: what was answered is kept for a moment
        question = free.SlotsQuestion(PLAIN, begin, begin + HOUR, number)
        return question.answered(free.asked(question).result(20)) is not None

    for reason, cause in causes():
        if cause.reads:
            if cause.fault is None:
                number = add(SALON).id
            assert knows(), reason
            cause.begin(simulator)
            assert not any(knows() for _ in range(ASKED)), reason
            before = len(simulator.journal())
            cause.end(simulator)

            eventually(knows, what=f"answered after {reason}")
            assert well(simulator, before)[0] or not cause.asks, reason
