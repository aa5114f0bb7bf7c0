"""The scenario: requests come in, Cal.com has a bad day, then an outage; watch until each booking has its end."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select

from db.lifecycle import Status
from db.models.bookings import appointment_events, appointments
from worker.console.stop import Stop
from worker.local.demo.changing import all_answered, change_two, open_changes
from worker.local.demo.environment import DemoEnvironment
from worker.local.demo.judge import AppointmentRow
from worker.local.demo.misbehaviour import DOWN_SECONDS, fail, misbehave, recover
from worker.local.demo.outage import OutageTimes
from worker.local.demo.timeline import Counts, Timeline
from worker.local.processes import Part

LINES, EVERY = 10, 0.5  # requests at once, then seconds of pause in which `booking enqueue` sends them
GOOD, BAD = 0.2, 0.55  # shares of the requests that come before the bad day begins, and before the outage does
SETTLE_SECONDS = 15.0  # at most: while bookings wait in line, too few calls are made to open the breaker soon
ASK_SECONDS = 60.0
FINISH_SECONDS = 120.0  # at most: what is not final then never will be
LOOK_SECONDS = 0.1

Watch = Callable[[int, Counts], object]  # takes how many lines are sent, and how many bookings are in each state


@dataclass(frozen=True)
class EnqueueResult:
    """What `booking enqueue` answered."""

    requests: int
    accepted: int
    duplicates: int
    invalid: int


class Scenario:
    """Send all requests, let Cal.com fail in the middle, and wait for the end."""

    def __init__(self, environment: DemoEnvironment, timeline: Timeline, watch: Watch) -> None:
        self._environment = environment
        self._timeline = timeline
        self._watch = watch
        self._call = environment.call
        self._pause = threading.Event()
        self._sent = 0

    def run(self, lines: Sequence[bytes]) -> tuple[EnqueueResult, OutageTimes]:
        """Run the scenario; return the answer of `booking enqueue`, and when Cal.com was down."""
        pipe = self._environment.processes.logs / "requests"
        os.mkfifo(pipe)
        part = Part("enqueue", (sys.executable, "-m", "worker.cli", "enqueue", str(pipe), "--json"))
        self._environment.processes.start(part)
        good, bad = (round(len(lines) * share) for share in (GOOD, BAD))
        with self._opened(pipe, part) as requests:
            self._timeline.say(f"requests come in, {LINES / EVERY:.0f} a second")
            if self._call:
                self._call.prepare()  # now, so that nothing waits for it: the call comes in the outage
            # First a while without faults, so that there is something to compare the bad day with.
            self._feed(requests, lines[:good])
            misbehave(self._environment.calcom)
            self._timeline.say("Cal.com has a bad day: some calls fail")
            self._feed(requests, lines[good:bad])
            self._wait(SETTLE_SECONDS, lambda: self._timeline.settled)
            outage = fail(self._environment.calcom)
            self._timeline.expect(outage)
            self._feed(requests, lines[bad:])
        enqueued = self._answer(part)
        changes = change_two(self._environment)  # after the last request: one that asks again takes a cancel back
        self._timeline.say("two customers call: one cancels, one moves; both wait for Cal.com")
        self.call_agent()
        self._wait(DOWN_SECONDS, lambda: all_answered(self._environment, changes) and self._is_answered())
        self._wait(DOWN_SECONDS, lambda: time.monotonic() > outage.back and self._timeline.probed)
        outage = replace(outage, back=recover(self._environment.calcom))
        self._timeline.say("Cal.com is back; nobody has told us")
        self._wait(FINISH_SECONDS, self._has_ended)
        return enqueued, outage

    def call_agent(self) -> None:
        """Begin the call to the voice agent, or say why nobody calls."""
        if self._call:
            self._call.begin()
        else:
            self._timeline.say("no voice agent is called: the extra http is not installed")

    def _is_answered(self) -> bool:
        return self._call is None or self._call.answered

    def _has_ended(self) -> bool:
        if self._timeline.moving or open_changes(self._environment):
            return False
        called = self._call.result() if self._call else None
        return called is None or bool(called.confirmed)

    def _opened(self, pipe: Path, part: Part) -> BinaryIO:
        """Open the pipe once the other process reads it."""
        for _ in range(int(ASK_SECONDS / LOOK_SECONDS)):
            try:
                descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # ENXIO: nobody reads yet
                if self._environment.processes.guard.wait(part.name, LOOK_SECONDS) is not None:
                    break
            else:
                os.set_blocking(descriptor, True)
                return os.fdopen(descriptor, "wb", buffering=0)
        raise Stop(f"the requests could not be sent: {self._environment.processes.output(part)[-500:]}")

    def _feed(self, requests: BinaryIO, lines: Sequence[bytes]) -> None:
        for at in range(0, len(lines), LINES):
            batch = lines[at : at + LINES]
            try:
                requests.write(b"".join(batch))
            except BrokenPipeError:
                raise Stop("the requests could not be sent: `booking enqueue` has ended") from None
            self._sent += len(batch)
            self._wait(EVERY, lambda: False)

    def _wait(self, seconds: float, until: Callable[[], bool]) -> None:
        ends_at = time.monotonic() + seconds
        while True:
            self._watch(self._sent, self._timeline.update())
            for words in self._call.news() if self._call else ():
                self._timeline.say(words)
            left = ends_at - time.monotonic()
            if left <= 0 or until():
                return
            self._pause.wait(min(LOOK_SECONDS, left))

    def _answer(self, part: Part) -> EnqueueResult:
        self._wait(ASK_SECONDS, lambda: self._environment.processes.exit_code(part) is not None)
        *_, last = self._environment.processes.output(part).strip().splitlines() or [""]
        try:
            answer: dict[str, Any] = json.loads(last)
        except ValueError:
            raise Stop(f"the requests could not be sent: {last}") from None
        return EnqueueResult(**{name: answer[name] for name in EnqueueResult.__dataclass_fields__})


def rows(environment: DemoEnvironment) -> tuple[list[AppointmentRow], int]:
    """Return our rows for the judge, and the number of all retries."""
    column = appointments.c
    wanted = (
        column.id,
        column.uuid,
        column.status,
        column.calcom_booking_uid,
        column.calcom_seat_uid,
        func.coalesce(column.booked_start_at, column.start_at),
        column.retry_count,
    )
    with environment.engine.connect() as conn:
        stored = conn.execute(select(*wanted).order_by(column.id)).all()
    found = [
        AppointmentRow(row[0], str(row[1]), row[2].value, uid=row[3], seat_uid=row[4], start=row[5]) for row in stored
    ]
    return found, sum(row[6] for row in stored)


def last_booked(environment: DemoEnvironment) -> datetime | None:
    """Return when the last booking that met the open breaker was confirmed."""
    column, event = appointments.c, appointment_events.c
    met = column.circuit_breaker_open_at_booking.is_not(None)
    booked = select(func.max(event.created_at)).join(appointments, column.id == event.appointment_id)
    with environment.engine.connect() as conn:
        return conn.execute(booked.where(met, event.kind == Status.CONFIRMED.value)).scalar()
