"""`booking alerts`, and what `booking status` says of incidents and of a beat that has died."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from db.monitoring import deliveries, heartbeats, incidents

Booking = Callable[..., Any]


def tell(record: Any) -> None:
    """Have an incident told, in vain."""
    now = datetime.now(UTC)
    with record.engine.begin() as conn:
        incident = incidents.open_suspected(conn, "outage", "calcom", now, count=1, detail={"held": 37})
        assert incident is not None
        incidents.add_message(conn, incident, "Cal.com is down: 37 held, 2 at risk\nSince: now", now)
        [one] = deliveries.claim(conn, ["slack-1"], lease_seconds=60, limit=1)
        deliveries.failed(conn, one, "answers with HTTP 500", retry_in=10)


def test_incidents_are_listed_with_what_stands_in_the_way(booking: Booking, record: Any) -> None:
    """An alert that never arrived must not be a secret."""
    assert booking("alerts").out == "No incident.\n"
    tell(record)
    shown = booking("alerts").out
    assert "open" in shown
    assert "Cal.com is down: 37 held, 2 at risk" in shown
    assert "not told: slack-1: answers with HTTP 500" in shown
    assert "/resilience/bookings?state=held&sort=asked" in shown
    [one] = booking("alerts", "--json").json["incidents"]
    assert (one["kind"], one["messages"], one["not_told"]) == ("outage", 1, ["slack-1: answers with HTTP 500"])


def test_status_names_open_incidents(booking: Booking, record: Any) -> None:
    """Who looks sees what is wrong, and whether somebody was told: a message that did not arrive tells nobody."""
    tell(record)

    def shown() -> str:
        problems = booking("status", "--json").json["problems"]
        [line] = [line for line in problems if line.startswith("Cal.com is down: 37 held, 2 at risk (")]
        assert line.endswith("; /resilience/bookings?state=held&sort=asked)")
        return str(line)

    assert "(not told yet; `booking alerts`" in shown()
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE alert_incidents SET notified_at = now() - interval '3 minutes'"))
    assert "(told 3 min ago; `booking alerts`" in shown()


def test_status_raises_a_beat_that_has_died_and_not_one_that_never_ran(booking: Booking, record: Any) -> None:
    """A worker by itself is no problem; silence after ticks is."""
    assert "checked" in booking("status").out
    assert not [line for line in booking("status", "--json").json["problems"] if "health check" in line]
    with record.engine.begin() as conn:
        heartbeats.tick(conn, "check_health", every=60)
    assert not [line for line in booking("status", "--json").json["problems"] if "health check" in line]
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET ticked_at = now() - interval '5 minutes'"))
    problems = booking("status", "--json").json["problems"]
    assert any(line.startswith("no health check for 5 min: are `celery -A worker beat` and the") for line in problems)
