"""A booking is one trace: from its request through holds, retries and looks to the move that ends it."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from db import appointments
from db.appointments import events
from db.lifecycle import Status
from tasks import dependencies
from tasks.calcom.http.exchange import Exchange
from tasks.maintenance import booking_minutes
from tests.support.fleet import Fleet, eventually, request, row
from tests.support.servers.patience import patient_callers
from tests.support.stepping import POST, carry, carry_until
from tests.support.tracing.collector import collecting
from worker import enqueue_booking
from worker.settings.model import Settings
from worker.tracing import export
from worker.tracing.export import Telling
from worker.tracing.spans import trace_id

ROOT = Path(__file__).parents[2]
CREATE, LIST = "bookings.create", "bookings.list"


@pytest.fixture
def exporter(settings: Callable[..., dict[str, str]]) -> InMemorySpanExporter:
    """Keep in memory what is told; no worker runs but this process."""
    settings()
    return InMemorySpanExporter()


@pytest.fixture
def telling(exporter: SpanExporter) -> Iterator[Telling]:
    """Tell of a database whose bookings are all the test's own."""
    provider = TracerProvider(shutdown_on_exit=False)
    yield Telling(dependencies.current().autocommit, exporter, provider)
    provider.shutdown()


@pytest.fixture
def sent_ids(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the correlation id that each POST carries on the wire."""
    ids: list[str] = []
    send = Exchange.send

    def collect(self: Exchange, request: Any, **options: Any) -> Any:
        if request.method == "POST":
            ids.append(request.headers["X-Correlation-Id"])
        return send(self, request, **options)

    monkeypatch.setattr(Exchange, "send", collect)
    return ids


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Run a collector of OpenTelemetry: its URL, and the bodies that it was sent."""
    with collecting() as running:
        yield running


def count() -> None:
    """Have the end of what was written seen, as beat does every three seconds, and then counted."""
    for _ in range(3):
        booking_minutes.count(dependencies.current())


def tell(telling: Telling, exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    """Count, tell, and return what was told since the last time."""
    exporter.clear()
    count()
    telling.tell()
    return list(exporter.get_finished_spans())


def booked(**more: Any) -> int:
    """Accept one request, and book it."""
    with patient_callers():
        accepted = enqueue_booking(request(1, **more)).appointment_id
    assert carry(accepted).status is Status.CONFIRMED
    return accepted


def test_one_trace_from_the_request_through_hold_retry_and_look_to_the_confirming_move(
    telling: Telling, exporter: InMemorySpanExporter, simulator: Any, sent_ids: list[str]
) -> None:
    """Its id is what the caller got, what Cal.com was sent with the POST, and that of each span."""
    receipt = enqueue_booking(request(1))
    asked, deps = receipt.appointment_id, dependencies.current()
    deps.breaker.operators.force_open("op@example.com", "maintenance")
    assert carry(asked).status is Status.HELD
    deps.breaker.reset("op@example.com")
    simulator.faults("commit_then_reset", match=POST, count=1)
    assert carry(asked, after=60).status is Status.RETRYING
    carry_until(asked, lambda now: now.status is Status.CONFIRMED, every=1, attempts=3)

    spans = tell(telling, exporter)

    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {receipt.correlation_id}
    assert sent_ids == [receipt.correlation_id]
    assert Counter(span.name for span in spans) == {
        "booking": 1, "enqueue": 1, "hold": 1, "wait": 3, "attempt": 3, CREATE: 1, LIST: 1,
        "move held": 1, "move pending": 1, "move retrying": 1, "move confirmed": 1,
    }  # fmt: skip
    assert_one_tree(spans)
    [hold] = [span for span in spans if span.name == "hold"]
    assert lasted(hold) >= 60
    assert dict(hold.attributes or {}) == {"booking.hold_reason": "breaker_open"}
    [post] = [span for span in spans if span.name == CREATE]
    assert dict(post.attributes or {}) == {"error.type": "reset"}
    assert post.status.is_ok is False
    [root] = [span for span in spans if span.parent is None]
    assert dict(root.attributes or {}) == {
        "booking.id": asked, "booking.outcome": "confirmed", "booking.event_type_id": 110
    }  # fmt: skip


def assert_one_tree(spans: list[ReadableSpan]) -> None:
    """Each span but the booking's own has its parent, and lies within it."""
    ids = {span.context.span_id: span for span in spans if span.context}
    assert len(ids) == len(spans)
    for span in spans:
        assert span.start_time is not None
        assert span.end_time is not None
        if span.parent is None:
            assert span.name == "booking"
            continue
        above = ids[span.parent.span_id]
        assert above.start_time is not None
        assert above.end_time is not None
        assert above.start_time <= span.end_time <= above.end_time, span.name
        assert span.start_time <= span.end_time
    assert sum(span.parent is None for span in spans) == 1


def lasted(span: ReadableSpan) -> float:
    """Return how long a span lasted, in seconds."""
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9


def test_nothing_personal_is_in_a_trace(telling: Telling, exporter: InMemorySpanExporter) -> None:
    """Nor what operators write, nor Cal.com: what is sent holds no word of a request."""
    asked = booked(metadata={"note": "allergic"}, correlation_id="Pat.Example:1")
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        events.record(conn, asked, "cancelled", "operator", {"why": "Pat Example called"})
    spans = tell(telling, exporter)
    assert len(spans) > 5
    sent = str(encode_spans(spans))
    assert [word for word in ("Pat", "example.com", "allergic", "Berlin") if word in sent] == []
    assert "Cal.com booked it (201)" in sent


def test_each_end_is_told_once_and_again_with_the_same_ids_after_a_start(
    telling: Telling, exporter: InMemorySpanExporter
) -> None:
    """A collector that sees a span twice knows that it is one."""
    booked()
    told = tell(telling, exporter)
    assert told
    assert tell(telling, exporter) == []
    again = tell(Telling(telling.engine, exporter, telling.provider), exporter)
    assert [span.to_json() for span in again] == [span.to_json() for span in told]


def test_an_end_is_told_when_all_that_was_written_before_it_is_seen(
    telling: Telling, exporter: InMemorySpanExporter
) -> None:
    """Ids are given out in order and committed in another: what is not counted yet is not told, nor left out."""
    telling.tell()
    with dependencies.current().engine.begin() as late:
        first = enqueue_booking(request(1)).appointment_id
        events.record(late, first, "cancelled", "sweeper")
        asked = enqueue_booking(request(2)).appointment_id
        assert carry(asked).status is Status.CONFIRMED
        assert tell(telling, exporter) == []
    told = tell(telling, exporter)
    ends = {dict(span.attributes or {})["booking.id"] for span in told if span.parent is None}
    assert ends == {first, asked}


def test_a_booking_that_goes_on_after_an_end_tells_what_is_new(
    telling: Telling, exporter: InMemorySpanExporter
) -> None:
    """In the same trace, under ids of its own."""
    asked = booked()
    first = tell(telling, exporter)
    with dependencies.current().engine.begin() as conn:
        appointments.move(conn, asked, Status.CONFIRMED, Status.CANCELLED, why="cancelled there")
    second = tell(telling, exporter)
    assert [span.name for span in second] == ["booking", "move cancelled"]
    ids = [{(span.context.trace_id, span.context.span_id) for span in one if span.context} for one in (first, second)]
    assert {trace for one in ids for trace, _ in one} == {trace_id(row(asked).correlation_id)}
    assert not ids[0] & ids[1]


class Refusing(InMemorySpanExporter):
    """A collector that is away for so many batches."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def export(self, spans: Any) -> SpanExportResult:
        """Refuse, or keep."""
        self.times -= 1
        return SpanExportResult.FAILURE if self.times >= 0 else super().export(spans)


@pytest.mark.parametrize("times", [1, export.TRIES])
def test_what_a_collector_missed_is_told_when_it_is_back_or_given_up(telling: Telling, times: int) -> None:
    """An outage loses nothing; what is refused for ever keeps nothing back."""
    telling.exporter = collector = Refusing(times)
    booked()
    count()
    for _ in range(times):
        assert collector.get_finished_spans() == ()
        telling.tell()
    telling.tell()
    assert bool(collector.get_finished_spans()) is (times < export.TRIES)
    assert telling.failed == 0


def test_a_postgres_that_is_away_is_asked_again(
    telling: Telling, exporter: InMemorySpanExporter, postgres: Any
) -> None:
    """The thread goes on."""
    booked()
    count()
    postgres.kill()
    assert telling.tell() == 0
    postgres.recover()
    assert telling.tell() > 0
    assert exporter.get_finished_spans()


def test_a_correlation_id_is_the_trace_id_where_it_can_be_one() -> None:
    """So a caller that gives its own trace's id finds its booking there."""
    digits = "0af7651916cd43dd8448eb211c80319c"
    assert f"{trace_id(digits):032x}" == digits
    assert f"{trace_id('0AF76519-16cd-43dd-8448-eb211c80319c'):032x}" == digits
    for other in ("order 17", "0" * 32, digits[1:]):
        assert trace_id(other) not in {0, int(digits, 16)}
        assert trace_id(other) == trace_id(other)


def test_a_fleet_sends_its_traces_where_the_variables_say(
    fleet: Callable[..., Fleet], collector: tuple[str, list[bytes]]
) -> None:
    """From the worker of the periodic tasks, by the variables of OpenTelemetry itself."""
    url, got = collector
    fleet(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_SERVICE_NAME="booking").start()
    receipt = enqueue_booking(request(1))

    eventually(lambda: got, what="a batch of spans")

    [batch] = ExportTraceServiceRequest.FromString(got[0]).resource_spans
    service = {one.key: one.value.string_value for one in batch.resource.attributes}["service.name"]
    spans = [span for scope in batch.scope_spans for span in scope.spans]
    assert (service, {span.trace_id.hex() for span in spans}) == ("booking", {receipt.correlation_id})
    assert {"booking", "enqueue", "attempt", CREATE, "move confirmed"} <= {span.name for span in spans}


WITHOUT = """
import sys

sys.modules["opentelemetry"] = None  # as where the extra is not installed; where it is, redis-py itself loads it
import worker.signals, worker.wiring

assert not [name for name in sys.modules if name.startswith("worker.tracing")]
from worker.tracing import export

assert export.start(None) is False
"""


@pytest.mark.long
def test_who_has_no_traces_loads_nothing_of_them() -> None:
    """And where the extra is missing, the worker says so and works on."""
    ran = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "pip install ./client '.[otel]'" in ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_traces_are_sent_only_where_a_collector_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By OpenTelemetry's own variables; one of them switches its whole SDK off."""
    assert not Settings.sends_traces()
    monkeypatch.setenv(name, "http://collector.example.com:4318")
    assert Settings.sends_traces()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not Settings.sends_traces()
