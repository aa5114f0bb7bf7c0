"""Operators' orders, and what became of them: obeyed whatever was forgotten, and told as what they are."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select, text

from db import revisions
from db.models.resilience import breaker_overrides as kept_overrides
from db.models.resilience import circuit_breaker_events
from db.monitoring import overrides
from resilience.circuit_breaker.types import CallOutcome, State
from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.maintenance.breaker_transitions import record_transitions
from tasks.operations import breaker_overrides
from tests.support.statements import statements


@pytest.fixture
def built(settings: Callable[..., dict[str, str]]) -> Dependencies:
    """Build this process's parts."""
    settings()
    return dependencies.current()


def give(built: Dependencies, mode: str = breaker_overrides.OPEN) -> bool:
    """Order, as `booking breaker` does."""
    return breaker_overrides.force(built.engine, built.breaker, mode, by="ops", why="a test")


def several(built: Dependencies) -> None:
    """Give a few orders to a breaker that has begun, and end them."""
    built.breaker.record_success("bookings.create")
    for _ in range(3):
        assert give(built)
        assert breaker_overrides.auto(built.engine, built.breaker, by="ops", why="over")
        built.breaker.record_success("bookings.create")


def test_the_first_order_after_redis_has_forgotten_is_obeyed_and_said_to_be(
    built: Dependencies, redis_url: str
) -> None:
    """The breaker that begins again reads it by itself: it has not been missed."""
    several(built)
    with Redis.from_url(redis_url) as client:
        client.flushall()

    assert give(built)

    assert built.breaker.get_status().state is State.FORCED_OPEN


@pytest.mark.fresh_database
def test_an_override_is_obeyed_after_the_way_back_and_forward(built: Dependencies) -> None:
    """The tables are new; the fleet still knows what it has obeyed."""
    several(built)
    revisions.migrate(built.engine, "base")
    revisions.migrate(built.engine, "head")

    assert give(built)

    assert built.breaker.get_status().state is State.FORCED_OPEN


def test_an_override_is_obeyed_in_a_restored_database(built: Dependencies) -> None:
    """The backup was made before the last orders."""
    several(built)
    with built.engine.begin() as conn:
        conn.execute(text("TRUNCATE breaker_overrides RESTART IDENTITY"))

    assert give(built, breaker_overrides.OFF)

    assert built.breaker.get_status().state is State.OFF


def test_an_override_that_nobody_could_be_told_is_said_to_wait(built: Dependencies, valkey: Any) -> None:
    """It is kept, and obeyed when Redis is back."""
    several(built)
    valkey.kill()

    assert not give(built)


def test_a_block_that_the_breaker_has_lifted_ends_where_it_is_written_down(built: Dependencies) -> None:
    """By state: also when who lifted it died before it could write. Another key's block stays."""
    for key in ("other", built.breaker.key):
        block(built, key)
    record_transitions()
    assert built.breaker.get_status().blocked_keys == tuple(sorted(("other", built.breaker.key)))
    permit = built.breaker.acquire("bookings.list", owner="recovery", trial=True)
    assert permit
    built.breaker.record(permit, CallOutcome.SUCCESS)

    record_transitions()

    with built.engine.connect() as conn:
        assert [one.key_fingerprint for one in overrides.in_force(conn, "calcom")] == ["other"]
    assert built.breaker.get_status().blocked_keys == ("other",)


def test_a_block_that_redis_has_missed_is_given_again_and_not_lifted(built: Dependencies) -> None:
    """Only what was obeyed can have been lifted."""
    several(built)
    block(built, "other")

    record_transitions()

    assert built.breaker.get_status().blocked_keys == ("other",)
    with built.engine.connect() as conn:
        lifted = conn.execute(
            select(func.count(kept_overrides.c.lifted_at)).where(kept_overrides.c.mode == "credentials")
        )
        assert lifted.scalar_one() == 0


def test_changes_of_a_new_redis_with_a_slow_clock_are_recorded(built: Dependencies, redis_url: str) -> None:
    """Its places in the stream are lower than those that were read before."""
    with Redis.from_url(redis_url) as client:
        built.breaker.operators.force_open("ops", "before")
        [stream] = [key for key in client.keys("*events*") if client.type(key) == b"stream"]
        [(_, fields)] = client.xrevrange(stream, count=1)
        client.xadd(stream, fields, id="9999999999999-0")  # as if its clock were a century ahead of the new one's
        record_transitions()
        client.flushall()
    built.breaker.operators.off("ops", "after")

    record_transitions()

    with built.engine.connect() as conn:
        assert "off" in conn.execute(select(circuit_breaker_events.c.new_state)).scalars().all()


def test_without_a_change_nothing_is_asked_but_for_the_orders(built: Dependencies) -> None:
    """It is asked each second, by all deployments that are well."""
    built.breaker.reset()
    record_transitions()
    with statements(built.engine) as sent:
        record_transitions()
    [orders] = sent
    assert "breaker_overrides" in orders


def block(built: Dependencies, key: str) -> None:
    """Write down that Cal.com has refused a key."""
    with built.engine.begin() as conn:
        overrides.add(conn, "calcom", "credentials", by="worker", why="refused", key_fingerprint=key)
