"""The result of a run: a table for a person, an object for a program."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from worker.local.demo.calling import CustomerCall
from worker.local.demo.judge import AppointmentRow, DemoVerdict
from worker.local.demo.outage import OutageMeasures
from worker.local.demo.scenario import EnqueueResult


@dataclass(frozen=True)
class Result:
    """All that is shown at the end of the demo."""

    enqueued: EnqueueResult
    rows: Sequence[AppointmentRow]
    verdict: DemoVerdict
    retries: int
    seconds: float
    journal: Sequence[Mapping[str, Any]]
    outage: OutageMeasures
    moved: int = 0
    call: CustomerCall | None = None  # None: nobody called

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        ends = Counter(row.status for row in self.rows)
        return {
            **asdict(self.enqueued),
            **{status: ends[status] for status in ("confirmed", "cancelled", "rejected", "failed", "expired", "held")},
            "moved": self.moved,
            "called": int(self.call is not None),
            "called_back": int(self.call is not None and bool(self.call.confirmed)),
            "lost": len(self.verdict.lost),
            "double_booked": len(self.verdict.doubled),
            "retries": self.retries,
            **asdict(self.outage),
            "seconds": round(self.seconds, 1),
        }

    def table(self) -> Table:
        """Return the table that ends the demo."""
        numbers = self.as_dict()
        columns = (Column(justify="right", min_width=6), Column(no_wrap=True), Column(overflow="fold", style="dim"))
        table = Table.grid(*columns, padding=(0, 2))
        for name, words, about, style in _LINES:
            if not name:
                table.add_row("", "", "")
            elif numbers[name] or name not in _ONLY_IF_ANY:
                table.add_row(Text("-" if numbers[name] is None else f"{numbers[name]:,}", style=style), words, about)
        for name, words, about in _PROMISES:
            wrong = numbers[name]
            table.add_row(Text(f"{wrong:,}", style="bold red" if wrong else "bold green"), words, about)
        return table

    def effort(self) -> str:
        """Return how many calls, retries and seconds the run took."""
        posts = [call for call in self.journal if (call["method"], call["target"]) == ("POST", "/v2/bookings")]
        met = sum(call["fault"] is not None for call in posts)
        return (
            f"{len(self.journal):,} calls, {len(posts):,} of them to book, {met:,} of these with a fault; "
            f"{self.retries:,} retries; {self.seconds:.1f} s"
        )


_LINES = (
    ("requests", "asked", "lines of examples/bookings.jsonl", "bold"),
    ("invalid", "refused by us", "wrong in themselves, each said with its line and why", ""),
    ("duplicates", "already known", "asked before; the first answer stands", ""),
    ("accepted", "accepted", "kept as a row of Postgres", "bold"),
    ("called", "asked by telephone", 'a voice agent said "noted" while Cal.com was down', "bold"),
    ("", "", "", ""),
    ("confirmed", "booked", "confirmed by Cal.com", "bold green"),
    ("moved", "of them moved", "to another time, while Cal.com was down", ""),
    ("called_back", "called back", "told by a signed callback that it is booked", ""),
    ("cancelled", "cancelled", "at Cal.com, while it was down", ""),
    ("rejected", "refused by Cal.com", "somebody else has the time or the last seat", ""),
    ("failed", "failed", "retries used up", "bold yellow"),
    ("expired", "expired", "the time came before Cal.com did", "bold yellow"),
    ("held", "held", "waiting for an operator", "bold yellow"),
    ("", "", "", ""),
    ("held_peak", "held at most", "while Cal.com was down", ""),
    ("probes", "probes", "one at a time, until Cal.com was back", ""),
    ("recovery_seconds", "seconds to recover", "from Cal.com's return to the last one held", ""),
    ("", "", "", ""),
)
_ONLY_IF_ANY = ("called", "called_back", "failed", "expired", "held")
_PROMISES = (
    ("calls_while_open", "calls while open", "that reached Cal.com beyond the probes"),
    ("lost", "lost", "accepted, and our books differ from Cal.com's"),
    ("double_booked", "booked twice", "one request, two bookings at Cal.com"),
)
