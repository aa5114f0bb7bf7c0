"""Send the traces of ended bookings to an OpenTelemetry collector; the SDK reads its own variables, OTEL_*.

One quiet thread in the worker that runs the periodic tasks: no task, no message and no call of Cal.com waits for it.
What cannot be sent now is sent later, for PostgreSQL stores it; after a start the last minutes are sent again, with the
same ids.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from db.appointments import stories
from db.appointments.stories import Story
from tasks.host.log import Logger
from worker.tracing.spans import TraceSpan, spans_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

EVERY, LONGEST_PAUSE = 3.0, 60.0  # seconds
BATCH = 500  # events of one reading
AGAIN, AGAIN_MOST = 600.0, 2_000  # seconds, and events at most, that are sent again after a start
TRIES = 20  # a quarter of an hour; a batch that a collector always refuses must not delay the next ones
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = Logger("tracing")


def start(engine: Engine) -> bool:
    """Start the thread that sends traces; return whether the extra `otel` is installed: bookings go on without it."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same
    except ImportError:
        log.warning("traces_not_sent", why="OpenTelemetry is missing; in the clone, pip install ./client '.[otel]'")
        return False
    telling = Telling(engine, OTLPSpanExporter(), TracerProvider(shutdown_on_exit=False))
    threading.Thread(target=telling.go_on, name="tracing", daemon=True).start()
    return True


@dataclass(slots=True)
class Telling:
    """Send the traces of bookings in the order of their ends.

    `position` is the last event that was read (None: none yet), `failed` how often the next batch was not sent.
    """

    engine: Engine
    exporter: "SpanExporter"
    provider: "TracerProvider"
    position: int | None = None
    failed: int = 0

    def go_on(self) -> None:
        """Send until the process ends, less often while no collector answers."""
        pause = threading.Event()
        while True:
            if self.tell() < BATCH:
                pause.wait(min(EVERY * 2**self.failed, LONGEST_PAUSE))

    def tell(self) -> int:
        """Send the next batch; return how many events were read, 0 where Postgres or the collector fails."""
        try:
            with self.engine.connect() as conn:
                if self.position is None:
                    self.position = stories.lately(conn, seconds=AGAIN, most=AGAIN_MOST)
                found = stories.ended(conn, self.position, most=BATCH)
        except SQLAlchemyError:
            return 0
        if not self._is_done(found.stories):
            return 0
        self.position = found.position
        return found.looked_at

    def _is_done(self, told: Iterable[Story]) -> bool:
        """Send stories, and return whether they are finished: sent, or given up."""
        try:
            sent = self._send([span for story in told for span in spans_of(story)])
        except Exception as exc:  # noqa: BLE001 - an exporter may raise anything, and its thread goes on
            log.warning("traces_not_sent", error=type(exc).__name__)
            sent = False
        self.failed = 0 if sent else self.failed + 1
        if self.failed < TRIES:
            return sent
        log.warning("traces_given_up", tries=TRIES)
        self.failed = 0
        return True

    def _send(self, spans: Iterable[TraceSpan]) -> bool:
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - an extra

        wanted = [_readable(span, self.provider) for span in spans if self._is_sampled(span)]
        return not wanted or self.exporter.export(wanted) is SpanExportResult.SUCCESS

    def _is_sampled(self, span: TraceSpan) -> bool:
        from opentelemetry.sdk.trace.sampling import Decision  # noqa: PLC0415 - an extra

        asked = self.provider.sampler.should_sample(None, span.trace_id, span.name)
        return asked.decision is Decision.RECORD_AND_SAMPLE


def _readable(span: TraceSpan, provider: "TracerProvider") -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415 - the same
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags  # noqa: PLC0415 - the same

    def context(span_id: int) -> SpanContext:
        return SpanContext(span.trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    return ReadableSpan(
        span.name,
        context=context(span.id),
        parent=None if span.parent is None else context(span.parent),
        resource=provider.resource,
        attributes=span.attributes,
        kind=SpanKind.CLIENT if span.is_call else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=_ns(span.start),
        end_time=_ns(span.end),
        instrumentation_scope=InstrumentationScope("booking-worker"),
    )


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
