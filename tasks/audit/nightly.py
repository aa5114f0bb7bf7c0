"""The nightly audit of yesterday's and today's bookings, which survives interruptions (docs/audit.md, "At night").

A tick starts the audit in a thread of its own, since it may take hours. The thread dies with its process; then the
audit's lease runs out, and the next tick, in any process, continues it. Rows that were judged one by one are stored, so
that Cal.com is not asked about them twice; the list is read again. A finding is stored only if a second look, at that
row alone, shows it again.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from booking_client.states import DEFAULT_ACCOUNT
from db import appointments
from db.accounts import get
from db.appointments import Appointment
from db.audits import bookings, nights, restored
from db.audits.nights import Findings, NightlyAudit
from tasks import dependencies
from tasks.audit.calls import AuditHalted, LeftAlone, NightlyCalls, TakenUp, is_calm, lease, spacing
from tasks.audit.changes import judge_change, lag, of_days
from tasks.audit.finding import AuditFinding, Fix, NoFinding
from tasks.audit.fixes import follow
from tasks.audit.motion import is_settled
from tasks.audit.questions import look_again, verdict
from tasks.audit.survey import FirstLook, first_look
from tasks.dependencies import Dependencies
from tasks.host.application import app
from tasks.host.log import Logger
from tasks.host.periodic import PeriodicTask
from tasks.words import plural

SAVED = 10  # rows and changes that are judged before they are stored
HALTS = 6  # times that Cal.com's answers cannot be read before the audit ends unfinished
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 1800.0  # seconds after each of these halts; each pause is twice the last
AT_ONCE = 16  # accounts that are audited at the same time, each within its own limit
NAMED = 5  # accounts that could not be asked
UNREAD = "some bookings could not be asked for"

log = Logger(__name__)
_auditing = threading.Lock()  # one audit in each process


@app.task(base=PeriodicTask, name="tasks.audit.nightly.audit_at_night")
def audit_at_night(hour: int) -> bool:
    """Start the audit due since `hour` (UTC), unless a process already has it; return whether the audit started."""
    deps = dependencies.current()
    if not _auditing.acquire(blocking=False):
        return False
    started = False
    try:
        night = take_up(deps, hour)
        if night is not None:
            threading.Thread(target=_audit, args=(deps, night), name="nightly-audit", daemon=True).start()
            started = True
    finally:
        if not started:
            _auditing.release()
    return started


def take_up(deps: Dependencies, hour: int) -> NightlyAudit | None:
    """Claim the audit that is due; None: none is due, another process has it, or Cal.com must not be called now."""
    if not is_calm(deps):
        return None
    with deps.engine.begin() as conn:
        return nights.take_up(conn, hour, lease_seconds=lease(deps))


def audit_night(calls: NightlyCalls, night: NightlyAudit) -> None:
    """Audit both days of a night as far as Cal.com may be called; the next process that claims it does the rest."""
    work = _Work(calls, night, {kind: list(ids) for kind, ids in night.findings.items()})
    try:
        work.compare()
    except TakenUp:
        log.info("nightly_audit_taken_up", night=night.night)
    except LeftAlone as why:
        work.leave(spacing(calls.deps), halted=False)
        log.info("nightly_audit_waits", night=night.night, why=str(why))
    except AuditHalted as why:
        work.halt(str(why))


def _audit(deps: Dependencies, night: NightlyAudit) -> None:
    try:
        audit_night(NightlyCalls(deps, night), night)
    except SQLAlchemyError as exc:  # the audit's lease runs out, and another tick takes it up
        log.warning("nightly_audit_lost_postgres", night=night.night, error=type(exc).__name__)
    except Exception:  # no caller waits for this thread; when the lease has run out, the audit is tried again
        log.exception("nightly_audit_failed", night=night.night)
    finally:
        _auditing.release()


@dataclass
class _Work:
    """This process's part of a nightly audit: what is judged and not yet saved, and rows that could not be read.

    Its accounts write into it side by side; what they have judged is saved together.
    """

    calls: NightlyCalls
    night: NightlyAudit
    findings: Findings
    unsaved: list[int] = field(default_factory=list)
    unsaved_changes: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    _writing: threading.RLock = field(default_factory=threading.RLock)

    def compare(self) -> None:
        """Judge the rows of each account with its own key, several accounts at once, and end the audit.

        Each waits for the share of its own limit. An account that cannot be asked, by a fault of its own, keeps none of
        the others from being judged.

        Raises:
            AuditHalted: Cal.com may not be asked now, or its answers could not be read.
            TakenUp: The audit is no longer ours.
        """
        ours, halted = self.calls.deps, None
        orphans: list[AuditFinding] = []
        shut: list[int] = []
        with closing(self._each(self._accounts())) as each:
            for account, judged in each:
                try:
                    orphans += judged()
                except LeftAlone:
                    if account == DEFAULT_ACCOUNT or not is_calm(ours):
                        raise
                    shut.append(account)
                except AuditHalted as why:
                    halted = halted or why
        if halted or self.unread:
            raise halted or AuditHalted(UNREAD)
        self._end(self._orphans(orphans), unfinished=self._names(shut) if shut else None)

    def _each(self, accounts: Sequence[int]) -> Generator[tuple[int, Callable[[], list[AuditFinding]]], None, None]:
        """Yield what waits for each account's result; when that is given up, the accounts under way end, too."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="nightly-audit") as pool:
            begun = [(account, pool.submit(self._compare_account, account)) for account in accounts]
            try:
                yield from ((account, one.result) for account, one in begun)
            finally:
                self.calls.over.set()
                pool.shutdown(cancel_futures=True)

    def _compare_account(self, account: int) -> list[AuditFinding]:
        return _OneAccount(self, self.calls.beside(), self.night).compare(account)

    def _accounts(self) -> list[int]:
        deps = self.calls.deps
        if deps.callers.is_alone():
            return [DEFAULT_ACCOUNT]
        with deps.engine.connect() as conn:
            return bookings.accounts_between(conn, self.night.start, self.night.end, lag=lag(deps))

    def _names(self, accounts: Sequence[int]) -> str:
        with self.calls.deps.engine.connect() as conn:
            names = [get(conn, one).name for one in accounts[:NAMED]]
        more = ", ..." if len(accounts) > NAMED else ""
        return f"Cal.com cannot be asked with the keys of {plural(len(accounts), 'account')}: {', '.join(names)}{more}"

    def leave(self, seconds: float, *, halted: bool) -> None:
        """Store what is known; the next process may continue the audit `seconds` from now."""
        self._save()
        with self.calls.deps.engine.begin() as conn:
            nights.leave(conn, self.night, seconds=seconds, halted=halted)

    def halt(self, why: str) -> None:
        """Pause the audit, each time twice as long; the HALTS-th time, end it unfinished, which is an alert."""
        if self.night.halts + 1 < HALTS:
            pause = min(FIRST_PAUSE * 2.0**self.night.halts, LONGEST_PAUSE)
            self.leave(pause, halted=True)
            log.warning("nightly_audit_halted", night=self.night.night, why=why, again_in=pause)
            return
        for number in self.unread:
            self._note(NoFinding.CANNOT_TELL, number)
        self._end((), unfinished=why)

    def take(self, number: int, judged: AuditFinding | NoFinding) -> None:
        """Keep the verdict of a row; what is judged is saved from time to time."""
        with self._writing:
            if judged is NoFinding.CANNOT_TELL:
                self.unread.append(number)
                return
            if isinstance(judged, AuditFinding):
                self._note(judged.kind, number)
            self.unsaved.append(number)
            self._save_some()

    def take_change(self, number: int, row: Appointment | None, judged: AuditFinding | NoFinding) -> None:
        """Keep the verdict of a change."""
        with self._writing:
            if row is not None and judged is NoFinding.CANNOT_TELL:
                self.unread.append(row.id)
                return
            if row is not None and isinstance(judged, AuditFinding):
                self._note(judged.kind, row.id)
            self.unsaved_changes.append(number)
            self._save_some()

    def _note(self, kind: str, one: int | str) -> None:
        ids = self.findings.setdefault(str(kind), [])
        if one not in ids:
            ids.append(one)

    def _save_some(self) -> None:
        if len(self.unsaved) + len(self.unsaved_changes) >= SAVED:
            self._save()

    def _save(self) -> None:
        with self.calls.deps.engine.begin() as conn:
            nights.save(conn, self.night, self.unsaved, self.findings, changes=self.unsaved_changes)
        self.unsaved, self.unsaved_changes = [], []

    def _orphans(self, found: Iterable[AuditFinding]) -> Iterable[AuditFinding]:
        """Leave out the bookings that `booking restored` has reported."""
        with self.calls.deps.engine.connect() as conn:
            reported = restored.references(conn)
        return [one for one in found if one.reference not in reported]

    def _end(self, orphans: Iterable[AuditFinding], unfinished: str | None = None) -> None:
        for one in orphans:
            self._note(one.kind, one.reference)
        with self.calls.deps.engine.begin() as conn:
            nights.end(conn, self.night, self.findings, unfinished)
        counts: dict[str, Any] = {kind: len(ids) for kind, ids in self.findings.items()}
        log.info("nightly_audit_ended", night=self.night.night, unfinished=unfinished, **counts)


@dataclass(frozen=True)
class _OneAccount:
    """The part of one account, in a thread of its own, with calls of its own."""

    work: _Work
    calls: NightlyCalls
    night: NightlyAudit

    def compare(self, account: int) -> list[AuditFinding]:
        """Judge the rows of an account; return the bookings that Cal.com shows it and no row has."""
        if account != self.calls.account:
            self.calls.use(account)
        look = first_look(self.calls, self.night.start, self.night.end, progress=lambda _read, _all: None)
        for row in self._doubtful(look):
            self.work.take(row.id, self._judge(row, look))
        self._read_changes(account)
        return look.orphans

    def _read_changes(self, account: int) -> None:
        """Read what the changes of the first day have left: the second day's are the next night's."""
        day = of_days(self.calls.deps, self.night.start, self.night.start + timedelta(days=1), account=account)
        for change in day:
            if change.id in self.night.read_changes:
                continue
            row, judged = judge_change(self.calls, change)
            if isinstance(judged, AuditFinding):
                _, again = judge_change(self.calls, change)
                judged = self._followed(again)
            self.work.take_change(change.id, row, judged)

    def _doubtful(self, look: FirstLook) -> Iterable[Appointment]:
        """Return the rows that need more than the list, without those that were judged before."""
        found = [one.row for one in look.seen.findings if one.row is not None]
        return (row for row in (*found, *look.hidden) if row.id not in self.night.asked)

    def _judge(self, row: Appointment, look: FirstLook) -> AuditFinding | NoFinding:
        """Judge a row as it is now: the list, read at a tenth of the limit, may be hours old."""
        with self.calls.deps.engine.connect() as conn:
            now = appointments.get(conn, row.id)
        if now is None:
            return NoFinding.AGREES
        judged = verdict(
            self.calls, now, look.seen.listing, settled=is_settled(now, look.seen.listing.began, self.calls.deps)
        )
        return self._confirmed(judged) if isinstance(judged, AuditFinding) else judged

    def _confirmed(self, first: AuditFinding) -> AuditFinding | NoFinding:
        """Judge a finding again: people may have moved the booking while the list was read page by page."""
        deps = self.calls.deps
        with deps.engine.connect() as conn:
            began = appointments.now(conn)
        return self._followed(look_again(self.calls, first, settled=lambda row: is_settled(row, began, deps)))

    def _followed(self, again: AuditFinding | NoFinding) -> AuditFinding | NoFinding:
        """Follow a booking that a person has moved, as a webhook's look does: nothing is left to be told."""
        if not (isinstance(again, AuditFinding) and again.fix is Fix.FOLLOW):
            return again
        followed = follow(self.calls, again, by="sweeper")
        log.info("nightly_audit_followed", appointment_id=again.row and again.row.id, done=followed.ok)
        return NoFinding.AGREES
