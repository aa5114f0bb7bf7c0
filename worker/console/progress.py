"""Show the progress of a long command on standard error, and that it waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tasks.words import duration
from worker.console import screen

Advance = Callable[[int, int], object]  # how many are done, and how many there are


@contextmanager
def bars(*names: str) -> Iterator[tuple[Advance, ...]]:
    """Show a progress bar for each name, from its first step on; on a terminal only."""
    if not screen.err.is_terminal:
        yield tuple(lambda _done, _all: None for _ in names)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn())
    with Progress(*columns, console=screen.err, transient=True) as progress:
        yield tuple(_bar(progress, name) for name in names)


def note_waiting(seconds: float) -> None:
    """Note that the rate limit makes the command wait for `seconds`; no note for a second or less."""
    if seconds > 1:
        screen.note(f"The rate limit is reached: going on in {duration(seconds)}.")


def _bar(progress: Progress, name: str) -> Advance:
    task = progress.add_task(name, total=None, visible=False)
    return lambda done, everything: progress.update(task, completed=done, total=everything, visible=True)
