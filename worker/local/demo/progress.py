"""The demo's screen: each moment as a line, and on a terminal progress bars below."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from db.lifecycle import FINAL, Status
from worker.local.demo import misbehaviour
from worker.local.demo.result import Result

MOVING = (Status.PENDING, Status.BOOKING, Status.RETRYING)


def prologue(console: Console, requests: int) -> None:
    """Print what is going to happen, and what differs from real life."""
    console.print(Text("booking demo", style="bold"))
    console.print(f"{requests} requests of a clinic, real servers, a Cal.com with a bad day and an outage.")
    console.print("Nothing is left behind.")
    console.print()
    table = Table.grid(Column(no_wrap=True), Column(no_wrap=True), padding=(0, 2))
    table.add_row(Text("  calls that fail, at most", style="bold"), Text("set for the demo (usual)", style="bold"))
    table.add_row(_faults(), _shortened())
    console.print(table)
    console.print()


def _faults() -> Table:
    table = Table.grid(Column(justify="right", width=4), Column(no_wrap=True), padding=(0, 1))
    for most, words, _ in misbehaviour.FAULTS:
        table.add_row(str(most), words)
    table.add_row("1", "told to slow down")
    table.add_row("all", "of them, in the outage")
    return table


def _shortened() -> Table:
    columns = (Column(no_wrap=True), Column(no_wrap=True), Column(no_wrap=True, style="dim"))
    table = Table.grid(*columns, padding=(0, 1))
    for words, value, default in misbehaviour.shortened():
        table.add_row(words, value, f"({default})")
    return table


@contextmanager
def setting_up(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what is being started; the function that is yielded takes its name, "" once all runs."""
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


class ProgressScreen:
    """Show moments as they come, and below them three bars: requests sent, bookings held, bookings ended."""

    def __init__(self, console: Console, requests: int) -> None:
        columns = (
            TextColumn("  {task.description:<7}"),
            BarColumn(bar_width=40),
            TextColumn("{task.fields[count]:>7}"),
        )
        self._progress = Progress(*columns, TextColumn("{task.fields[now]}", style="dim"), console=console)
        self._console = console
        self._requests = requests
        self._asked, self._held, self._ended = (
            self._progress.add_task(name, total=requests, count="", now="") for name in ("asked", "held", "ended")
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def moment(self, seconds: float, words: str) -> None:
        """Show what happened so many seconds after the beginning."""
        self._console.print(Text(f"{seconds:6.1f} s  {words}"), soft_wrap=True)

    def update(self, asked: int, counts: Mapping[Status, int]) -> None:
        """Show how many requests are sent, and how many bookings are in each state."""
        rows, held = sum(counts.values()), counts[Status.HELD]
        ended = sum(counts[status] for status in FINAL)
        moving = ", ".join(f"{counts[status]} {status}" for status in MOVING if counts[status])
        show = self._progress.update
        show(self._asked, completed=asked, count=f"{asked}/{self._requests}")
        show(self._held, completed=held, count=str(held))
        show(self._ended, completed=ended, total=rows or None, count=f"{ended}/{rows}", now=moving)


def epilogue(result: Result, console: Console) -> None:
    """Show the table of results, and in a sentence whether the promises were kept."""
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
