"""`booking demo`: a clinic's worth of requests at a Cal.com that misbehaves, judged against Cal.com's own books."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop
from worker.local import processes
from worker.local.demo import scenario
from worker.local.demo.changing import count_moved, open_changes
from worker.local.demo.environment import DemoEnvironment, demo_environment
from worker.local.demo.judge import judge
from worker.local.demo.outage import measure
from worker.local.demo.progress import ProgressScreen, epilogue, prologue, setting_up
from worker.local.demo.result import Result
from worker.local.demo.scenario import Scenario
from worker.local.demo.timeline import Timeline
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
    with GracefulShutdown(), listening(screen.note), setting_up(console) as say, demo_environment(say) as ready:
        say("")
        with ProgressScreen(console, requests) as progress:
            result = _perform(ready, lines, progress)
    epilogue(result, console)
    if json:
        screen.as_json(result.as_dict())
    return result.verdict.kept


def _perform(ready: DemoEnvironment, lines: Sequence[bytes], progress: ProgressScreen) -> Result:
    timeline = Timeline(ready, progress.moment)
    enqueued, outage = Scenario(ready, timeline, progress.update).run(lines)
    seconds = time.monotonic() - timeline.clock.monotonic
    ready.processes.end_all()  # nothing moves while the judge reads
    rows, retries = scenario.rows(ready)
    journal = ready.calcom.journal()
    booked = scenario.last_booked(ready)
    outage_measures = measure(
        timeline.changes,
        journal,
        held_peak=timeline.held_peak,
        back=outage.back,
        last_booked=None if booked is None else timeline.clock.monotonic_of(booked),
    )
    call = ready.call.result() if ready.call else None
    accepted = enqueued.accepted + (call is not None)
    verdict = judge(accepted, rows, ready.calcom.bookings(), journal, open_changes(ready))
    if call:
        verdict = replace(verdict, untrue=tuple(call.untrue(rows)))
    moved = count_moved(ready)
    return Result(enqueued, rows, verdict, retries, seconds, journal, outage_measures, moved=moved, call=call)


def _examples() -> Path:
    file = Path(__file__).parents[3] / "examples" / "bookings.jsonl"
    if not file.exists():
        raise Stop(
            "examples/bookings.jsonl is not here: the demo comes with a clone of the project, not with the package"
        )
    return file
