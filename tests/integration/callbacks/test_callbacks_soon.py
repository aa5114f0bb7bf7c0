"""Callbacks go soon after the move that wrote them: nobody ticks here."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from db import callbacks
from tests.support.callbacks.callers import LOOPBACK, confirmed, key_with, sql
from tests.support.callbacks.receiver import receiver
from tests.support.fleet import eventually
from tests.support.workers.dispatching import dispatching_on
from worker import dispatcher

Start = Callable[[], Any]


def number_of(column: str) -> int:
    """Return how many callbacks have a value in this column."""
    return int(sql(f"SELECT count({column}) FROM callbacks"))  # noqa: S608 - a name of ours


def test_each_goes_without_a_tick(start: Start, database_url: str) -> None:
    """An end, and a move of the host's, which ends nothing."""
    start()
    with receiver() as there, dispatching_on(database_url):
        booking = confirmed(key_with(there.url))
        eventually(lambda: number_of("delivered_at") == 1, what="the end is told")
        sql("UPDATE appointments SET booked_start_at = start_at + interval '1 hour' WHERE id = :id", id=booking)
        eventually(lambda: number_of("delivered_at") == 2, what="the move is told")

    assert there.types == ["booking.confirmed", "booking.rescheduled"]


def test_nothing_is_claimed_while_none_comes(
    settings: Callable[..., Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for its next try is left to the tick: it would be claimed for four times a second."""
    settings(**LOOPBACK)
    looks, claims = list[int](), list[int]()
    newest = callbacks.newest
    monkeypatch.setattr(dispatcher.due, "send_next", lambda: claims.append(len(looks)))
    with receiver() as there:
        confirmed(key_with(there.url))
        sql("UPDATE callbacks SET next_at = now() + interval '1 hour'")

        def look(conn: Connection) -> int:
            looks.append(newest(conn))
            return looks[-1]

        monkeypatch.setattr(callbacks, "newest", look)
        with dispatching_on(database_url):
            eventually(lambda: len(looks) > 4, what="it looks")

    assert claims == []
