"""`booking demo`: a clinic's worth of requests at a Cal.com that misbehaves, judged against Cal.com's own books."""

import time
from pathlib import Path

import worker
from worker import processes
from worker.cli import screen
from worker.cli.stop import Stop
from worker.demo import play
from worker.demo.board import Board, epilogue, prologue, setting_up
from worker.demo.judge import judge
from worker.demo.result import Result
from worker.demo.stage import Stage, stage
from worker.endings import Ending


def run(*, json: bool) -> bool:
    """Run the demo and return whether every promise was kept; with `json` the last line is one object.

    Raises:
        Stop, EmbeddedError: It cannot run here.
    """
    console = screen.err if json else screen.out
    file = _examples()
    processes.require_simulator()
    requests = _count(file)
    prologue(console, requests)
    with Ending(), setting_up(console) as say, stage(say) as ready:
        say("")
        with Board(console, requests) as board:
            result = _perform(ready, file, board)
    epilogue(result, console)
    if json:
        screen.as_json(result.as_dict())
    return result.verdict.kept


def _perform(ready: Stage, file: Path, board: Board) -> Result:
    ready.calcom.misbehave()
    began_at = time.monotonic()
    asked = play.ask(ready, file, board.asking)
    board.all_asked(asked.accepted)
    play.finish(ready, board.ending)
    seconds = time.monotonic() - began_at
    ready.end_workers()
    rows, retries = play.rows(ready)
    journal = ready.calcom.journal()
    verdict = judge(asked.accepted, rows, ready.calcom.bookings(), journal)
    return Result(asked, rows, verdict, retries, seconds, journal)


def _examples() -> Path:
    file = Path(worker.__file__).parents[1] / "examples" / "bookings.jsonl"
    if not file.exists():
        raise Stop(
            "examples/bookings.jsonl is not here: the demo comes with a clone of the project, not with the package"
        )
    return file


def _count(file: Path) -> int:
    return sum(bool(line.strip()) for line in file.read_bytes().splitlines())
