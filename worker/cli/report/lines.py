"""The operators' checklist: a line for each figure, with its target and what to do when it is missed."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from db.lifecycle import Status
from tasks.words import duration
from worker.cli.report.figures import BookingFigures, CalcomFigures, ReportFigures, Success
from worker.cli.report.services import service
from worker.cli.report.words import Line, megabytes, percent

CLOSED = 0.99  # share of the time
AT_FIRST = 0.80  # share of the bookings that ended
SLOW_MS = 1000.0
SIGMA = 3.0  # a fall of the success rate by less than so many standard deviations is chance
PRUNE_LATE = timedelta(days=2)  # beyond RETENTION_DAYS


@dataclass(frozen=True)
class ReportLimits:
    """The settings that are targets of the report; 0 means none."""

    deadline: float
    max_age: float
    retention_days: int


def lines(seen: ReportFigures, limits: ReportLimits) -> Iterator[Line]:
    """Yield the checklist's lines."""
    yield _breaker(seen)
    yield from _bookings(seen)
    yield _waits(seen, limits)
    for assessment in seen.outlooks:
        yield from service(assessment, seen.calls[assessment.service])
    yield _alerts(seen)
    yield _statements(seen)
    yield _redis(seen)
    yield _held(seen, limits)
    yield from _room(seen, limits)


def lines_of_account(seen: BookingFigures, limits: ReportLimits) -> Iterator[Line]:
    """Yield the lines about bookings: what the others are about is of the whole deployment."""
    yield from _bookings(seen)
    yield _waits(seen, limits)
    yield _held(seen, limits)


def lines_of_calcom(seen: CalcomFigures, host: str) -> Iterator[Line]:
    """Yield the lines about another Cal.com: its breaker, and its calls."""
    yield _breaker(seen)
    for assessment in seen.outlooks:
        yield from service(assessment, seen.calls[assessment.service], host)


def _breaker(seen: CalcomFigures) -> Line:
    spent: dict[str, timedelta] = defaultdict(timedelta)
    ends = [*(at for at, _ in seen.breaker[1:]), seen.until]
    for (at, state), end in zip(seen.breaker, ends, strict=True):
        spent[state] += end - at
    share = spent.pop("closed", timedelta()) / (seen.until - seen.since)
    others = [f"{state.replace('_', '-')} {duration(time.total_seconds())}" for state, time in spent.items()]
    return Line(
        "breaker closed",
        ", ".join([f"{percent(share)} of the time", *others]),
        share >= CLOSED,
        f"{CLOSED * 100:.0f} % or more",
        "`booking breaker status` says how it stands; alerts and failures below say why",
    )


def _bookings(seen: BookingFigures) -> Iterator[Line]:
    now, before = seen.success, seen.earlier
    if not now.ended:
        yield Line("bookings", "none ended in this time")
        return
    at_first = now.at_first / now.ended
    yield Line(
        "at first try",
        f"{percent(at_first)} confirmed by the first call ({now.at_first:,} of {now.ended:,})",
        at_first > AT_FIRST,
        f"over {AT_FIRST * 100:.0f} %",
        "see what the others needed, below, and Cal.com's failures",
    )
    earlier = (
        f"earlier {percent(before.confirmed / before.ended)}" if before.ended else "nothing earlier to compare with"
    )
    yield Line(
        "in the end",
        f"{percent(now.confirmed / now.ended)} confirmed ({now.confirmed:,} of {now.ended:,}); {earlier}",
        None if not before.ended else not _fell(now, before),
        "as earlier",
        "more bookings end badly than before: their errors are in `booking show`, by id",
        tuple(_strategies(seen)),
    )


def _fell(now: Success, before: Success) -> bool:
    """Return whether the success rate is lower than chance explains (two proportions, pooled)."""
    pooled = (now.confirmed + before.confirmed) / (now.ended + before.ended)
    noise = math.sqrt(pooled * (1 - pooled) * (1 / now.ended + 1 / before.ended))
    return before.confirmed / before.ended - now.confirmed / now.ended > SIGMA * noise


def _strategies(seen: BookingFigures) -> Iterator[str]:
    """Yield the rows of a table: what bookings needed, and how many of them were confirmed."""
    asked: dict[str, list[int]] = {}
    for booked in seen.booked:
        counts = asked.setdefault((booked.strategy or "nothing").replace("_", " "), [0, 0])
        counts[0] += booked.count
        counts[1] += booked.count if booked.status is Status.CONFIRMED else 0
    yield "needed                  asked  confirmed"
    for name, (count, confirmed) in sorted(asked.items(), key=lambda item: -item[1][0]):
        yield f"{name:21} {count:7,}    {confirmed:7,}"


def _waits(seen: BookingFigures, limits: ReportLimits) -> Line:
    if not seen.waits.seconds:
        return Line("confirmed within", "nothing was confirmed")
    half, most, nearly_all = seen.waits.seconds
    return Line(
        "confirmed within",
        f"half {duration(half)}, 95 % {duration(most)}, 99 % {duration(nearly_all)}",
        most <= limits.deadline,
        f"95 % in {duration(limits.deadline)}",
        "`booking status`: do bookings wait for workers, or are they held?",
    )


def _alerts(seen: ReportFigures) -> Line:
    named = [f"{alert.count} {alert.kind.replace('_', ' ')}" for alert in seen.alerts]
    still = sum(alert.still_open for alert in seen.alerts)
    summary = ", ".join(named) + (f"; {still} still open" if still else "") if named else "none"
    return Line("alerts", summary, not named, "none", "`booking alerts` says what was told, and what to do")


def _statements(seen: ReportFigures) -> Line:
    if not seen.slowest:
        return Line("slowest SQL", "none was timed")
    named = ", ".join(f"{statement.name} {statement.longest_ms:,.0f} ms" for statement in seen.slowest)
    return Line(
        "slowest SQL",
        named,
        seen.slowest[0].longest_ms <= SLOW_MS,
        f"{SLOW_MS:,.0f} ms at most",
        "is Postgres overloaded, or short of disk? EXPLAIN (ANALYZE) the statement",
    )


def _redis(seen: ReportFigures) -> Line:
    error = seen.redis_trouble
    answer = f"does not answer ({error})" if error else "answers"
    return Line(
        "Redis", answer, error is None, "reachable", "`booking check`; until then each process has its own breaker"
    )


def _held(seen: BookingFigures, limits: ReportLimits) -> Line:
    if not seen.held:
        return Line("held now", "none", ok=True, target="none too long")
    oldest = (seen.until - min(hold.oldest_held_at for hold in seen.held)).total_seconds()
    named = ", ".join(f"{hold.count:,} {hold.reason.replace('_', ' ')}" for hold in seen.held)
    return Line(
        "held now",
        f"{named}; oldest for {duration(oldest)}",
        oldest <= limits.max_age if limits.max_age else None,
        f"{duration(limits.max_age)} at most" if limits.max_age else "",
        "`booking status` says who moves them on",
    )


def _room(seen: ReportFigures, limits: ReportLimits) -> Iterator[Line]:
    oldest, days = seen.oldest_metric, limits.retention_days
    named: Sequence[str] = [f"{size.table} {size.rows:,} ({megabytes(size.bytes)})" for size in seen.sizes]
    late = oldest is not None and seen.until - oldest > timedelta(days=days) + PRUNE_LATE
    yield Line(
        "rows",
        named[0] if named else "no table is there",
        None if not days else not late,
        f"{days} days kept" if days else "",
        f"rows older than RETENTION_DAYS are still there (since {oldest:%Y-%m-%d}): does beat run?" if oldest else "",
        named[1:],
    )
    if seen.log_bytes is not None:
        yield Line("log file", megabytes(seen.log_bytes))
