"""`booking report`: the operators' checklist, computed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

import typer
from rich.text import Text

from tasks.dependencies import Dependencies
from tasks.words import clock, duration, plural
from worker.cli.named import named_account, named_service
from worker.cli.report.figures import BookingFigures, CalcomFigures, read, read_bookings, read_calcom
from worker.cli.report.lines import ReportLimits, lines, lines_of_account, lines_of_calcom
from worker.cli.report.period import period
from worker.cli.report.words import Line
from worker.cli.session import ready
from worker.console import broker, screen
from worker.running import running
from worker.settings.model import Settings

MARK = 6  # characters
Report = tuple[BookingFigures | CalcomFigures, list[Line]]
_MARKS = {True: ("ok", "green"), False: ("LOOK", "bold red"), None: ("-", "dim")}


def run(*, account: str | None, service: str | None, since: str, compare: str | None, json: bool) -> bool:
    """Show the report, or what is about the bookings of an account, or about another Cal.com, by its host.

    Return whether every target is met.

    Raises:
        typer.BadParameter: A period cannot be read, or the two would overlap; or account and service are both given.
        Stop: No account has that name, or is at that Cal.com.
    """
    if account is not None and service is not None:
        raise typer.BadParameter("give one of --account and --service")
    span = period("--since", since)
    earlier = period("--compare", compare) if compare else span
    if earlier < span:
        raise typer.BadParameter("--compare: the earlier period would overlap with this one; give at least --since")
    settings = running(Settings.load())
    deps = ready()
    limits = ReportLimits(settings.calcom_deadline, settings.hold_max_age, settings.retention_days)
    if service is not None:
        seen, report = _of_calcom(deps, service, span, earlier)
    elif account is not None:
        seen, report = _of_account(deps, account, limits, span, earlier)
    else:
        seen, report = _of_all(deps, settings, limits, span, earlier)
    ok = all(line.ok is not False for line in report)
    if json:
        screen.as_json(_as_dict(seen, report, {"account": account, "service": service}, ok=ok))
    else:
        whose = f", bookings of {account}" if account else f", Cal.com at {service}" if service else ""
        _show(seen, report, span, whose)
        hosts = [one.host for one in deps.services.others()]
        if hosts and not (account or service):
            screen.say(
                (f"Breaker and Cal.com: of the settings. Of another: --service, one of {', '.join(hosts)}", "dim")
            )
    return ok


def _of_calcom(deps: Dependencies, host: str, span: timedelta, earlier: timedelta) -> Report:
    at = named_service(deps, host)
    with deps.engine.connect() as conn:
        seen = read_calcom(conn, [at.name], at.name, since=span, compare=earlier)
    return seen, list(lines_of_calcom(seen, at.host))


def _of_account(deps: Dependencies, name: str, limits: ReportLimits, span: timedelta, earlier: timedelta) -> Report:
    with deps.engine.connect() as conn:
        seen = read_bookings(conn, since=span, compare=earlier, account=named_account(conn, name).id)
    return seen, list(lines_of_account(seen, limits))


def _of_all(
    deps: Dependencies, settings: Settings, limits: ReportLimits, span: timedelta, earlier: timedelta
) -> Report:
    seen = read(
        deps.engine,
        deps.detector.services,
        deps.breaker.service,
        since=span,
        compare=earlier,
        redis_trouble=broker.redis_error(settings.redis_url or ""),
        log_file=settings.log_file,
    )
    return seen, list(lines(seen, limits))


def _as_dict(
    seen: BookingFigures | CalcomFigures, report: Sequence[Line], of: Mapping[str, str | None], *, ok: bool
) -> dict[str, object]:
    figures = asdict(seen)
    if isinstance(seen, BookingFigures):
        figures["success"] = asdict(seen.success)
    figures.pop("calls", None)  # one row a minute: too many for a report
    rows = [{name: value for name, value in asdict(line).items() if name != "details"} for line in report]
    return {"ok": ok, **of, "lines": rows, **figures}


def _show(seen: BookingFigures | CalcomFigures, report: Sequence[Line], span: timedelta, whose: str) -> None:
    words, earlier = duration(span.total_seconds()), clock(seen.earlier_since + span)
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
