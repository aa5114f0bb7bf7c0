"""`/metrics`: what it tells of the fleet, what is absent when a server is gone; nothing of a request is in it."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from prometheus_client import generate_latest
from sqlalchemy import text

from db.changes import moves
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.monitoring import booking_minutes
from tasks import dependencies
from tests.support.changes import ask_change
from tests.support.fleet import Fleet, eventually, finals, request
from tests.support.logged import logged
from tests.support.prometheus.exporting import Series, only_growing, page, read, told
from tests.support.zygote import COUNT_WINDOW
from worker import enqueue_booking
from worker.api.metrics import counting
from worker.local.embedded.server import free_port
from worker.metrics.collector import FleetCollector
from worker.metrics.server import serve
from worker.settings.model import Settings
from worker.version import version
from worker.wiring import build_from

ROOT = Path(__file__).parents[3]
TABLE = re.compile(r"^\| `booking_(\w+)`", re.MULTILINE)
ENDS = re.compile(r"_(bucket|sum|count)$")
PASSING = re.compile(
    '_seconds{|service="database"'
)  # moments pass between two readings; each counts its own statements
ABSENT = {"booking_health_check_timestamp_seconds", "booking_rate_limit_calls_left"}  # never ran; there is no limit
SELECTOR = re.compile(r"\b(booking_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)=~?"([^"]*)"')


@pytest.fixture
def deployed(settings: Callable[..., dict[str, str]]) -> Iterator[None]:
    """Give every server of a deployment, whose minutes are counted."""
    settings()
    for _ in range(4):
        with dependencies.current().engine.begin() as conn:
            booking_minutes.count_on(conn)
    yield
    dependencies.current().engine.dispose()


def names(seen: Series) -> set[str]:
    """Return the metrics' names."""
    return {ENDS.sub("", series.partition("{")[0]) for series in seen}


@pytest.mark.usefixtures("deployed")
def test_the_release_of_the_exporter_is_a_label() -> None:
    """Joined with any other metric, it shows which release an error began with."""
    assert told()[f'booking_build_info{{version="{version()}"}}'] == 1


@pytest.mark.usefixtures("deployed")
def test_all_that_is_told_stands_in_the_document_and_begins_at_zero() -> None:
    """docs/observing.md names each metric and no other; a fleet that has done nothing tells no other figure."""
    seen = told()
    document = (ROOT / "docs" / "observing.md").read_text("utf-8").partition("### The HTTP API")[0]
    documented = {f"booking_{name}" for name in TABLE.findall(document)}

    assert names(seen) == documented - ABSENT
    assert only_growing(seen)
    assert set(only_growing(seen).values()) == {0.0}
    assert {seen[f'booking_part_up{{part="{part}"}}'] for part in ("postgres", "redis", "broker")} == {1.0}
    assert seen['booking_breaker_state{name="calcom",state="closed"}'] == 1
    assert seen['booking_breaker_state{name="bookings.create",state="open"}'] == 0
    assert {seen[f'booking_held{{reason="{reason.value}"}}'] for reason in HoldReason} == {0.0}


@pytest.mark.usefixtures("deployed")
def test_changes_that_are_not_over_are_counted_by_state(record: Any) -> None:
    """One that is done is not."""
    row = record.moved(Status.CONFIRMED, calcom_booking_uid="uid-1")
    with record.engine.begin() as conn:
        waiting, done = (ask_change(conn, row, status=ChangeStatus.WAITING) for _ in range(2))
        assert moves.move(conn, done.id, waiting.status, ChangeStatus.DONE, why="a test")

    seen = told()
    assert {state: seen[f'booking_changes{{state="{state}"}}'] for state in ("waiting", "held")} == {
        "waiting": 1,
        "held": 0,
    }


def lasting(seen: Series) -> Series:
    """Return what two exporters that are asked one after the other must tell alike."""
    return {name: value for name, value in seen.items() if not PASSING.search(name)}


def expressions() -> Iterator[str]:
    """Return all that our rules and our dashboards ask."""
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for path in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            yield from (target["expr"] for target in panel["targets"])


@pytest.mark.usefixtures("deployed")
def test_all_that_rules_and_dashboards_ask_for_is_told() -> None:
    """Each name, and each value of a label that they choose by: what nobody tells would never ring."""
    counting.begin([("/v1/bookings", ["POST"])])
    seen = told() | read(generate_latest(counting.REGISTRY).decode())  # the HTTP API's own
    found = [one for expression in expressions() for one in SELECTOR.findall(expression)]
    missing = set()
    for name, matchers in found:
        labels = [series for series in seen if series.startswith(f"{name}{{")]
        if not labels and name not in ABSENT:
            missing.add(name)
        for label, values in MATCHER.findall(matchers):
            if label == "deployment":  # the scrape's own
                continue
            wanted = {str(float(value)) if label == "le" else value for value in values.split("|")}
            missing |= {f"{name} {one}" for one in wanted if not any(f'{label}="{one}"' in series for series in labels)}

    assert missing == set()
    assert {name for name, _ in found} >= {
        "booking_http_requests_total",
        "booking_held",
        "booking_wait_seconds_bucket",
        "booking_release_window",
    }


@pytest.mark.usefixtures("deployed")
def test_a_wait_goes_on_when_a_hold_begins_anew(record: Any) -> None:
    """Of a booking that each probe takes and holds again: it waits since it was asked for."""
    held = record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    record.write(held.id, requested_at=timedelta(minutes=-20), held_at=timedelta(seconds=-5))
    seen = told()

    assert seen['booking_oldest_held_request_seconds{reason="breaker_open"}'] >= 1200
    assert 5 <= seen['booking_oldest_hold_seconds{reason="breaker_open"}'] < 1200
    assert seen['booking_oldest_held_request_seconds{reason="throttled"}'] == 0


@pytest.mark.usefixtures("deployed")
def test_two_exporters_tell_the_same(record: Any) -> None:
    """Nothing is of one process."""
    record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    record.moved(Status.FAILED, why="because")
    for _ in range(4):
        with record.engine.begin() as conn:
            booking_minutes.count_on(conn)
    first, second = lasting(told()), lasting(told())

    assert first == second
    assert first['booking_bookings{state="held"}'] == first['booking_held{reason="breaker_open"}'] == 1
    assert first['booking_finished_total{outcome="failed"}'] == 1


@pytest.mark.usefixtures("deployed")
def test_without_redis_nothing_of_the_breaker_is_told(valkey: Any) -> None:
    """And all that Postgres knows is."""
    valkey.kill()
    seen = told()

    assert (seen['booking_part_up{part="redis"}'], seen['booking_part_up{part="postgres"}']) == (0, 1)
    of_redis = {
        "breaker_state",
        "breaker_since_timestamp_seconds",
        "service_calls",
        "service_failures",
        "release_window",
    }
    assert names(seen) & {f"booking_{name}" for name in of_redis} == set()
    assert {"booking_held", "booking_accepted_total", "booking_breaker_transitions_total"} <= names(seen)


@pytest.mark.usefixtures("deployed")
def test_without_postgres_only_the_breaker_and_the_parts_are_told(postgres: Any) -> None:
    """No figure of bookings is better than one of yesterday."""
    told()
    postgres.kill()
    seen = told()

    assert seen['booking_part_up{part="postgres"}'] == 0
    assert only_growing(seen) == {}
    assert (
        names(seen) & {"booking_held", "booking_bookings", "booking_outcome_unknown", "booking_incident_open"} == set()
    )
    assert "booking_breaker_state" in names(seen)


@pytest.mark.usefixtures("deployed")
def test_a_port_that_is_taken_is_a_warning() -> None:
    """The worker works on, and the process that has the port reports the same."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with logged() as lines:
            assert serve(FleetCollector(dependencies.current()), f"127.0.0.1:{port}") is False
    [line] = lines
    assert (line["event"], line["level"]) == ("metrics_not_served", "warning")
    assert line["url"] == f"http://127.0.0.1:{port}/metrics"


@pytest.mark.usefixtures("deployed")
def test_what_another_release_has_counted_is_told_as_other() -> None:
    """An endpoint or an error that this release does not know is no label of it."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO metric_totals (name, labels, value) VALUES"
                " ('calcom_failures', '{ann@example.com,+12025550143}', 2), ('finished', '{lost in space}', 1)"
            )
        )
    seen = told()

    assert seen['booking_calcom_failures_total{endpoint="other",error_type="other"}'] == 2
    assert "ann@example.com" not in " ".join(seen)
    assert "lost in space" not in " ".join(seen)


POST = {"method": "POST"}
POSTED = 'booking_calcom_request_seconds_count{endpoint="bookings.create",outcome="answered"}'
SECRETS = ("quentin", "zephyr", "2025550143", "cal_test_owner", "key-of-mine", "reach-me")


def whole_page(port: int) -> str:
    """Return a page with all that Postgres keeps: on a slow machine one may come without, or not at all."""

    def seen() -> str | None:
        try:
            text = page(port)
        except OSError:
            return None  # it starts
        return text if POSTED in read(text) else None

    found: str = eventually(seen, what="a whole page")
    return found


@pytest.mark.long
def test_a_fleet_that_is_killed_and_forgets_tells_no_less_and_nothing_personal(
    fleet: Callable[..., Fleet], simulator: Any
) -> None:
    """Read by HTTP from the worker of `maintenance`, around a kill of every process and a FLUSHALL."""
    simulator.faults("status", status=400, shape="A", message="Quentin Zephyr is not allowed", share=0.3, match=POST)
    port = free_port()
    running = fleet(METRICS_ADDRESS=f"127.0.0.1:{port}", **{COUNT_WINDOW: "1"}).start()
    dependencies.fill(lambda: build_from(Settings.load(), count_window=1.0))

    def book(first: int) -> list[int]:
        attendee = {"name": 'Quentin "Zephyr"\n', "email": "zephyr.quentin@example.com", "time_zone": "UTC"}
        attendee |= {"phone_number": "+12025550143"}
        more = {"attendee": attendee, "metadata": {"note": "reach-me"}}
        ids = [
            enqueue_booking(request(number, idempotency_key=f"key-of-mine-{number}", **more)).appointment_id
            for number in range(first, first + 8)
        ]
        finals(ids)
        return ids

    def accepted(count: int) -> Series:
        def seen() -> Series | None:
            now = read(whole_page(port))
            return now if now["booking_accepted_total{}"] == count else None

        found: Series = eventually(seen, what=f"{count} accepted at /metrics")
        return found

    def ended() -> float:
        now = read(whole_page(port))
        return sum(now[f'booking_finished_total{{outcome="{end}"}}'] for end in ("confirmed", "rejected"))

    book(1)
    steps = [accepted(8)]
    running.stop()
    with redis.Redis.from_url(dependencies.current().broker_url) as client:
        client.flushall()
    running.start()
    steps.append(accepted(8))
    book(9)
    steps.append(accepted(16))
    eventually(lambda: ended() == 16, what="all ends counted")

    for before, after in pairwise(map(only_growing, steps)):
        assert [name for name in before if after[name] < before[name]] == []
    assert eventually(
        lambda: lasting(told()) == lasting(read(whole_page(port))), what="this process tells what that one does"
    )
    text_of_page = whole_page(port)
    assert "process_" not in text_of_page  # what libraries count of one process says nothing of the fleet
    assert [secret for secret in SECRETS if secret in text_of_page.lower()] == []
    assert f"http://127.0.0.1:{port}/metrics" in running.logs()
