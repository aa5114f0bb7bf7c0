"""The demo's screen: what happens, calmly, with bars on a terminal and a few lines elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from db.lifecycle import FINAL, Status
from worker.demo import misbehaviour
from worker.demo.result import Result

MOVING = (Status.PENDING, Status.BOOKING, Status.RETRYING, Status.HELD)


def prologue(console: Console, requests: int) -> None:
    """Say what is going to happen, and what is not as in real life."""
    console.print(Text("booking demo", style="bold"))
    console.print(f"{requests} requests of a clinic, real servers, and a Cal.com that misbehaves.")
    console.print("Nothing is left behind.")
    console.print()
    table = Table.grid(padding=(0, 2))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_row(Text("  of 100 calls that book", style="bold"), Text("shortened for the demo (usual)", style="bold"))
    table.add_row(_faults(), _shortened())
    console.print(table)
    console.print()


def _faults() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", width=4)
    table.add_column(no_wrap=True)
    for share, words, _ in misbehaviour.FAULTS:
        table.add_row(str(share), words)
    return table


def _shortened() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    for words, value, usual in misbehaviour.shortened():
        table.add_row(words, value, f"({usual})")
    return table


@contextmanager
def setting_up(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what is being started; the function that comes back is told, and "" means that all is."""
    if not console.is_terminal:
        yield lambda _what: None
        return
    with console.status("Setting up") as status:

        def say(what: str) -> None:
            if what:
                status.update(f"Setting up {what}")
            else:
                status.stop()

        yield say


class Board:
    """Two bars: how many requests are asked, and how many bookings have their end."""

    def __init__(self, console: Console, requests: int) -> None:
        columns = (TextColumn("  {task.description:<11}"), BarColumn(bar_width=40), MofNCompleteColumn())
        self._progress = Progress(*columns, TextColumn("[dim]{task.fields[now]}"), console=console)
        self._visible = console.is_terminal
        self._requests = requests
        self._asked = self._progress.add_task("asked", total=requests, now="")
        self._ended = self._progress.add_task("ended", total=requests, now="")

    def __enter__(self) -> Self:
        if self._visible:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._visible:
            self._progress.stop()

    def asking(self, counts: Mapping[Status, int]) -> None:
        """Show how things stand while requests are sent."""
        self._progress.update(self._asked, completed=sum(counts.values()))
        self._ends(counts)

    def all_asked(self, accepted: int) -> None:
        """Say that every line has its answer; what was not accepted needs no end."""
        self._progress.update(self._asked, completed=self._requests)
        self._progress.update(self._ended, total=accepted)

    def ending(self, counts: Mapping[Status, int]) -> None:
        """Show how things stand when all is asked."""
        self._ends(counts)

    def _ends(self, counts: Mapping[Status, int]) -> None:
        moving = ", ".join(f"{status} {counts[status]}" for status in MOVING if counts[status])
        self._progress.update(self._ended, completed=sum(counts[status] for status in FINAL), now=moving)


def epilogue(result: Result, console: Console) -> None:
    """Show the table, and in a sentence whether the promises were kept."""
    console.print()
    console.print(result.table())
    console.print()
    for line in result.verdict.lines():
        console.print(Text.assemble(("  wrong  ", "bold red"), line))
    if result.verdict.kept:
        words = "Judged against Cal.com's own books: nothing is lost, nothing is booked twice."
        console.print(Text(words, style="bold green"))
    else:
        console.print(Text("A promise was broken; the lines above say which.", style="bold red"))
    console.print(Text(f"{result.effort()}.", style="dim"))
