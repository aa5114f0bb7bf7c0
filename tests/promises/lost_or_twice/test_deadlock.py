"""A deadlock or a lost connection is tried again at once, and the row says so."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from tasks import dependencies
from tests.support.fleet import Fleet, finals, request
from worker import enqueue_booking

# A sequence is not rolled back, so it counts the failures.
HURT = """
CREATE SEQUENCE hurt;
CREATE FUNCTION hurt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('hurt') = 1 THEN
    RAISE EXCEPTION 'on purpose' USING ERRCODE = '{sqlstate}';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hurt BEFORE UPDATE ON appointments FOR EACH ROW WHEN (NEW.status = '{status}') EXECUTE FUNCTION hurt();
"""


@pytest.mark.fresh_database
@pytest.mark.variants(first=2)
@pytest.mark.parametrize("status", ["booking", "confirmed"])
@pytest.mark.parametrize(
    ("sqlstate", "strategy"), [("40P01", "immediate_retry"), ("57P01", "immediate_retry"), ("57014", None)]
)
def test_what_the_database_broke_is_tried_again_at_once(
    fleet: Callable[..., Fleet], judge: Callable[[Any], None], status: str, sqlstate: str, strategy: str | None
) -> None:
    """At the claim, and when Cal.com has just booked; a mere time-out is tried again after a pause."""
    fleet().worker(concurrency=2)
    with dependencies.current().engine.begin() as conn:
        conn.execute(text(HURT.format(sqlstate=sqlstate, status=status)))
    judge(finals([enqueue_booking(request(0)).appointment_id]))
    with dependencies.current().engine.connect() as conn:
        row = conn.execute(text("SELECT resilience_strategy, retry_count, posts FROM appointments")).one()
        assert conn.execute(text("SELECT last_value FROM hurt")).scalar_one() >= 2
    assert row == (strategy, 0, 1)
