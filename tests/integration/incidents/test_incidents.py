"""Incidents and deliveries in Postgres: one of a kind, each sink once, what was claimed and lost again later."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from db.monitoring import deliveries, incidents
from db.monitoring.deliveries import Delivery
from db.monitoring.incidents import Incident

SINKS = ("json-1", "slack-2")


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    """One connection, each statement committed: the steps of many processes, one after the other."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        yield conn


def opened(conn: Connection, kind: str = "outage", subject: str | None = "calcom") -> Incident:
    """Open an incident and tell it."""
    now = datetime.now(UTC)
    incident = incidents.open_suspected(conn, kind, subject, now, count=1, detail={})
    assert incident is not None
    incidents.add_message(conn, incident, "Cal.com is down\nSince: now", now)
    return incidents.notified(conn, limit=1)[0]


def claim(conn: Connection, *sinks: str, lease: float = 60) -> list[Delivery]:
    """Claim what is due."""
    return deliveries.claim(conn, sinks or SINKS, lease_seconds=lease, limit=10)


def test_of_many_that_open_one_incident_one_does(engine: Engine) -> None:
    """A partial unique index decides, whatever the processes think."""

    def suspect(_: int) -> bool:
        with engine.begin() as conn:
            now = datetime.now(UTC)
            return incidents.open_suspected(conn, "outage", None, now, count=1, detail={}) is not None

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(suspect, range(16))).count(True) == 1


def test_a_message_is_claimed_once_by_whoever_asks(engine: Engine, conn: Connection) -> None:
    """Eight senders at once: each sink's delivery goes to one of them."""
    opened(conn)

    def some(_: int) -> list[Delivery]:
        with engine.begin() as mine:
            return claim(mine)

    with ThreadPoolExecutor(8) as pool:
        claimed = [one.sink for many in pool.map(some, range(16)) for one in many]
    assert sorted(claimed) == sorted(SINKS)


def test_a_sink_that_fails_is_tried_again_and_the_other_is_not(conn: Connection) -> None:
    """Each has its own row, its own pause and its own trouble."""
    incident = opened(conn)
    good, bad = sorted(claim(conn), key=lambda one: one.sink)
    deliveries.sent(conn, good)
    deliveries.failed(conn, bad, "answers with HTTP 500", retry_in=-1)

    assert incidents.delivery_errors(conn, [incident.id]) == {incident.id: ["slack-2: answers with HTTP 500"]}
    assert [(one.sink, one.attempts) for one in claim(conn)] == [("slack-2", 2)]
    assert claim(conn) == []
    assert incidents.notified(conn)[0].notified_at is not None


def test_a_sender_that_dies_is_followed_after_its_lease(conn: Connection) -> None:
    """At least once: claimed and never noted is claimed again."""
    opened(conn)
    lost = claim(conn, lease=-1)

    assert sorted(one.sink for one in claim(conn)) == sorted(one.sink for one in lost) == sorted(SINKS)


def test_a_sink_that_was_away_gets_the_newest_message_only(conn: Connection) -> None:
    """Not the opening, the updates and the resolution all at once."""
    incident = opened(conn)
    deliveries.sent(conn, claim(conn, "json-1")[0])
    incidents.add_message(conn, incident, "Resolved", datetime.now(UTC), close=True)

    assert {(one.sink, one.news, one.message, one.resolved) for one in claim(conn)} == {
        (sink, 2, "Resolved", True) for sink in SINKS
    }


def test_a_new_sink_hears_of_what_is_open_and_not_of_what_is_long_over(conn: Connection) -> None:
    """Who adds a sink is not flooded with the past."""
    over, now = opened(conn, "failed", None), datetime.now(UTC)
    incidents.add_message(conn, over, "Resolved", now - timedelta(hours=1), close=True)
    current = opened(conn)

    assert [one.incident_id for one in claim(conn, "mailto-3")] == [current.id]


def test_a_suspicion_is_told_to_nobody_and_leaves_nothing(conn: Connection) -> None:
    """A hiccup of one look is no incident."""
    incident = incidents.open_suspected(conn, "outage", "calcom", datetime.now(UTC), count=1, detail={})
    assert incident is not None
    assert (claim(conn), incidents.notified(conn)) == ([], [])

    incidents.drop(conn, incident)

    assert conn.execute(text("SELECT count(*) FROM alert_incidents")).scalar_one() == 0


def test_what_is_told_is_never_dropped(conn: Connection) -> None:
    """Only a resolution ends it."""
    incidents.drop(conn, opened(conn))

    assert len(incidents.notified(conn, open_only=True)) == 1


def test_a_kind_that_gathers_counts_into_one_incident(conn: Connection) -> None:
    """Two sweeps that find lost messages are one incident with their sum."""
    for count in (3, 4):
        incidents.add_occurrences(conn, "messages_lost", None, count)

    [one] = incidents.open_incidents(conn, ["messages_lost"])
    assert (one.occurrences, one.news) == (7, 0)
