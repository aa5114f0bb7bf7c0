"""`booking report`: the operators' checklist, computed."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

import typer
from rich.text import Text

from tasks.words import clock, duration, plural
from worker.cli.named import named_account
from worker.cli.report.figures import BookingFigures, read, read_bookings
from worker.cli.report.lines import ReportLimits, lines, lines_of_account
from worker.cli.report.period import period
from worker.cli.report.words import Line
from worker.cli.session import ready
from worker.console import broker, screen
from worker.running import running
from worker.settings.model import Settings

MARK = 6  # characters
_MARKS = {True: ("ok", "green"), False: ("LOOK", "bold red"), None: ("-", "dim")}


def run(*, account: str | None, since: str, compare: str | None, json: bool) -> bool:
    """Show the report, or of an account what is about its bookings; return whether every target is met.

    Raises:
        typer.BadParameter: A period cannot be read, or the two would overlap.
        Stop: No account has that name.
    """
    span = period("--since", since)
    earlier = period("--compare", compare) if compare else span
    if earlier < span:
        raise typer.BadParameter("--compare: the earlier period would overlap with this one; give at least --since")
    settings = running(Settings.load())
    deps = ready()
    limits = ReportLimits(settings.calcom_deadline, settings.hold_max_age, settings.retention_days)
    seen: BookingFigures
    if account is None:
        seen = read(
            deps.engine,
            deps.detector.services,
            deps.breaker.service,
            since=span,
            compare=earlier,
            redis_trouble=broker.redis_error(settings.redis_url or ""),
            log_file=settings.log_file,
        )
        report = list(lines(seen, limits))
    else:
        with deps.engine.connect() as conn:
            own = named_account(conn, account)
            seen = read_bookings(conn, since=span, compare=earlier, account=own.id)
        report = list(lines_of_account(seen, limits))
    ok = all(line.ok is not False for line in report)
    if json:
        screen.as_json(_as_dict(seen, report, account, ok=ok))
    else:
        _show(seen, report, span, account)
    return ok


def _as_dict(seen: BookingFigures, report: Sequence[Line], account: str | None, *, ok: bool) -> dict[str, object]:
    figures = asdict(seen) | {"success": asdict(seen.success)}
    figures.pop("calls", None)  # one row a minute: too many for a report
    rows = [{name: value for name, value in asdict(line).items() if name != "details"} for line in report]
    return {"ok": ok, "account": account, "lines": rows, **figures}


def _show(seen: BookingFigures, report: Sequence[Line], span: timedelta, account: str | None) -> None:
    words, earlier = duration(span.total_seconds()), clock(seen.earlier_since + span)
    whose = f", bookings of {account}" if account is not None else ""
    screen.say((f"The {words} until {clock(seen.until)}{whose}", "bold"))
    screen.say((f"compared with the {words} until {earlier}", "dim"))
    screen.say()
    name = max(len(line.name) for line in report) + 2
    for line in report:
        mark, style = _MARKS[line.ok]
        target = Text(f" (target: {line.target})" if line.target else "", style="dim")
        screen.wrapped(
            Text.assemble((f"{mark:<{MARK}}", style), f"{line.name:<{name}}"), Text.assemble(line.said, target)
        )
        if line.ok is False:
            screen.wrapped(Text(" " * (MARK + name)), Text(f"-> {line.do}", style="bold"))
        for row in line.details:
            screen.say(" " * MARK, (row, "dim"))
    missed = sum(line.ok is False for line in report)
    screen.say()
    screen.say(f"{plural(missed, 'line wants', 'lines want')} a look." if missed else "Every target is met.")
