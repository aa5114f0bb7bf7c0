"""`booking demo`: a clinic's worth of requests at a Cal.com that misbehaves, judged against Cal.com's own books."""

import time
from collections.abc import Sequence
from pathlib import Path

from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop
from worker.local import processes
from worker.local.demo import play
from worker.local.demo.board import Board, epilogue, prologue, setting_up
from worker.local.demo.judge import judge
from worker.local.demo.outage import measure
from worker.local.demo.play import Play
from worker.local.demo.result import Result
from worker.local.demo.stage import Stage, stage
from worker.local.demo.story import Story
from worker.local.graceful_shutdown import GracefulShutdown


def run(*, json: bool) -> bool:
    """Run the demo and return whether every promise was kept; with `json` the last line is one object.

    Raises:
        Stop, EmbeddedError: It cannot run here.
    """
    console = screen.err if json else screen.out
    lines = _examples().read_bytes().splitlines(keepends=True)
    processes.require_simulator()
    requests = sum(bool(line.strip()) for line in lines)
    prologue(console, requests)
    with GracefulShutdown(), listening(screen.note), setting_up(console) as say, stage(say) as ready:
        say("")
        with Board(console, requests) as board:
            result = _perform(ready, lines, board)
    epilogue(result, console)
    if json:
        screen.as_json(result.as_dict())
    return result.verdict.kept


def _perform(ready: Stage, lines: Sequence[bytes], board: Board) -> Result:
    story = Story(ready, board.moment)
    asked, outage = Play(ready, story, board.stand).perform(lines)
    seconds = time.monotonic() - story.clock.monotonic
    ready.running.end_all()  # nothing moves while the judge reads
    rows, retries = play.rows(ready)
    journal = ready.calcom.journal()
    booked = play.last_booked(ready)
    calm = measure(
        story.changes,
        journal,
        held_peak=story.held_peak,
        back=outage.back,
        last_booked=None if booked is None else story.clock.monotonic_of(booked),
    )
    verdict = judge(asked.accepted, rows, ready.calcom.bookings(), journal)
    return Result(asked, rows, verdict, retries, seconds, journal, calm)


def _examples() -> Path:
    file = Path(__file__).parents[3] / "examples" / "bookings.jsonl"
    if not file.exists():
        raise Stop(
            "examples/bookings.jsonl is not here: the demo comes with a clone of the project, not with the package"
        )
    return file
