"""One run of the fire suite: bookings come in, faults strike, and at the end the judge reads both sides' books."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import redis
from sqlalchemy.exc import SQLAlchemyError

from tasks.changes.late_lookups import look_at_changes
from tasks.maintenance.late_lookups import look_again
from tests.chaos import judge, traces, transactions
from tests.chaos.books import Verdict
from tests.chaos.changes.asking import ChangingCustomers
from tests.chaos.environment import ChaosEnvironment, Over, chaos_environment
from tests.chaos.faults.people import People
from tests.chaos.judge import Record
from tests.chaos.parts import Part
from tests.chaos.processes.caller import receipts
from tests.chaos.said import reading as said
from tests.chaos.said.callers import ReadingCallers
from tests.chaos.schedule import Planned
from tests.chaos.telling import reading as telling
from tests.chaos.telling.webhooks import Webhooks
from tests.chaos.watch import Watch, table
from tests.model.walk.record import read
from tests.model.walk.walk import Walk, walk
from worker.local.embedded import EmbeddedError

FINISH_SECONDS = 120.0  # what is not final so long after the last fault never will be
CHECK_SECONDS = 20.0  # within which a health check comes
WORK_SECONDS = 4.0  # Cal.com's longest work: what was sent before has booked by then, or never will
AGAIN = 3  # a fault that was not met, for nothing came its way, is tried so often
UNMET = (psycopg.OperationalError, SQLAlchemyError, redis.RedisError)  # the other lane has hurt what it needs

Say = Callable[[str], object]


@dataclass(frozen=True)
class Run:
    """What a run was and how it ended; `table` is fault, how often, longest seconds until its bookings moved on.

    `kinds` counts the bookings by kind and end, `cells` those that are held as untellable by kind and reason, `changes`
    the cancels and moves by end, `held` what is left held at the end by reason, `said` the words to callers by where
    they were said. `walked` are the counts of the walk of the model over all that the run has left.
    """

    part: str
    seed: int
    bookings: int
    faults: int
    seconds: float
    verdict: Verdict
    kinds: dict[str, dict[str, int]]
    cells: dict[str, int]
    changes: dict[str, dict[str, int]]
    held: dict[str, int]
    stories: tuple[str, ...]
    table: Sequence[tuple[str, int, float]]
    said: Mapping[str, int]
    walked: Mapping[str, float] = field(default_factory=dict)


def run(name: str, part: Part, planned: Sequence[Planned], *, seed: int, logs: Path | None, say: Say) -> Run:
    """Ask for at least so many bookings as a part has while the planned faults strike, spread over its seconds.

    Raises:
        EmbeddedError: A server or process cannot be started.
    """
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(
            chaos_environment(part, rate=part.bookings / part.seconds, seed=seed, logs=logs, say=say)
        )
        watch = Watch(made)
        stack.enter_context(watch.watching())
        fire = _Fire(made, watch, say)
        try:
            customers, readers = ChangingCustomers(made, seed), ReadingCallers(made, seed)
            people = People(made, seed, sight_for=part.seconds / 2)
            webhooks = Webhooks(made, seed) if part.by_http else None
            with customers.living(), readers.living():
                with contextlib.ExitStack() as beside:
                    for others in (people if part.of_kinds else None, webhooks):
                        if others is not None:
                            beside.enter_context(others.living())
                    fire.burn(planned)
                    made.until(lambda: _asked(made), part.seconds + FINISH_SECONDS)
                made.workers.end("host" if part.by_host else "caller")
                say(f"no more requests; {watch.live()} bookings are on their way")
                made.until(lambda: not watch.live() and customers.idle, FINISH_SECONDS)
            ours = _settled(made)
            made.until(lambda: transactions.all_heard(made), CHECK_SECONDS)
            if not made.until(lambda: telling.all_told(made), FINISH_SECONDS):
                say("callbacks or reports are still on their way")
            readers.last_words()
            ours = _settled(made) if part.by_http else ours  # a report may have ended a booking since
            if not made.until(lambda: not judge.held_wrongly(made), CHECK_SECONDS):
                watch.miscounted += judge.held_wrongly(made)
        finally:
            made.over.set()
            fire.join()
        for role in ("beat", "maintenance", "worker 1", "worker 2"):
            made.workers.end(role)
        threading.Event().wait(WORK_SECONDS)
        judged, recorded = judge.judge(made, ours, watch.miscounted), list(traces.record(made, name, seed))
        verdict = judged.verdict
        if webhooks is not None:
            verdict = replace(verdict, callbacks=tuple(telling.judged(made, ours, webhooks)))
            say(", ".join(f"{count} {what}" for what, count in telling.counted(made, webhooks).items()))
        asked_for, heard = len(ours.rows) if part.by_host else len(receipts(made.receipts)), said.counted(made)
        told = tuple(judge.stories(made, verdict))
    if logs is not None:
        traces.keep(recorded, logs / traces.FILE)
    faults, took = sum(watch.often.values()), time.monotonic() - began
    results = verdict, judged.kinds, judged.cells, judged.changes, ours.held()
    ended = Run(name, seed, asked_for, faults, took, *results, told, table(watch.often, watch.longest), heard)
    return _walked(ended, walk(read(recorded)))


def _walked(ended: Run, done: Walk) -> Run:
    """Return the run with what the walk has found: each first step that the model cannot take."""
    found = tuple("\n".join(stop.lines()) for stop in done.stops)
    verdict = replace(ended.verdict, unwalked=tuple(line.partition("\n")[0] for line in found))
    return replace(ended, verdict=verdict, stories=(*ended.stories, *found), walked=done.counts)


def _asked(made: ChaosEnvironment) -> bool:
    """Return whether all that the part wants has been asked for."""
    if made.part.by_host:
        return not transactions.missing(made, made.part.bookings)
    return len(receipts(made.receipts)) >= made.part.bookings


def _settled(made: ChaosEnvironment) -> Record:
    """Wait until nothing moves any more, and return our record as it then is, or as it is when time is up.

    What cannot be told is looked for now and then: so it is read at a moment when all of it is held.
    """
    for _ in range(int(FINISH_SECONDS)):
        uncounted, ours = judge.uncounted(made), judge.record(made.postgres.url)
        if uncounted or any(one.looks for one in ours.changes):
            look_again()
            look_at_changes()
        elif ours.quiet:
            break
        made.pause(1.0)
    return ours


class _Fire:
    """Both lanes of faults, a thread each."""

    def __init__(self, made: ChaosEnvironment, watch: Watch, say: Say) -> None:
        self._environment = made
        self._watch = watch
        self._say = say
        self._began = time.monotonic()
        self._lanes: list[threading.Thread] = []
        self._failure: BaseException | None = None

    def burn(self, planned: Sequence[Planned]) -> None:
        """Have every planned fault strike, and return when the last is healed."""
        for lane in self._environment.part.lanes:
            theirs = [one for one in planned if one.lane == lane]
            self._lanes.append(threading.Thread(target=self._lane, args=(theirs,), name=lane, daemon=True))
        for thread in self._lanes:
            thread.start()
        self.join()
        if self._failure:
            raise self._failure

    def join(self) -> None:
        """Wait until every fault that has struck is healed."""
        for thread in self._lanes:
            thread.join()

    def _lane(self, planned: Sequence[Planned]) -> None:
        part = self._environment.part
        try:
            for number, one in enumerate(planned):
                due = self._began + part.calm_seconds + number * (part.seconds - part.calm_seconds) / len(planned)
                self._environment.pause(max(0.0, due - time.monotonic()))
                self._strike(one)
        except Over:
            return
        except BaseException as error:  # noqa: BLE001 - told by burn, in the main thread
            self._failure = error
            self._environment.over.set()

    def _strike(self, one: Planned) -> None:
        strike = self._environment.part.lanes[one.lane][one.fault]
        for attempt in range(AGAIN):
            self._say(f"{time.monotonic() - self._began:6.1f} s  {one.fault}")
            try:
                met = strike(self._environment, random.Random(one.seed + attempt))  # noqa: S311 - chance for faults
            except UNMET as error:
                self._say(f"          not met: {type(error).__name__}")
                met = False
            if met:
                self._watch.ended(one.fault)
                return
            self._environment.pause(0.5)


__all__ = ["EmbeddedError", "Run", "run"]
