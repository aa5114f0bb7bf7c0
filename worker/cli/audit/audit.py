"""`booking audit`: compare our record with Cal.com's list, and mend what is safe."""

from datetime import UTC, datetime

import typer

from db.audits import bookings, nights
from tasks.audit.calls import AuditCalls, AuditHalted
from tasks.audit.changes import lag
from tasks.audit.survey import mend, survey
from tasks.words import plural
from worker.cli.audit.each_account import audited, each, note
from worker.cli.audit.once_unknown import list_once_unknown
from worker.cli.audit.shown import DAY, AuditedAccount, as_dict, say
from worker.cli.session import ready
from worker.console import screen
from worker.console.notes import listening
from worker.console.progress import bars, note_waiting
from worker.console.stop import Stop

DAYS = 32
Day = datetime | None
_AGAIN = "it is safe to run the audit again"


def run(
    *,
    account: str | None,
    first: Day,
    last: Day,
    days: int | None,
    fix: bool,
    once_unknown: bool,
    personal: bool,
    json: bool,
) -> bool:
    """Audit days, or list what was once unknown; return whether nothing wrong is left, and all was judged.

    Of one account, or of all (None), each with its own key.

    Raises:
        typer.BadParameter: The options contradict each other.
        Stop: No account has that name; or Cal.com cannot be asked now, or its list cannot be read.
    """
    if once_unknown and (first or last or days or fix):
        raise typer.BadParameter("--once-unknown looks at all that are kept and changes nothing: no days, no --fix")
    if personal and not once_unknown:
        raise typer.BadParameter("--personal goes with --once-unknown")
    if last is not None and days is not None:
        raise typer.BadParameter("give one of --to and --days")
    if once_unknown:
        return list_once_unknown(account=account, personal=personal, json=json)
    start, end = _span(first, last, days)
    if start >= end:
        raise typer.BadParameter("--to is before --from")
    return _audit_days(start, end, account=account, fix=fix, json=json)


def _span(first: Day, last: Day, days: int | None) -> tuple[datetime, datetime]:
    """Return the start of the first day, UTC, and the end of the last; by default 32 days that begin with yesterday."""
    start = first.replace(tzinfo=UTC) if first else _today() - DAY
    return start, last.replace(tzinfo=UTC) + DAY if last else start + (days or DAYS) * DAY


def _audit_days(start: datetime, end: datetime, *, account: str | None, fix: bool, json: bool) -> bool:
    """Audit bookings that start in [`start`, `end`); return whether nothing wrong is left, and all was judged.

    Raises:
        Stop: No account has that name; or Cal.com cannot be asked now, or its list cannot be read: nothing was judged.
    """
    done: list[AuditedAccount] = []
    with listening(screen.note):
        deps = ready()
        with deps.engine.connect() as conn:
            meant = audited(conn, account, lambda conn: bookings.accounts_between(conn, start, end, lag=lag(deps)))
        calls = AuditCalls(deps, waiting=note_waiting)

        def audit(name: str) -> None:
            with bars("Reading Cal.com's list", "Asking for what it does not show") as (reading, asking):
                seen = survey(calls, start, end, progress=reading, asking=asking)
            done.append(AuditedAccount(name, seen))
            for finding, fixed in mend(calls, seen) if fix else ():
                done[-1].fixed[id(finding)] = fixed

        try:
            halted = each(calls, meant, audit)
        except AuditHalted as why:
            raise Stop(str(why), "nothing was judged, and nothing changed") from None
        except KeyboardInterrupt:
            tried = plural(sum(len(one.fixed) for one in done), "fix", "fixes")
            screen.note(f"\nbooking: stopped{f'; {tried} tried' if fix else ' and changed nothing'}; {_AGAIN}")
            raise
    clean = not halted and all(one.clean for one in done)
    if fix and clean and account is None:  # the findings of a night are those of all accounts
        with deps.engine.begin() as conn:
            nights.mended(conn, start, end)
    if json:
        screen.as_json({"account": account, **as_dict(done), "not_asked": halted})
    else:
        for one in done:
            say(one, fix=fix, named=len(meant) > 1)
        note(halted)
    return clean


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
