"""Counters and histograms: totals that Postgres stores for the whole fleet. All labels begin at 0."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, product

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric

from db.lifecycle import FINAL, HoldReason
from db.monitoring.booking_minutes import WAIT_BOUNDS
from db.monitoring.breaker_events import OTHERS
from db.monitoring.metric_totals import Labels, Total, Totals
from resilience.call_stats.buckets import BOUNDS
from resilience.circuit_breaker.types import Reason, State
from resilience.error_types import ErrorType
from worker.metrics.labels import ENDPOINTS, OTHER, PREFIX, one_of

_ENDPOINTS = (*ENDPOINTS, OTHER)
_ERRORS = tuple(sorted(set(ErrorType) - {ErrorType.NONE}))
_DENIED = tuple(reason.value for reason in Reason if reason is not Reason.IN_FLIGHT)
_OUTCOMES = ("answered", "failed")
_COUNTERS: tuple[tuple[Total, str, Mapping[str, Sequence[str]]], ...] = (
    (Total.ACCEPTED, "Bookings that were asked for", {}),
    (Total.FINISHED, "Bookings that ended", {"outcome": sorted(FINAL)}),
    (Total.RETRIES, "Retries of bookings", {}),
    (Total.RELEASED, "Held bookings that were let go", {"reason": tuple(HoldReason)}),
    (
        Total.RESCUED,
        "Bookings whose message or worker was lost, and that were taken up again",
        {"what": ("message", "lease")},
    ),
    (Total.NOT_PERMITTED, "Bookings whose call was denied, and that were held", {"reason": _DENIED}),
)


def of_totals(totals: Totals, service: str) -> Iterator[Metric]:
    """Yield all counters and histograms; the breaker of `service` is the one of all endpoints together.

    Those of other Cal.coms, and of their endpoints, are counted as one.
    """
    for name, about, labels in _COUNTERS:
        yield _counter(name, about, labels, totals)
    names = {"name": (service, *_ENDPOINTS, OTHERS), "to": tuple(State)}
    yield _counter(Total.TRANSITIONS, "Changes of a breaker, by the state that it came to", names, totals)
    failures = {"endpoint": _ENDPOINTS, "error_type": _ERRORS}
    yield _counter(Total.FAILURES, "Calls of Cal.com that failed", failures, totals)
    wait = HistogramMetricFamily(PREFIX + Total.WAIT, "Seconds from request to confirmation")
    waits = [totals.get((Total.WAIT, (str(place),)), 0.0) for place in range(1, len(WAIT_BOUNDS) + 2)]
    _fill(wait, (), WAIT_BOUNDS, waits, totals.get((Total.WAIT_SUM, ()), 0.0))
    yield wait
    took = HistogramMetricFamily(
        PREFIX + Total.REQUESTS, "Seconds that a call of Cal.com took", labels=("endpoint", "outcome")
    )
    known = _known(totals, Total.REQUESTS, (_ENDPOINTS, _OUTCOMES), more=1)
    sums = _known(totals, Total.REQUESTS_SUM, (_ENDPOINTS, _OUTCOMES))
    for of in product(_ENDPOINTS, _OUTCOMES):
        counts = [known.get((*of, str(place)), 0.0) for place in range(1, len(BOUNDS) + 2)]
        _fill(took, of, BOUNDS, counts, sums.get(of, 0.0))
    yield took


def _counter(name: Total, about: str, labels: Mapping[str, Sequence[str]], totals: Totals) -> Metric:
    family = CounterMetricFamily(PREFIX + name, about, labels=tuple(labels))
    sets = tuple(tuple(values) for values in labels.values())
    known = _known(totals, name, sets)
    for values in product(*sets):
        family.add_metric(values, known.get(values, 0.0))
    return family


def _known(totals: Totals, name: Total, sets: Sequence[tuple[str, ...]], *, more: int = 0) -> dict[Labels, float]:
    """Return the totals of a name by its labels, those of closed sets and `more` numbers behind them."""
    found = defaultdict[Labels, float](float)
    for (of, labels), value in totals.items():
        if of == name and len(labels) == len(sets) + more:
            known = (one_of(label, values) for label, values in zip(labels, sets, strict=False))
            found[*known, *labels[len(sets) :]] += value
    return found


def _fill(
    family: HistogramMetricFamily, labels: Labels, bounds: Sequence[float], counts: Sequence[float], total: float
) -> None:
    names = [*map(str, bounds), "+Inf"]  # "20.0", as every Prometheus writes it
    family.add_metric(labels, list(zip(names, accumulate(counts), strict=True)), sum_value=total)
