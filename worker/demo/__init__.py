"""`booking demo`: a clinic's worth of requests at a Cal.com that misbehaves, judged against Cal.com's own books."""

import time
from collections.abc import Sequence
from pathlib import Path

import worker
from worker import processes
from worker.cli import screen
from worker.cli.notes import listening
from worker.cli.stop import Stop
from worker.demo import play
from worker.demo.board import Board, epilogue, prologue, setting_up
from worker.demo.judge import judge
from worker.demo.outage import measure
from worker.demo.play import Play
from worker.demo.result import Result
from worker.demo.stage import Stage, stage
from worker.demo.story import Story
from worker.endings import Ending


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
    with Ending(), listening(screen.note), setting_up(console) as say, stage(say) as ready:
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
    ready.end_workers()
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
    file = Path(worker.__file__).parents[1] / "examples" / "bookings.jsonl"
    if not file.exists():
        raise Stop(
            "examples/bookings.jsonl is not here: the demo comes with a clone of the project, not with the package"
        )
    return file
