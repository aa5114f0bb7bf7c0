"""The health check against a real breaker and a real record: what is wrong is told once, and its end with totals."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import HoldReason, Status
from db.monitoring import breaker_events, incidents
from db.monitoring.heartbeats import EVERY
from db.monitoring.incidents import Incident
from resilience.circuit_breaker.types import CallOutcome, State
from resilience.error_types import ErrorType
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.incidents import check, delivery
from tasks.maintenance.sweeper import report_lost
from tasks.ports.sinks import AlertMessage
from tests.chaos import kept_counts
from tests.support.fleet import eventually
from worker.schedule import SCHEDULE
from worker.wiring import build

PAGE = "https://flower.example.com/resilience"
OPENED = {"service": "calcom", "endpoint": None, "old_state": "closed", "new_state": "open", "reason": "failures"}


@dataclass
class Sinks:
    """Take every message, but for those of sinks in `broken`."""

    names: tuple[str, ...] = ("one",)
    limit: float = 5.0
    titles: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def deliver(self, messages: Sequence[tuple[str, AlertMessage]]) -> Iterator[tuple[int, str | None]]:
        """Keep the titles."""
        for place, (name, message) in enumerate(messages):
            if name not in self.broken:
                self.titles.append(message.title)
                self.pages.append(message.body.splitlines()[-1])
            yield place, "cannot be reached" if name in self.broken else None


@pytest.fixture
def sinks(settings: Callable[..., dict[str, str]]) -> Iterator[Sinks]:
    """Wire this process to a breaker that opens after three failures, and to sinks that take everything."""
    settings(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="30", HOLD_MAX_AGE="900", PAGE_URL=PAGE)
    taking = Sinks()
    dependencies.fill(lambda: replace(build(), alerts=taking))
    yield taking
    eventually(lambda: not delivery._sending.locked(), what="the sender has ended")  # noqa: SLF001 - before the database
    dependencies.current().engine.dispose()


def fail(times: int, outcome: CallOutcome = CallOutcome.FAILURE_SERVICE) -> None:
    """Have calls fail."""
    breaker = dependencies.current().breaker
    for number in range(times):
        permit = breaker.acquire(CREATE, owner=f"call {number}")
        breaker.record(permit, outcome, reason="503")  # type: ignore[arg-type]


def pass_time(seconds: float) -> None:
    """Make everything that is known of incidents as much older."""
    moved = ", ".join(
        f"{name} = {name} - make_interval(secs => :s)" for name in ("opened_at", "last_seen_at", "news_at")
    )
    with dependencies.current().engine.begin() as conn:
        conn.execute(text(f"UPDATE alert_incidents SET {moved}"), {"s": seconds})  # noqa: S608 - no one's input


def notified() -> list[Incident]:
    """Return the incidents that operators were notified of, the oldest first."""
    with dependencies.current().engine.connect() as conn:
        return incidents.notified(conn)[::-1]


def test_one_outage_is_one_incident_from_its_first_failure_to_its_end(sinks: Sinks, record: Any) -> None:
    """Critical, open, half-open, open again: one message, its updates, and a resolution with the totals."""
    breaker = dependencies.current().breaker
    record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    near = record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    record.write(near.id, start_at=timedelta(minutes=100))
    fail(3)
    for _ in range(4):
        check.check()
    eventually(lambda: sinks.titles == ["Cal.com is down: 2 held, 1 at risk"])
    for minutes in (5, 10, 45):
        pass_time(60 * minutes)
        check.check()
        check.check()
        eventually(lambda: not delivery._sending.locked())  # noqa: SLF001 - one message after the other
    breaker.reset("operator", "a test")
    dependencies.current().detector.reset("calcom")
    with record.engine.begin() as conn:  # as record_transitions does
        breaker_events.record_transitions(conn, [OPENED | {"epoch": epoch} for epoch in (1, 2)])
    check.check()
    assert len(notified()) == 1, "closed for a moment is not over"
    pass_time(30)
    assert (check.check(), check.check()) == (1, 0)
    eventually(lambda: len(sinks.titles) == 5)
    assert [title.partition(":")[0] for title in sinks.titles[1:]] == [
        "Still after 5 min",
        "Still after 15 min",
        "Still after 60 min",
        "Resolved after 60 min",
    ]
    [one] = notified()
    assert one.title.endswith("Cal.com was down, at most 2 held, 1 at risk; breaker opened 2")
    assert sinks.pages == [f"Page: {PAGE}/bookings?state=held&sort=asked"] * 5
    assert (one.detail["worst"], one.closed_at is not None) == (3, True)


def test_a_sink_that_fails_is_told_later_and_the_other_only_once(sinks: Sinks) -> None:
    """Its own pause, twice as long each time; the next tick sends it."""
    sinks.names, sinks.broken = ("one", "two"), {"two"}
    fail(3)
    check.check()
    for still in ({"two"}, set()):
        eventually(lambda: not delivery._sending.locked())  # noqa: SLF001 - it has noted what came of it
        with dependencies.current().engine.begin() as conn:
            conn.execute(text("UPDATE alert_deliveries SET next_attempt_at = now() WHERE trouble IS NOT NULL"))
        sinks.broken = still
        assert delivery.send() == 1
    eventually(lambda: len(sinks.titles) == 2)
    check.check()
    assert sinks.titles == ["Cal.com is down: 0 held, 0 at risk"] * 2


def test_a_sink_that_hangs_holds_one_thread_and_no_check(
    sinks: Sinks, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick that opens an incident goes on at once, and so does every tick after it."""
    answer, asked = threading.Event(), []

    def hang(messages: Sequence[tuple[str, AlertMessage]]) -> Iterator[tuple[int, str | None]]:
        asked.append(len(messages))
        answer.wait(60)
        yield 0, None

    monkeypatch.setattr(sinks, "deliver", hang)
    fail(3)
    assert check.check() == 1
    report_lost(dependencies.current(), [record.keep()])
    assert (check.check(), delivery.send()) == (1, 0)
    eventually(lambda: asked == [1], what="its thread has begun")
    answer.set()
    eventually(lambda: asked == [1, 1], what="what came meanwhile is sent in the next go")


def test_many_looks_at_once_tell_once(sinks: Sinks) -> None:
    """Eight workers and any number of beats: the tick's row lets one look go on at a time."""
    fail(3)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: check.check(), range(24))) == 1
    eventually(lambda: sinks.titles == ["Cal.com is down: 0 held, 0 at risk"])


def test_an_operators_order_is_no_outage(sinks: Sinks) -> None:
    """Who orders the breaker open knows it."""
    dependencies.current().breaker.operators.force_open("operator", "a test")
    assert dependencies.current().breaker.get_status().state is State.FORCED_OPEN
    assert (check.check(), sinks.titles) == (0, [])


@pytest.mark.usefixtures("sinks")
@pytest.mark.parametrize(
    ("reason", "title"),
    [
        (HoldReason.CREDENTIALS, "Cal.com refuses our API key: 2 held, 0 at risk"),
        (HoldReason.CONFIGURATION, "Cal.com's API is not what the settings say: 2 held, 0 at risk"),
        (HoldReason.BLIND_KEY, "Our API key cannot see whether these bookings exist: 2 held, 0 at risk"),
        (HoldReason.SUSPECT, "Set aside as suspect: 2 held, 0 at risk"),
        (HoldReason.UNREACHABLE, "Cal.com cannot be reached: 2 held, 0 at risk"),
        (HoldReason.THROTTLED, None),
        (HoldReason.BREAKER_OPEN, None),
    ],
)
def test_holds_are_told_by_the_table_of_reasons(record: Any, reason: HoldReason, title: str | None) -> None:
    """At once where an operator must act, and not where it goes by itself."""
    for _ in range(2):
        record.moved(Status.HELD, hold_reason=reason)
    check.check()
    eventually(lambda: [one.title for one in notified()] == ([] if title is None else [title]))


@pytest.mark.usefixtures("sinks")
def test_an_event_type_that_is_missing_is_told_with_its_name_and_apart_from_a_page(record: Any) -> None:
    """Which types, how many wait for each, and nobody's name; what a page has met is an incident of its own."""
    for named in ({"event_type_id": 101}, {"event_type_id": 101}, {"event_type_slug": "visit", "username": "pat"}):
        row = record.moved(Status.HELD, hold_reason=HoldReason.CONFIGURATION)
        record.write(row.id, error_type=ErrorType.NO_EVENT_TYPE, **{"event_type_id": None} | named)
    check.check()
    missing = "Cal.com no longer has the event type 101 (2), visit (1): 3 held, 0 at risk"
    eventually(lambda: [one.title for one in notified()] == [missing])

    record.moved(Status.HELD, hold_reason=HoldReason.CONFIGURATION)
    check.check()

    page = "Cal.com's API is not what the settings say: 1 held, 0 at risk"
    eventually(lambda: {one.title for one in notified()} == {missing, page})


@pytest.mark.usefixtures("sinks")
def test_what_waits_for_the_limit_is_told_after_five_minutes(record: Any) -> None:
    """Less than that is how a limit works."""
    row = record.moved(Status.HELD, hold_reason=HoldReason.THROTTLED)
    record.write(row.id, held_at=timedelta(seconds=-200))
    assert check.check() == 0
    record.write(row.id, held_at=timedelta(seconds=-301))
    assert check.check() == 1


@pytest.mark.usefixtures("sinks")
def test_what_is_held_too_long_is_told(record: Any) -> None:
    """Flagged by the sweeper, reported here."""
    row = record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    record.write(row.id, resilience_strategy="graceful_degradation", start_at=timedelta(minutes=30))
    check.check()
    assert [one.title for one in notified()] == ["Held longer than 15 min: 1 held, 1 at risk"]


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXPIRED])
def test_bad_endings_gather_in_one_incident_until_it_is_quiet(sinks: Sinks, record: Any, status: Status) -> None:
    """A hundred failed bookings are one alert, with their number."""
    old = record.moved(status)
    record.write(old.id, updated_at=timedelta(days=-1))
    record.moved(status)
    check.check()
    rows = [record.moved(status), record.moved(status)]
    check.check()
    [one] = notified()
    assert (one.occurrences, one.news) == (3, 1)
    for row in rows:
        record.write(row.id, updated_at=timedelta(minutes=-16))
    check.check()
    [one] = notified()
    assert one.closed_at is None, "one of them is not that old"
    with record.engine.begin() as conn:
        conn.execute(text("UPDATE appointments SET updated_at = now() - interval '16 minutes' WHERE id > 1"))
    assert check.check() == 1
    assert notified()[0].title.startswith("Resolved after")
    eventually(lambda: len(sinks.titles) >= 1)


def test_lost_messages_are_told_once_they_were_sent_again(sinks: Sinks, record: Any) -> None:
    """The sweeper counts, and only what was lost: long retries are left to it on purpose."""
    report_lost(dependencies.current(), [record.keep(), record.keep(), record.moved(Status.RETRYING)])
    report_lost(dependencies.current(), [record.moved(Status.RETRYING)])
    assert check.check() == 1
    eventually(lambda: sinks.titles == ["Messages lost, and sent again: 2"])


def told_once_and_resolved(sinks: Sinks) -> None:
    """Have 16 watchers report a dead beat, and two ticks come after them: hold the one alert and its end."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: check.report_dead_beat(), range(16)))
    eventually(lambda: len(sinks.titles) == 1)
    assert re.match(r"No health check for \d+ s: beat, the maintenance worker or the broker may be", sinks.titles[0])
    check.check()
    pass_time(30)
    check.check()
    eventually(lambda: len(sinks.titles) == 2)
    assert re.fullmatch(r"Resolved after \d+ s: Health checks stood still", sinks.titles[1])


def test_a_beat_that_is_silent_for_three_intervals_is_told_once_and_its_return_too(sinks: Sinks) -> None:
    """Any number of watchers; the tick that comes after all ends it."""
    assert check.report_dead_beat() is None, "a fleet without a booking has missed none"
    check.check()
    check.report_dead_beat()
    assert notified() == []
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET ticked_at = ticked_at - interval '16 seconds'"))
    told_once_and_resolved(sinks)


def test_a_beat_that_never_started_is_told_once_a_booking_waits_for_it(sinks: Sinks, record: Any) -> None:
    """From the first booking on; a worker that somebody starts by itself wakes nobody."""
    assert check.report_dead_beat() is None
    first = record.keep()
    record.write(first.id, requested_at=timedelta(seconds=-5))
    check.report_dead_beat()
    assert notified() == []
    record.write(first.id, requested_at=timedelta(seconds=-16))
    told_once_and_resolved(sinks)


def test_without_redis_an_outage_stays_as_it_is(sinks: Sinks, valkey: Any) -> None:
    """A worker that starts now has seen no failure: what it sees for itself is not the fleet's health."""
    fail(3)
    check.check()
    eventually(lambda: not delivery._sending.locked())  # noqa: SLF001 - nobody else uses what we give up
    valkey.kill()
    pass_time(60)
    dependencies.current().engine.dispose()
    dependencies.fill(lambda: replace(build(), alerts=sinks))
    assert check.check() == 0
    [one] = notified()
    assert one.closed_at is None
    eventually(lambda: len(sinks.titles) == 1)


def test_beat_ticks_as_often_as_the_watch_believes() -> None:
    """The schedule and the default interval are one number."""
    assert SCHEDULE["check-health"]["schedule"] == EVERY


@pytest.mark.usefixtures("sinks")
def test_a_check_keeps_what_it_has_counted(record: Any) -> None:
    """For the page, which must not count a hundred thousand: by reason, and in its minute; also when it ends."""
    held = [record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT) for _ in range(2)]
    held.append(record.moved(Status.HELD, hold_reason=HoldReason.THROTTLED))
    check.check()
    with record.engine.connect() as conn:
        assert list(kept_counts.held_wrongly(lambda sql: conn.execute(text(sql)).all())) == []
        assert conn.execute(text("SELECT sum(count) FROM held_now")).scalar_one() == 3
        assert conn.execute(text("SELECT max(held) FROM booking_minutes")).scalar_one() == 3

    for row in held:
        record.move(row, Status.CANCELLED)
    check.check()
    with record.engine.connect() as conn:
        assert list(kept_counts.held_wrongly(lambda sql: conn.execute(text(sql)).all())) == []
        assert conn.execute(text("SELECT held FROM booking_minutes ORDER BY minute DESC LIMIT 1")).scalar_one() == 0
