"""The audit of a night: yesterday's and today's bookings, whatever stops it in between (docs/audit.md, "At night").

What was judged one by one is kept, row by row, so that whoever goes on asks for the others only. What the list alone
tells is read anew. Nothing is told that a second look, alone and at once, does not show again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from db import appointments
from db.appointments import Appointment
from db.audits import nights, restored
from db.audits.nights import Findings, NightlyAudit
from tasks.audit.calls import AuditHalted, LeftAlone
from tasks.audit.finding import AuditFinding, NoFinding
from tasks.audit.nightly_calls import NightlyCalls, TakenUp, spacing
from tasks.audit.questions import look_again, verdict
from tasks.audit.survey import FirstLook, first_look, is_settled
from tasks.log import Logger

SAVED = 10  # rows that are judged before it is written down
HALTS = 6  # times that Cal.com's answers cannot be read before it is told
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 1800.0  # seconds after such a time; each is twice the last
UNREAD = "some bookings could not be asked for"

log = Logger(__name__)


def audit_night(calls: NightlyCalls, night: NightlyAudit) -> None:
    """Compare both days of a night as far as Cal.com may be asked, and leave the rest to whoever takes it up."""
    work = _Work(calls, night)
    try:
        work.compare()
    except TakenUp:
        log.info("nightly_audit_taken_up", night=night.night)
    except LeftAlone as why:
        work.leave(spacing(calls.deps), halted=False)
        log.info("nightly_audit_waits", night=night.night, why=str(why))
    except AuditHalted as why:
        work.halt(str(why))


@dataclass
class _Work:
    calls: NightlyCalls
    night: NightlyAudit
    findings: Findings = field(default_factory=dict)
    unsaved: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.findings = {kind: list(ids) for kind, ids in self.night.findings.items()}

    def compare(self) -> None:
        """Judge all, and end the audit.

        Raises:
            AuditHalted: Cal.com may not be asked now, or its answers could not be read.
            TakenUp: The audit is no longer ours.
        """
        look = first_look(self.calls, self.night.start, self.night.end, progress=lambda _read, _all: None)
        for row in self._doubtful(look):
            self._take(row.id, self._judge(row, look))
        if self.unread:
            raise AuditHalted(UNREAD)
        self._end(self._orphans(look.orphans))

    def leave(self, seconds: float, *, halted: bool) -> None:
        """Keep what is known, for whoever goes on after so many seconds."""
        self._save()
        with self.calls.deps.engine.begin() as conn:
            nights.leave(conn, self.night, seconds=seconds, halted=halted)

    def halt(self, why: str) -> None:
        """Leave it for a while, each time a longer one; after some times it ends, and that is told."""
        if self.night.halts + 1 < HALTS:
            pause = min(FIRST_PAUSE * 2.0**self.night.halts, LONGEST_PAUSE)
            self.leave(pause, halted=True)
            log.warning("nightly_audit_halted", night=self.night.night, why=why, again_in=pause)
            return
        for number in self.unread:
            self._note(NoFinding.CANNOT_TELL, number)
        self._end((), unfinished=why)

    def _doubtful(self, look: FirstLook) -> Iterable[Appointment]:
        """Return the rows that the list alone does not clear, without those that were judged before."""
        found = [one.row for one in look.seen.findings if one.row is not None]
        return (row for row in (*found, *look.hidden) if row.id not in self.night.asked)

    def _judge(self, row: Appointment, look: FirstLook) -> AuditFinding | NoFinding:
        """Judge a row as it is by now: an audit at a tenth of the limit may take hours."""
        with self.calls.deps.engine.connect() as conn:
            now = appointments.get(conn, row.id)
        if now is None:
            return NoFinding.AGREES
        judged = verdict(self.calls, now, look.seen.listing, settled=is_settled(now, look.began, self.calls.deps))
        return self._confirmed(judged) if isinstance(judged, AuditFinding) else judged

    def _confirmed(self, first: AuditFinding) -> AuditFinding | NoFinding:
        """Look once more: Cal.com's list was read page by page, and people move bookings meanwhile."""
        deps = self.calls.deps
        with deps.engine.connect() as conn:
            began = appointments.now(conn)
        return look_again(self.calls, first, settled=lambda row: is_settled(row, began, deps))

    def _take(self, number: int, judged: AuditFinding | NoFinding) -> None:
        if judged is NoFinding.CANNOT_TELL:
            self.unread.append(number)
            return
        if isinstance(judged, AuditFinding):
            self._note(judged.kind, number)
        self.unsaved.append(number)
        if len(self.unsaved) >= SAVED:
            self._save()

    def _note(self, kind: str, one: int | str) -> None:
        ids = self.findings.setdefault(str(kind), [])
        if one not in ids:
            ids.append(one)

    def _orphans(self, found: Iterable[AuditFinding]) -> Iterable[AuditFinding]:
        """Leave out those of which `booking restored` has told."""
        with self.calls.deps.engine.connect() as conn:
            told = restored.references(conn)
        return [one for one in found if one.reference not in told]

    def _save(self) -> None:
        with self.calls.deps.engine.begin() as conn:
            nights.save(conn, self.night, self.unsaved, self.findings)
        self.unsaved = []

    def _end(self, orphans: Iterable[AuditFinding], unfinished: str | None = None) -> None:
        for one in orphans:
            self._note(one.kind, one.reference)
        with self.calls.deps.engine.begin() as conn:
            nights.end(conn, self.night, self.findings, unfinished)
        counts = {kind: len(ids) for kind, ids in self.findings.items()}
        log.info("nightly_audit_ended", night=self.night.night, unfinished=unfinished, **counts)
