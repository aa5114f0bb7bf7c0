"""`booking status`: how everything stands, and what looks wrong."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from db.lifecycle import HoldReason, Status
from tests.support.fleet import Fleet, eventually
from worker.version import version

Booking = Callable[..., Any]


def test_bookings_are_counted_by_state_and_holds_by_reason(booking: Booking, record: Any) -> None:
    """The reason that has held longest comes first, with its age."""
    record.keep()
    record.moved(Status.HELD, hold_reason=HoldReason.CREDENTIALS)
    old = record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    record.write(old.id, held_at=timedelta(hours=-3))
    record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1")
    shown = booking("status", "--json").json
    assert {status: count for status, count in shown["counts"].items() if count} == {
        "pending": 1,
        "held": 2,
        "confirmed": 1,
    }
    assert [(one["reason"], one["count"]) for one in shown["held"]] == [("suspect", 1), ("credentials", 1)]
    assert "suspect, oldest 3 h ago" in booking("status").out


def test_the_answer_is_alone_on_stdout(booking: Booking) -> None:
    """What the process reports beside it, as that Redis has just begun, would break a script that reads JSON."""
    ran = booking("status", "--json")
    assert len(ran.out.splitlines()) == 1
    assert "shared_state_begun" in ran.err


def test_status_has_the_release_that_runs(booking: Booking) -> None:
    """As `booking --version` prints it."""
    assert booking("--version").out == f"booking-worker {version()}\n"
    assert booking("status", "--json").json["version"] == version()


def test_status_lists_the_reasons_of_what_is_held_or_says_that_there_is_none(booking: Booking, record: Any) -> None:
    """A line that is missing is a riddle."""
    assert re.search(r"^ *held +0$", booking("status").out, re.MULTILINE)
    record.moved(Status.HELD, hold_reason=HoldReason.CREDENTIALS)
    assert re.search(r"^ *held +1 credentials, oldest ", booking("status").out, re.MULTILINE)
    [hold] = booking("status", "--json").json["held"]
    assert (hold["reason"], hold["count"]) == ("credentials", 1)


def test_a_fleet_that_runs_is_well(fleet: Callable[..., Fleet], call: Booking) -> None:
    """Workers answer by name, and nothing looks wrong."""
    running = fleet()
    running.worker()
    ran = eventually(lambda: ran if (ran := call("status", "--json")).code == 0 else None, what="all is well")
    assert f'"version": "{version()}"' in next(line for line in running.logs().splitlines() if "log_begins" in line)
    assert (ran.json["workers"], ran.json["problems"]) == (["bookings@test"], [])


def test_no_worker_is_a_problem(booking: Booking) -> None:
    """Bookings would wait for ever."""
    ran = booking("status")
    assert ran.code == 1
    assert "! no worker answers: start `booking up`, or `celery -A worker worker`\n" in ran.out


def test_a_broker_that_is_down_is_a_problem_and_not_an_error(
    settings: Callable[..., dict[str, str]], call: Booking
) -> None:
    """The counts come from Postgres, and are shown all the same."""
    settings(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    ran = call("status", "--json")
    assert ran.code == 1
    assert ran.json["counts"]["pending"] == 0
    assert "the broker does not answer" in ran.json["problems"][0]


def test_what_stands_still_is_said(booking: Booking, record: Any) -> None:
    """A booking that waits long, a lease that nobody took up, a retry that is overdue."""
    record.write(record.keep().id, requested_at=timedelta(minutes=-9), updated_at=timedelta(minutes=-5))
    record.write(record.claimed().id, lease_expires_at=timedelta(minutes=-1))
    record.write(record.moved(Status.RETRYING).id, next_attempt_at=timedelta(minutes=-1))
    problems = booking("status", "--json").json["problems"]
    assert "the oldest booking has waited 5 min for a worker" in problems
    assert "1 booking lost its worker and nobody took it up: does beat run?" in problems
    assert "1 retry is overdue" in problems


def test_who_waited_in_line_has_not_waited_for_a_worker(booking: Booking, record: Any) -> None:
    """It was let go a moment ago, however long ago it was asked for."""
    record.write(record.keep().id, requested_at=timedelta(minutes=-9))

    ran = booking("status")

    assert "for a worker" not in ran.out
    assert "oldest asked 9 min ago" in ran.out


def test_a_beat_that_never_started_is_a_problem_once_a_booking_waits(booking: Booking, record: Any) -> None:
    """Nothing held is ever released without it."""
    assert "health check" not in booking("status").out
    record.write(record.keep().id, requested_at=timedelta(minutes=-5))
    ran = booking("status", "--json")
    assert (ran.code, ran.json["health_checked_at"]) == (1, None)
    assert (
        "no health check yet, 5 min after the first booking: are `celery -A worker beat` and the worker of"
        " `maintenance` running?" in ran.json["problems"]
    )
    assert "checked      never: beat has not run here yet" in booking("status").out


def test_a_redis_without_the_shared_breaker_is_a_problem(
    settings: Callable[..., dict[str, str]], call: Booking
) -> None:
    """Also where the broker is another one, and all else is well."""
    environment = settings()
    settings(REDIS_URL="redis://127.0.0.1:1/0", CELERY_BROKER_URL=environment["REDIS_URL"])
    problems = call("status", "--json").json["problems"]
    assert (
        "Redis has no circuit breaker for us: each process keeps one of its own; `booking check` says more" in problems
    )


def test_a_database_that_is_down_is_said_in_one_line(settings: Callable[..., dict[str, str]], call: Booking) -> None:
    """Without it nothing can be known."""
    settings(DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/none")
    ran = call("status")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("booking: Postgres does not answer")
    assert "secret" not in ran.err
