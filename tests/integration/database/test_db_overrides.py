"""Operators' orders in Postgres: the breaker obeys the highest number, so no later order may have a lower one."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from db import revisions
from db.monitoring import overrides


def give(record: Any, mode: str = "open") -> int:
    """Write an order."""
    with record.engine.begin() as conn:
        number = overrides.add(conn, "calcom", mode, by="ops", why="a test")
    assert number is not None
    return number


@pytest.mark.fresh_database
def test_an_override_after_the_way_back_and_forward_has_a_higher_number(record: Any) -> None:
    """The tables are new and count from 1; Redis still knows what it has obeyed."""
    before = [give(record) for _ in range(3)]

    revisions.migrate(record.engine, "base")
    revisions.migrate(record.engine, "head")

    assert give(record) > max(before)


def test_an_override_in_a_restored_database_has_a_higher_number(record: Any) -> None:
    """A backup knows nothing of the orders that were given after it."""
    before = [give(record) for _ in range(3)]
    with record.engine.begin() as conn:
        conn.execute(text("DELETE FROM breaker_overrides WHERE id > :first"), {"first": before[0]})
        conn.execute(text("SELECT setval('breaker_overrides_id_seq', :first)"), {"first": before[0]})

    assert give(record) > max(before)


def test_an_override_of_an_older_version_goes_on_from_there(record: Any) -> None:
    """Its workers live beside ours during a deploy, and after it is taken back: they take the next number."""
    ours = give(record)
    with record.engine.begin() as conn:
        other = conn.execute(
            text(
                "INSERT INTO breaker_overrides (service, mode, by, why) VALUES ('calcom', 'off', 'o', '') RETURNING id"
            )
        ).scalar_one()

    assert ours < other < give(record)


def test_of_overrides_at_once_one_is_in_force_and_has_the_highest_number(record: Any) -> None:
    """Eight operators: each has a number of its own, and who came last is obeyed."""
    given: list[int] = []
    threads = [threading.Thread(target=lambda: given.append(give(record))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    with record.engine.begin() as conn:
        [left] = overrides.in_force(conn, "calcom")
    assert len(set(given)) == 8
    assert left.id == max(given)


def test_only_the_named_block_is_lifted(record: Any) -> None:
    """Another key's refusal is not ours to forget."""
    with record.engine.begin() as conn:
        blocks = [
            overrides.add(conn, "calcom", "credentials", by="worker", why="", key_fingerprint=key)
            for key in ("today", "old")
        ]
        assert overrides.lift(conn, "calcom", {"credentials"}, by="worker", ids=[blocks[0] or 0]) == 1

        assert [override.key_fingerprint for override in overrides.in_force(conn, "calcom")] == ["old"]
