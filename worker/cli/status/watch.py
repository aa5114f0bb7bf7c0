"""`booking status --watch`: the verdict and its figures, read every two seconds until Ctrl-C.

A terminal shows them in one place; a pipe gets a line each time the verdict changes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from rich.live import Live

from tasks import dependencies
from tasks.dependencies import Dependencies
from tasks.overview.payload import payload
from tasks.overview.ranking.row import Level
from tasks.overview.reading import Overview, read_overview
from tasks.overview.verdict import Verdict, verdict
from worker import wiring as wiring  # noqa: PLC0414 - its import fills the slot of `tasks`
from worker.cli.status import answer
from worker.console import screen
from worker.console.notes import listening

EVERY = 2.0  # seconds from one reading to the next
Show = Callable[[Overview, Verdict], None]


def run(*, json: bool) -> bool:
    """Show how everything stands until Ctrl-C; return whether it was calm at the end."""
    calm = None
    try:
        with listening(lambda _: None), _shown(json=json) as show:
            for seen, said in _readings(dependencies.current()):
                calm = said.level is Level.CALM
                show(seen, said)
    except KeyboardInterrupt:
        if calm is None:
            raise
    return bool(calm)


def _readings(deps: Dependencies) -> Iterator[tuple[Overview, Verdict]]:
    seen, said, pause = None, None, Event()
    while True:
        began = time.monotonic()
        seen = read_overview(deps, before=seen)
        said = verdict(seen, said)
        yield seen, said
        pause.wait(max(0.0, began + EVERY - time.monotonic()))


@contextmanager
def _shown(*, json: bool) -> Iterator[Show]:
    if json or not screen.out.is_terminal:
        yield _lines(json=json)
        return
    with Live(console=screen.out, auto_refresh=False) as live:
        yield lambda seen, said: live.update(answer.view(seen, said), refresh=True)


def _lines(*, json: bool) -> Show:
    last: list[object] = []  # the verdict that was printed last

    def show(seen: Overview, said: Verdict) -> None:
        told = [said.level, said.sentence, said.also]
        if told == last:
            return
        last[:] = told
        if json:
            screen.as_json(payload(seen, said))
            screen.out.file.flush()
        else:
            screen.say(answer.line(seen, said))

    return show
