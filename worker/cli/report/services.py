"""The report's lines about a service: whether it is unusual now, a forecast of the next hour, and its calls."""

from collections.abc import Callable, Iterator, Sequence

from db.monitoring.failure_metrics import CallWindow
from worker.cli.report.assessment import Assessment
from worker.cli.report.baseline import Anomaly, Measure, merge
from worker.cli.report.words import Line, milliseconds, percent

NAMES = {"calcom": "Cal.com", "database": "database"}
_WRITE: dict[Measure, Callable[[float], str]] = {Measure.FAILURES: percent, Measure.LATENCY: milliseconds}


def service(seen: Assessment, calls: Sequence[CallWindow], host: str | None = None) -> Iterator[Line]:
    """Yield the lines about a service, compared with its own past; `host`: of another Cal.com than the settings'."""
    name, breaker = NAMES.get(seen.service, seen.service), "booking breaker status"
    if host is not None:
        name, breaker = f"Cal.com at {host}", f"booking breaker status --service {host}"
    state, ok = _now(seen)
    yield Line(
        f"{name} now",
        state,
        ok,
        "within the usual",
        "is Postgres overloaded? The slowest statements stand below"
        if seen.service == "database"
        else f"look at Cal.com's status page, and at `{breaker}`",
        tuple(_counted(calls)),
    )
    yield from _next(name, seen)


def _now(seen: Assessment) -> tuple[str, bool | None]:
    if not seen.fresh:
        return "no calls were counted lately", None
    if seen.unusual:
        return "unusual: " + "; ".join(map(_anomaly, seen.unusual)), False
    if seen.usual.failures is None:
        return "too little history yet to say what is usual", None
    baseline = [f"{percent(seen.usual.failures.value)} failures"]
    if seen.usual.latency:
        baseline.append(milliseconds(seen.usual.latency.value))
    return f"as usual at this hour ({', '.join(baseline)})", True


def _anomaly(found: Anomaly) -> str:
    write = _WRITE[found.measure]
    return f"{found.measure} {write(found.now)} (usually {write(found.usual)})"


def _next(name: str, seen: Assessment) -> Iterator[Line]:
    expected = []
    for measure in Measure:
        quarters = [forecast for forecast in seen.forecasts if forecast.measure is measure]
        if quarters:
            write, last = _WRITE[measure], quarters[-1]
            expected.append(f"{measure} {write(last.value)} ({write(last.low)} to {write(last.high)})")
    if expected:
        yield Line(f"{name} in 1 h", "expected: " + "; ".join(expected))


def _counted(calls: Sequence[CallWindow]) -> Iterator[str]:
    total = merge(calls)
    if total.calls:
        average = f", {milliseconds(total.average_ms)} on average" if total.average_ms else ""
        yield f"{total.calls:,} calls, {percent(total.rate)} failed{average}"
