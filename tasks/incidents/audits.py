"""The findings of the last nightly audit as one incident: each kind, how many findings, and the first of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from db.audits import nights
from db.audits.nights import EndedAudit, Findings
from db.monitoring.incidents import IncidentKind
from tasks.audit.finding import NAMES, NoFinding
from tasks.incidents.rules import Observation

_DAY = timedelta(days=1)
_STALE = 2 * _DAY  # an older audit is no news: nightly audits have been switched off since
_LISTED = 50  # ids in the address of their list
_WORDS: dict[str, str] = {kind.value: words for kind, words in NAMES.items()}
_WORDS[NoFinding.CANNOT_TELL] = "about which Cal.com gave no readable answer"


def observe_audit(conn: Connection, now: datetime) -> Iterator[Observation]:
    """Observe the findings of the newest audit that has ended; each night is an incident of its own."""
    audit = nights.last_ended(conn)
    if audit is None or now - audit.ended_at > _STALE or not (audit.findings or audit.unfinished):
        return
    facts = {
        "found": _found(audit),
        "count": _count(audit.findings),
        "ids": _rows(audit.findings),
        "first_day": f"{audit.night - _DAY:%Y-%m-%d}",
        "last_day": f"{audit.night:%Y-%m-%d}",
    }
    yield Observation(IncidentKind.AUDIT, f"{audit.night:%Y-%m-%d}", count=_count(audit.findings) or 1, facts=facts)


def _found(audit: EndedAudit) -> str:
    kinds = [f"{len(ids)} {_WORDS.get(kind, kind)} (first {ids[0]})" for kind, ids in audit.findings.items()]
    if audit.unfinished:
        kinds.append(f"{'and then' if kinds else 'nothing, but'} it could not be finished: {audit.unfinished}")
    return "; ".join(kinds)


def _rows(findings: Findings) -> list[int]:
    """Return the first of our bookings that were found; a reference that no row has is a text."""
    return sorted({one for ids in findings.values() for one in ids if isinstance(one, int)})[:_LISTED]


def _count(findings: Findings) -> int:
    return sum(len(ids) for ids in findings.values())
