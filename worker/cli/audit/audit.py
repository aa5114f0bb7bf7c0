"""`booking audit`: what our record and Cal.com's list say of the same days, and what is mended."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from db.monitoring import nightly_audits
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.finding import NAMES, AuditFinding, NoFinding
from tasks.audit.fixes import Fixed
from tasks.audit.listing import Progress as ShowProgress
from tasks.audit.survey import Survey, mend, survey
from tasks.words import clock, duration, plural
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop

DAY, DAYS = timedelta(days=1), 32
_NOT_JUDGED = {
    NoFinding.UNDER_WAY: "being booked or looked for right now: {rows}",
    NoFinding.TOO_YOUNG: "confirmed so lately that Cal.com need not show it yet: {rows}",
    NoFinding.CANNOT_TELL: "cannot tell, for Cal.com gave no answer that can be read: {rows}",
}
_SHOWN = 20  # ids of rows that were not judged


def span(first: datetime | None, last: datetime | None, days: int | None) -> tuple[datetime, datetime]:
    """Return the start of the first day, UTC, and the end of the last: by default yesterday and 31 days more."""
    start = first.replace(tzinfo=UTC) if first else _today() - DAY
    return start, last.replace(tzinfo=UTC) + DAY if last else start + (days or DAYS) * DAY


def run(start: datetime, end: datetime, *, fix: bool, json: bool) -> bool:
    """Audit what starts from `start` until before `end`; return whether all is well, or was mended.

    Raises:
        Stop: Cal.com cannot be asked now, or its list not be read; nothing was judged.
    """
    fixed: dict[int, Fixed] = {}
    with listening(screen.note):
        deps = ready()
        calls = AuditCalls(deps, waiting=say_waiting)
        try:
            with bars("Reading Cal.com's list", "Asking for what it does not show") as (reading, asking):
                seen = survey(calls, start, end, progress=reading, asking=asking)
            for finding, done in mend(calls, seen) if fix else ():
                fixed[id(finding)] = done
        except AuditHalted as halted:
            raise Stop(str(halted), "nothing was judged, and nothing changed") from None
        except KeyboardInterrupt:
            done_so_far = f"; {plural(len(fixed), 'fix', 'fixes')} tried" if fix else " and changed nothing"
            screen.note(f"\nbooking: stopped{done_so_far}; it is safe to run the audit again")
            raise
    open_ones = [one for one in seen.findings if not (id(one) in fixed and fixed[id(one)].ok)]
    clean = not open_ones and not seen.silent[NoFinding.CANNOT_TELL]
    if fix and clean:
        with deps.engine.begin() as conn:
            nightly_audits.mended(conn, start, end)
    if json:
        screen.as_json(_as_dict(seen, fixed))
    else:
        _report(seen, fixed, open_ones, fix=fix)
    return clean


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _report(seen: Survey, fixed: dict[int, Fixed], open_ones: list[AuditFinding], *, fix: bool) -> None:
    for one in seen.findings:
        who = f"booking {one.row.id}" if one.row else f"reference {one.reference}"
        when = f" ({clock(one.row.start_at)})" if one.row else ""
        done = fixed.get(id(one))
        screen.say((f"{NAMES[one.kind]}: ", "bold red"), f"{who}{when}: {one.message}")
        if done is not None:
            screen.say(
                "    ", ("fixed: " if done.ok else "not fixed: ", "green" if done.ok else "bold yellow"), done.message
            )
    for why, rows in seen.silent.items():
        if rows:
            shown = ", ".join(map(str, rows[:_SHOWN])) + (f" and {len(rows) - _SHOWN:,} more" if rows[_SHOWN:] else "")
            screen.note(_NOT_JUDGED[why].format(rows=shown))
    last = seen.end - DAY
    here = f"{plural(seen.confirmed, 'booking')} confirmed here, {seen.judged:,} judged"
    asked = f" ({seen.asked:,} of them asked for one by one)" if seen.asked else ""
    others = f" ({seen.others:,} of them others')" if seen.others else ""
    there = f"{seen.listed:,} listed there{others}"
    screen.say(f"{seen.start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC): {here}{asked}, {there}.")
    if not seen.findings:
        screen.say("Nothing found." if seen.clean else "Nothing found where it can be told.")
        return
    counts = ", ".join(f"{count} {NAMES[kind]}" for kind, count in Counter(one.kind for one in seen.findings).items())
    screen.say((f"Found: {counts}.", "bold"), f" Fixed {len(seen.findings) - len(open_ones)}." if fix else "")
    safe = sum(one.fix is not None for one in seen.findings)
    if safe and not fix:
        screen.say(f"`booking audit --fix` mends {safe} of them.")


def _as_dict(seen: Survey, fixed: dict[int, Fixed]) -> dict[str, Any]:
    return {
        "from": f"{seen.start:%Y-%m-%d}",
        "to": f"{seen.end - DAY:%Y-%m-%d}",
        "confirmed": seen.confirmed,
        "judged": seen.judged,
        "asked": seen.asked,
        "listed": seen.listed,
        "others": seen.others,
        **{why.value: rows for why, rows in seen.silent.items()},
        "findings": [_finding(one, fixed.get(id(one))) for one in seen.findings],
    }


def _finding(one: AuditFinding, done: Fixed | None) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.row.id if one.row else None,
        "status": one.row.status if one.row else None,
        "reference": one.reference,
        "said": one.message,
        "there": as_places(one),
        "fix": one.fix,
        "fixed": done is not None and done.ok,
        "outcome": done.message if done else None,
    }


def say_waiting(seconds: float) -> None:
    """Say that the rate limit makes an audit wait."""
    if seconds > 1:
        screen.note(f"The rate limit is reached: going on in {duration(seconds)}.")


def as_places(one: AuditFinding) -> list[dict[str, str | None]]:
    """Return for JSON what Cal.com has of a finding."""
    return [{"uid": place.uid, "seat_uid": place.seat_uid} for place in one.there]


@contextmanager
def bars(*names: str) -> Iterator[tuple[ShowProgress, ...]]:
    """Show how far each of some works has come, from its beginning on; on a terminal only."""
    if not screen.err.is_terminal:
        yield tuple(lambda _done, _all: None for _ in names)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn())
    with Progress(*columns, console=screen.err, transient=True) as progress:
        yield tuple(_bar(progress, name) for name in names)


def _bar(progress: Progress, name: str) -> ShowProgress:
    task = progress.add_task(name, total=None, visible=False)
    return lambda done, everything: progress.update(task, completed=done, total=everything, visible=True)
