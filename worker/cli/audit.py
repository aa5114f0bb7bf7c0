"""`booking audit`: what our record and Cal.com's list say of the same days, and what is mended."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tasks.audit import Survey, mend, survey
from tasks.audit_calls import AuditCalls, AuditHalted
from tasks.audit_fix import Fixed
from tasks.audit_judge import Finding, Kind, Silence
from tasks.audit_list import Progress as Told
from worker.cli import screen
from worker.cli.notes import listening
from worker.cli.session import ready
from worker.cli.stop import Stop

DAY, DAYS = timedelta(days=1), 32
_NAMES = {
    Kind.ABSENT: "confirmed here, absent there",
    Kind.NOT_HERE: "there, not here",
    Kind.CANCELLED: "cancelled there",
    Kind.TWICE: "there twice",
}
_NOT_JUDGED = {
    Silence.UNDER_WAY: "being booked or looked for right now: {rows}",
    Silence.TOO_YOUNG: "confirmed so lately that Cal.com's list need not show it yet: {rows}",
    Silence.CANNOT_TELL: "cannot tell, for this API key has never listed a booking of the event type: {rows}",
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
        parts = ready()
        calls = AuditCalls(parts, pause=threading.Event().wait, waiting=_say_waiting)
        try:
            with _progress() as told:
                seen = survey(calls, start, end, progress=told)
            for finding, done in mend(calls, seen) if fix else ():
                fixed[id(finding)] = done
        except AuditHalted as halted:
            raise Stop(str(halted), "nothing was judged, and nothing changed") from None
        except KeyboardInterrupt:
            done_so_far = f"; {screen.plural(len(fixed), 'fix', 'fixes')} tried" if fix else " and changed nothing"
            screen.note(f"\nbooking: stopped{done_so_far}; it is safe to run the audit again")
            raise
        finally:
            parts.breaker.close()
    open_ones = [one for one in seen.findings if not (id(one) in fixed and fixed[id(one)].ok)]
    if json:
        screen.as_json(_as_dict(seen, fixed))
    else:
        _report(seen, fixed, open_ones, fix=fix)
    return not open_ones and not seen.silent[Silence.CANNOT_TELL]


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _report(seen: Survey, fixed: dict[int, Fixed], open_ones: list[Finding], *, fix: bool) -> None:
    for one in seen.findings:
        who = f"booking {one.row.id}" if one.row else f"reference {one.reference}"
        when = f" ({screen.clock(one.row.start_at)})" if one.row else ""
        done = fixed.get(id(one))
        screen.say((f"{_NAMES[one.kind]}: ", "bold red"), f"{who}{when}: {one.said}")
        if done is not None:
            screen.say(
                "    ", ("fixed: " if done.ok else "not fixed: ", "green" if done.ok else "bold yellow"), done.said
            )
    for why, rows in seen.silent.items():
        if rows:
            shown = ", ".join(map(str, rows[:_SHOWN])) + (f" and {len(rows) - _SHOWN:,} more" if rows[_SHOWN:] else "")
            screen.note(_NOT_JUDGED[why].format(rows=shown))
    last = seen.end - DAY
    here, there = screen.plural(seen.confirmed, "booking"), f"{seen.listed:,}"
    others = f" ({seen.others:,} of them others')" if seen.others else ""
    screen.say(f"{seen.start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC): {here} confirmed here, {there} listed there{others}.")
    if not seen.findings:
        screen.say("Nothing found." if seen.clean else "Nothing found where it can be told.")
        return
    counts = ", ".join(f"{count} {_NAMES[kind]}" for kind, count in Counter(one.kind for one in seen.findings).items())
    screen.say((f"Found: {counts}.", "bold"), f" Fixed {len(seen.findings) - len(open_ones)}." if fix else "")
    safe = sum(one.fix is not None for one in seen.findings)
    if safe and not fix:
        screen.say(f"`booking audit --fix` mends {safe} of them.")


def _as_dict(seen: Survey, fixed: dict[int, Fixed]) -> dict[str, Any]:
    return {
        "from": f"{seen.start:%Y-%m-%d}",
        "to": f"{seen.end - DAY:%Y-%m-%d}",
        "confirmed": seen.confirmed,
        "listed": seen.listed,
        "others": seen.others,
        **{why.value: rows for why, rows in seen.silent.items()},
        "findings": [_finding(one, fixed.get(id(one))) for one in seen.findings],
    }


def _finding(one: Finding, done: Fixed | None) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "id": one.row.id if one.row else None,
        "status": one.row.status if one.row else None,
        "reference": one.reference,
        "said": one.said,
        "there": [{"uid": place.uid, "seat_uid": place.seat_uid} for place in one.there],
        "fix": one.fix,
        "fixed": done is not None and done.ok,
        "outcome": done.said if done else None,
    }


def _say_waiting(seconds: float) -> None:
    if seconds > 1:
        screen.note(f"The rate limit is reached: going on in {screen.span(seconds)}.")


@contextmanager
def _progress() -> Iterator[Told]:
    """Show how much of the list is read, on a terminal only."""
    if not screen.err.is_terminal:
        yield lambda _read, _all: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn())
    with Progress(*columns, console=screen.err, transient=True) as progress:
        task = progress.add_task("Reading Cal.com's list", total=None)
        yield lambda read, everything: progress.update(task, completed=read, total=everything)
