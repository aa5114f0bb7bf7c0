"""The play: ask for everything, and watch until each booking has its end."""

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from db import views
from db.lifecycle import FINAL, Status
from db.schema import appointments
from worker.cli.stop import Stop
from worker.demo.judge import Row
from worker.demo.stage import Stage
from worker.processes import Part

ASK_SECONDS = 60.0
FINISH_SECONDS = 120.0  # a net: what is not final then never will be
LOOK_SECONDS = 0.1

Watch = Callable[[dict[Status, int]], object]


@dataclass(frozen=True)
class Asked:
    """What `booking enqueue` answered."""

    requests: int
    accepted: int
    duplicates: int
    invalid: int
    conflicts: int


def ask(stage: Stage, file: Path, watch: Watch) -> Asked:
    """Send the file as an operator would, by `booking enqueue`, and return what it answered."""
    part = Part("enqueue", (sys.executable, "-m", "worker.cli", "enqueue", str(file), "--json"))
    stage.running.start(part)
    ends_at = time.monotonic() + ASK_SECONDS
    while stage.guard.wait(part.name, LOOK_SECONDS) is None and time.monotonic() < ends_at:
        watch(_counts(stage))
    *_, last = stage.running.said(part).strip().splitlines() or [""]
    try:
        answer: dict[str, Any] = json.loads(last)
    except ValueError:
        raise Stop(f"the requests could not be sent: {last}") from None
    return Asked(**{name: answer[name] for name in Asked.__dataclass_fields__})


def finish(stage: Stage, watch: Watch) -> None:
    """Wait until nothing moves any more: all final, or held by what only an operator ends."""
    pause = threading.Event()
    ends_at = time.monotonic() + FINISH_SECONDS
    while time.monotonic() < ends_at:
        counts = _counts(stage)
        watch(counts)
        if all(status in FINAL for status, count in counts.items() if count):
            return
        pause.wait(LOOK_SECONDS)


def rows(stage: Stage) -> tuple[list[Row], int]:
    """Return our rows as the judge wants them, and how often they were retried in all."""
    column = appointments.c
    wanted = (
        column.id,
        column.uuid,
        column.status,
        column.calcom_booking_uid,
        column.calcom_seat_uid,
        column.retry_count,
    )
    with stage.engine.connect() as conn:
        found = conn.execute(select(*wanted).order_by(column.id)).all()
    kept = [Row(row[0], str(row[1]), row[2].value, uid=row[3], seat_uid=row[4]) for row in found]
    return kept, sum(row[5] for row in found)


def _counts(stage: Stage) -> dict[Status, int]:
    with stage.engine.connect() as conn:
        return views.counts(conn)
