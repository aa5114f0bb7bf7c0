"""`booking report`: the operators' checklist of a real deployment."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from tests.support import metrics

Booking = Callable[..., Any]


def test_a_quiet_deployment_misses_no_target(booking: Booking) -> None:
    """Nothing has happened yet: exit code 0, and no line pretends to know."""
    ran = booking("report")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("Every target is met.\n")
    assert "bookings" in ran.out
    assert "none ended in this time" in ran.out


def test_what_is_missed_is_said_with_what_to_do(booking: Booking, record: Any) -> None:
    """Exit code 1, as of `booking status`; a figure, its target, a way on."""
    record.write(record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT).id, held_at=timedelta(hours=-2))
    record.moved(Status.FAILED)
    ran = booking("report")

    assert ran.code == 1
    assert "LOOK  held now" in ran.out
    assert "1 suspect; oldest for 2 h (target: 15 min at most)" in ran.out
    assert "-> `booking status` says who moves them on" in ran.out
    assert ran.out.endswith("2 lines want a look.\n")


def test_an_unusual_service_is_told_with_its_forecast(booking: Booking, record: Any) -> None:
    """12 % failures where 1 % is usual: the detector would say nothing yet."""
    with record.engine.begin() as conn:
        now: datetime = conn.execute(text("SELECT date_trunc('minute', now())")).scalar_one()
        lately = [metrics.window(now - n * metrics.MINUTE, failures=12) for n in range(30, 0, -1)]
        metrics.write(conn, "calcom", "bookings.create", [*metrics.days(now, failures=1), *lately])
    ran = booking("report")

    assert "unusual: failures 12.0 % (usually 1.0 %)" in ran.out
    assert "Cal.com in 1 h" in ran.out
    assert "expected: failures 1.7 % (1.0 % to 12.0 %)" in ran.out
    assert "calls, " in ran.out


def test_json_holds_every_figure_and_every_judgement(booking: Booking, record: Any) -> None:
    """One object on one line, for programs."""
    record.moved(Status.CONFIRMED, calcom_booking_uid="uid", why="booked")
    shown = booking("report", "--since", "90m", "--compare", "7d", "--json").json

    assert shown["ok"] is True
    assert {line["name"]: line["ok"] for line in shown["lines"]}["at first try"] is True
    assert shown["success"] == {"ended": 1, "confirmed": 1, "at_first": 1}
    moments = {name: datetime.fromisoformat(shown[name]) for name in ("since", "until", "earlier_since")}
    assert moments["until"] - moments["since"] == timedelta(minutes=90)
    assert moments["since"] - moments["earlier_since"] == timedelta(days=7)


@pytest.mark.parametrize("wrong", [("--since", "24x"), ("--compare", "0d"), ("--since", "7d", "--compare", "24h")])
def test_a_wrong_period_is_wrong_usage(call: Booking, wrong: tuple[str, ...]) -> None:
    """Exit code 2, and the option's name; the database is not even asked."""
    ran = call("report", *wrong)

    assert ran.code == 2
    assert wrong[-2] in ran.err


def test_redis_gone_is_a_line_and_not_an_error(settings: Callable[..., dict[str, str]], call: Booking) -> None:
    """The rest comes from Postgres, and is shown all the same."""
    settings(REDIS_URL="redis://127.0.0.1:1/0")
    ran = call("report")

    assert ran.code == 1
    assert "LOOK  Redis" in ran.out
    assert "1 line wants a look.\n" in ran.out


def test_the_log_file_has_its_size(settings: Callable[..., dict[str, str]], call: Booking, tmp_path: Any) -> None:
    """When there is one."""
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * 3000)
    settings(LOG_FILE=str(log))

    assert "log file          3 kB\n" in call("report").out
