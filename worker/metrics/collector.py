"""Read the fleet's figures once for each scrape, so that gauges are as old as the answer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from db.connection import deadline
from db.monitoring import metric_totals
from db.monitoring.metric_totals import KeptFigures
from tasks.dependencies import Dependencies
from tasks.overview.reading import Overview, read_overview
from worker.metrics import gauges
from worker.metrics.totals import of_totals

PATIENCE = 1.0  # seconds for all that is asked of Postgres in one reading, and as long once more for the totals


class FleetCollector(Collector):
    """Collect the metrics of the fleet: on one thread, so that all scrapes share a connection of each server."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._before: Overview | None = None

    def describe(self) -> Iterator[Metric]:
        """Describe nothing: a registry that asks must not make us read."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Read, and return the metrics; never raises for Postgres, Redis or the broker."""
        return metrics(*self._thread.submit(self._read).result())

    def _read(self) -> tuple[Overview, KeptFigures | None]:
        overview = self._before = read_overview(self._deps, patience=PATIENCE, before=self._before)
        return overview, read_kept(self._deps) if overview.record else None


def metrics(overview: Overview, kept: KeptFigures | None) -> Iterator[Metric]:
    """Return all metrics of one reading; `kept` None: Postgres does not answer."""
    yield gauges.build()
    yield gauges.parts(overview)
    yield from gauges.of_shared(overview.shared)
    yield from gauges.of_queue(overview)
    if overview.record:
        yield from gauges.of_record(overview.record)
    if kept:
        yield from gauges.of_kept(kept)
    if kept and overview.record:
        yield gauges.of_accounts(overview.record.accounts, kept.accounts)
    if kept and kept.totals is not None:
        yield from of_totals(kept.totals, overview.service.name)


def read_kept(deps: Dependencies) -> KeptFigures | None:
    """Return what Postgres stores for metrics; None: it does not answer."""
    try:
        with deadline(PATIENCE), deps.autocommit.connect() as conn:
            return metric_totals.read(conn)
    except SQLAlchemyError:
        return None
