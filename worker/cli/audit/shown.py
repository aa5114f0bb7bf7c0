"""What `booking audit` prints of each account, and its JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tasks.audit.finding import NAMES, AuditFinding, NoFinding
from tasks.audit.fixes import Fixed
from tasks.audit.survey import Survey
from tasks.words import clock, plural
from worker.console import screen

DAY = timedelta(days=1)
_COUNTS = ("confirmed", "judged", "asked", "listed", "others", "changes")
_NOT_JUDGED = {
    NoFinding.UNDER_WAY: "being booked or looked for right now: {rows}",
    NoFinding.CHANGING: "being cancelled or moved, or so lately that Cal.com may show what was before: {rows}",
    NoFinding.TOO_YOUNG: "confirmed so lately that Cal.com need not show it yet: {rows}",
    NoFinding.CANNOT_TELL: "cannot tell, for Cal.com gave no answer that can be read: {rows}",
}
_SHOWN = 20  # ids of rows that were not judged


@dataclass(frozen=True)
class AuditedAccount:
    """What the audit of an account has found, and by the ids of findings what became of those that were to be fixed."""

    name: str
    seen: Survey
    fixed: dict[int, Fixed] = field(default_factory=dict)

    @property
    def open(self) -> list[AuditFinding]:
        """Return the findings that are not fixed."""
        return [one for one in self.seen.findings if not (id(one) in self.fixed and self.fixed[id(one)].ok)]

    @property
    def clean(self) -> bool:
        """Return whether nothing wrong is left, and all was judged."""
        return not self.open and not self.seen.silent[NoFinding.CANNOT_TELL]


def say(audited: AuditedAccount, *, fix: bool, named: bool) -> None:
    """Print what an audit has found; `named`: of which account."""
    seen, fixed = audited.seen, audited.fixed
    if named:
        screen.say((audited.name, "bold"))
    for one in seen.findings:
        who = f"booking {one.row.id}" if one.row else f"reference {one.reference}"
        when = f" ({clock(one.row.present_start)})" if one.row else ""
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
    changes = f", {plural(seen.changes, 'change')} of these days read" if seen.changes else ""
    screen.say(f"{seen.start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC): {here}{asked}, {there}{changes}.")
    if not seen.findings:
        screen.say("Nothing found." if seen.clean else "Nothing found where it can be told.")
        return
    counts = ", ".join(f"{count} {NAMES[kind]}" for kind, count in Counter(one.kind for one in seen.findings).items())
    screen.say((f"Found: {counts}.", "bold"), f" Fixed {len(seen.findings) - len(audited.open)}." if fix else "")
    safe = sum(one.fix is not None for one in seen.findings)
    if safe and not fix:
        screen.say(f"`booking audit --fix` mends {safe} of them.")


def as_dict(audited: Sequence[AuditedAccount]) -> dict[str, Any]:
    """Return what the audits of some accounts over the same days have found, for JSON."""
    surveys = [one.seen for one in audited]
    return {
        "from": f"{surveys[0].start:%Y-%m-%d}",
        "to": f"{surveys[0].end - DAY:%Y-%m-%d}",
        **{name: sum(getattr(seen, name) for seen in surveys) for name in _COUNTS},
        **{why.value: [row for seen in surveys for row in seen.silent[why]] for why in _NOT_JUDGED},
        "findings": [_as_finding(one, found) for one in audited for found in one.seen.findings],
    }


def _as_finding(audited: AuditedAccount, one: AuditFinding) -> dict[str, Any]:
    done = audited.fixed.get(id(one))
    return {
        "account": audited.name,
        "kind": one.kind,
        "id": one.row.id if one.row else None,
        "status": one.row.status if one.row else None,
        "reference": one.reference,
        "said": one.message,
        "there": places(one),
        "fix": one.fix,
        "fixed": done is not None and done.ok,
        "outcome": done.message if done else None,
    }


def places(one: AuditFinding) -> list[dict[str, str | None]]:
    """Return the bookings and seats at Cal.com that a finding names, for JSON."""
    return [{"uid": place.uid, "seat_uid": place.seat_uid} for place in one.there]
