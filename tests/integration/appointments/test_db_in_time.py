"""What reaches Postgres after its sender has given up does nothing there: he was told that it was not done."""

import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy.exc import OperationalError

from booking_client.database.deadlines import ServerClock
from db import appointments
from db.connection import _CLOCK, deadline, fetch
from db.lifecycle import Status
from tests.support.fleet import eventually


def test_a_claim_that_a_frozen_server_finds_when_it_goes_on_takes_nothing(record: Any, postgres: Any) -> None:
    """Nobody would post that booking: it would wait for a lease to end, and then for a look."""
    row = record.keep()
    alone = record.engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as conn:
        [(backend,)] = fetch(conn, "SELECT pg_backend_pid()", {})
        assert appointments.claim(conn, 0, lease_seconds=50) is None  # the clock is known
        postgres.pause()
        with pytest.raises(OperationalError), deadline(0.5):
            appointments.claim(conn, row.id, lease_seconds=50)
    postgres.resume()

    with alone.connect() as conn:
        running = "SELECT FROM pg_stat_activity WHERE pid = %(pid)s"
        eventually(lambda: not fetch(conn, running, {"pid": backend}), what="it has done what it was sent")
        before = record.read(row.id)
        claimed = appointments.claim(conn, row.id, lease_seconds=50)

    assert before.status is Status.PENDING
    assert claimed is not None


def test_a_clock_that_was_set_on_meanwhile_is_read_again(record: Any) -> None:
    """As after a fail-over: what would come an hour too late by the old clock is done by the new one."""
    row = record.keep()
    with record.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        [(now,)] = fetch(conn, "SELECT clock_timestamp()", {})
        clock = conn.info[_CLOCK] = ServerClock()
        clock.said, clock.read_at = now - timedelta(hours=1), time.monotonic()

        claimed = appointments.claim(conn, row.id, lease_seconds=50)
        [kept] = appointments.insert(conn, [record.new()])

        assert conn.info[_CLOCK].said >= now
    assert claimed is not None
    assert kept.created


def test_a_request_that_comes_too_late_is_refused_and_not_kept(record: Any) -> None:
    """As a statement that was cancelled by its time-out: the caller hears "no", and may ask for another time."""
    with record.engine.connect() as conn:
        [(past,)] = fetch(conn, "SELECT now() - interval '1 second'", {})
    with (
        patch.object(ServerClock, "not_after", return_value=past),
        pytest.raises(OperationalError) as refused,
        record.engine.begin() as conn,
    ):
        appointments.insert(conn, [record.new(idempotency_key="late")])

    assert refused.value.orig.sqlstate == "57014"
    with record.engine.connect() as conn:
        assert appointments.find(conn, "late") is None
