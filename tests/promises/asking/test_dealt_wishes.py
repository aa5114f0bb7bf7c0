"""Wishes, repeats of requests and their ends, dealt in any order: what ends is explained, and what is left is true.

A booking that Cal.com may have or not is moved and cancelled; its moves expire, an operator revokes them, and its first
request and requests for its other starts come again at each step.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from db.changes import asking, sweeps
from db.changes.change import BookingChange
from db.lifecycle import FINAL, ChangeStatus, Status
from db.models.bookings import appointments
from tasks import dependencies
from tasks.booking import change_booking
from tasks.operations import revoke
from tests.support.fleet import request, row
from tests.support.stepping import POST, accept, carry, let_pass
from worker import ChangeRefusedError, cancel_booking, enqueue_booking, reschedule_booking

PLAIN = 101
FIRST, STARTS = request(1, PLAIN).start, [datetime(2030, 3, day, 9, tzinfo=UTC) for day in (5, 6, 7)]
CENTURY = timedelta(days=36_500).total_seconds()
STEPS = ("repeat", "repeat", "another start", "move", "move", "cancel", "expire", "revoke", "carry", "send")
IN_VAIN = frozenset({ChangeStatus.REFUSED, ChangeStatus.FAILED, ChangeStatus.EXPIRED, ChangeStatus.WITHDRAWN})
W, E = ChangeStatus.WITHDRAWN, ChangeStatus.EXPIRED


class Deal:
    """One booking, and what is done to it."""

    def __init__(self, seed: int, simulator: Any) -> None:
        self.chance, self.simulator = random.Random(seed), simulator  # noqa: S311 - a deal that can be repeated
        key = self.chance.choice([None, "form-7841"])
        self.first, self.is_derived = request(1, PLAIN, idempotency_key=key), key is None
        if fault := self.chance.choice([None, "reset", "commit_then_reset"]):
            simulator.faults(fault, count=1, match=POST)
        [self.id] = accept(self.first)
        self.told: list[str] = []

    def changes(self) -> list[BookingChange]:
        """Return the changes of the booking."""
        with dependencies.current().engine.connect() as conn:
            return asking.of_booking(conn, self.id)

    def starts(self) -> set[datetime]:
        """Return the starts for which the booking answers."""
        return {FIRST} | {one.wanted for one in self.changes() if one.wanted and one.status not in IN_VAIN}

    def step(self) -> None:
        """Let one thing happen, and look whether what has ended by it was to end."""
        what, before = self.chance.choice(STEPS), {one.id: one for one in self.changes()}
        may = getattr(self, f"_{what.replace(' ', '_')}")()
        self.told.append(what)
        for one in self.changes():
            if one.id in before and one.status != before[one.id].status and one.status in {W, E}:
                assert (one.kind.value, one.status) in may, (self.told, one)

    def _repeat(self) -> set[tuple[str, ChangeStatus]]:
        return self._asked(self.first)

    def _another_start(self) -> set[tuple[str, ChangeStatus]]:
        known = sorted(self.starts())
        return self._asked(request(1, PLAIN, start=self.chance.choice(known))) if self.is_derived else set()

    def _asked(self, wanted: Any) -> set[tuple[str, ChangeStatus]]:
        if row(self.id).status in FINAL - {Status.CONFIRMED}:
            return set()
        again = enqueue_booking(wanted)
        if row(self.id).status not in FINAL - {Status.CONFIRMED}:  # else the look has shown that it is cancelled
            assert (again.appointment_id, again.duplicate) == (self.id, True), self.told
        return {("cancel", W)} if self.is_derived else set()

    def _move(self) -> set[tuple[str, ChangeStatus]]:
        return self._wished(lambda: reschedule_booking(self.id, self.chance.choice(STARTS)))

    def _cancel(self) -> set[tuple[str, ChangeStatus]]:
        return self._wished(lambda: cancel_booking(self.id))

    def _wished(self, wish: Callable[[], object]) -> set[tuple[str, ChangeStatus]]:
        try:
            wish()
        except ChangeRefusedError:
            return set()
        return {("cancel", W), ("reschedule", W)}

    def _expire(self) -> set[tuple[str, ChangeStatus]]:
        with dependencies.current().engine.begin() as conn:
            sweeps.expire(conn, lead_seconds=CENTURY, limit=9)
        return {("reschedule", E)}

    def _revoke(self) -> set[tuple[str, ChangeStatus]]:
        opened = [one for one in self.changes() if not one.over]
        revoke.cancel([one.task_id for one in opened[-1:]], "worker@test")
        return {("cancel", W), ("reschedule", W)}

    def _carry(self) -> set[tuple[str, ChangeStatus]]:
        let_pass(600)
        carry(self.id)
        return set()

    def _send(self) -> set[tuple[str, ChangeStatus]]:
        with dependencies.current().engine.begin() as conn:
            sweeps.let_next_go(conn)
        for one in self.changes():
            change_booking.apply([one.id])
        return set()

    def ends(self) -> None:
        """Let all that is open end, and compare what is left with what was wished and came to something."""
        for _ in range(12):
            if row(self.id).status in FINAL and all(one.over for one in self.changes()):
                break
            self._carry()
            self._send()
        now, changes = row(self.id), self.changes()
        done = [one for one in changes if one.status is ChangeStatus.DONE]
        living = [one for one in self.simulator.bookings() if one["status"] == "accepted"]
        cancelled = any(one.wanted is None for one in done)
        assert now.status is (Status.CANCELLED if cancelled or self._was_cancelled_at_once() else Status.CONFIRMED), (
            self.told,
            changes,
        )
        wanted = done[-1].wanted if done else FIRST
        starts = [datetime.fromisoformat(one["start"]) for one in living]
        assert starts == ([] if now.status is Status.CANCELLED else [wanted]), (self.told, changes)
        with dependencies.current().engine.connect() as conn:
            assert conn.execute(select(func.count()).select_from(appointments)).scalar_one() == 1, self.told

    def _was_cancelled_at_once(self) -> bool:
        return "cancel" in self.told and not any(one.wanted is None for one in self.changes())


@pytest.mark.variants(first=6)
@pytest.mark.parametrize("dealt", range(40))
def test_what_ends_is_explained_and_what_is_left_is_true(
    settings: Callable[..., dict[str, str]], simulator: Any, dealt: int
) -> None:
    """Whatever is dealt: one booking, where its last wish that came to something wants it."""
    settings()
    deal = Deal(dealt, simulator)
    for _ in range(12):
        deal.step()
    deal.ends()
