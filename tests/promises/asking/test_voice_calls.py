"""A telephone call through a slow Cal.com, an outage and a broken answer: one booking, and no sentence is untrue."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from db.engine import make_engine
from tasks import dependencies
from tests.support.api.agents import AGENTS, NOT_NOW, SECRETS, Heard, some_arguments
from tests.support.api.served import Api, Caller, Serving
from tests.support.fleet import HASTY, Fleet, eventually

if TYPE_CHECKING:
    from worker.local.embedded import Postgres

STARTS = {agent: f"{hour}:00" for hour, agent in enumerate(AGENTS, 10)}


@dataclass(frozen=True)
class Call:
    """One call by one agent, at a time of its own; what is true of it, in words."""

    caller: Caller
    agent: str
    asked: dict[str, Any] = field(default_factory=some_arguments)

    def ask(self, tool: str, within: float = 20.0, **arguments: Any) -> Heard:
        """Use a tool."""
        return AGENTS[self.agent](self.caller, tool, arguments, f"call-{self.agent}", within=str(within))

    def book(self, within: float = 20.0) -> str:
        """Ask for the call's booking, each time for the same."""
        return self.ask("book", within, **self.asked | {"start": f"2030-03-05T{STARTS[self.agent]}"}).say

    def status(self) -> str:
        """Ask how it is."""
        return self.ask("status").say

    @property
    def time(self) -> str:
        """Return its time as it is spoken."""
        return f"Tuesday, 5 March at {STARTS[self.agent]}"

    @property
    def already(self) -> str:
        """Return what is true when it is booked, and asked for again."""
        return f"You are booked for {self.time} already."

    @property
    def booked(self) -> set[str]:
        """Return what is true when it is booked."""
        return {self.already, f"You are booked for {self.time}."}

    @property
    def under_way(self) -> str:
        """Return what is true while it is neither."""
        return f"One moment more: I have your request for {self.time}, and we will confirm it."

    @property
    def noted(self) -> str:
        """Return what is true in an outage."""
        return f"The calendar does not answer right now. I have noted {self.time}, in order, and we will confirm it."


def each(api: Api, story: Callable[[Call], None]) -> None:
    """Let each agent have its call, all at the same time."""
    calls = [Call(api.key(), agent) for agent in AGENTS]
    with ThreadPoolExecutor(len(calls)) as agents:
        list(agents.map(story, calls))


@contextmanager
def served(environment: dict[str, str], folder: Path, **more: Any) -> Iterator[Api]:
    """Serve the API of a fleet."""
    engine = make_engine(environment["DATABASE_URL"])
    with Serving({**environment, **SECRETS}, engine, folder) as serving:
        yield serving.start(**more)
    engine.dispose()


def test_a_slow_cal_com_books_once_and_who_asks_again_hears_that_it_is_theirs(
    fleet: Callable[..., Fleet], simulator: Any, tmp_path: Path
) -> None:
    """Cal.com takes 4 s, the agent has 2.5 s and asks again: the same booking, and never "taken"."""
    running = fleet().start()
    simulator.faults("latency", delay=4.0, match={"method": "POST"})

    def story(call: Call) -> None:
        first, *later = [call.book(2.5), call.book(), call.book()]
        assert first in {call.under_way, *NOT_NOW, *call.booked}
        assert later == [call.already] * 2
        assert call.status() in call.booked

    with served(running.environment, tmp_path) as api:
        each(api, story)
    assert len(simulator.bookings()) == len(AGENTS)


def test_an_outage_is_told_as_noted(fleet: Callable[..., Fleet], simulator: Any, tmp_path: Path) -> None:
    """And once Cal.com is back, the call's booking is made, once."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="1", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="600").start()
    breaker = dependencies.current().breaker
    breaker.record_failure("timeout")
    with served(running.environment, tmp_path) as api:

        def noted(call: Call) -> None:
            assert {call.book(), call.book(), call.status()} == {call.noted}

        def booked(call: Call) -> None:
            eventually(lambda: call.book() == call.already, what="it is booked")

        calls = [Call(api.key(), agent) for agent in AGENTS]
        with ThreadPoolExecutor(len(calls)) as agents:
            list(agents.map(noted, calls))
            assert breaker.reset()
            list(agents.map(booked, calls))
    assert len(simulator.bookings()) == len(AGENTS)


def test_an_unknown_outcome_is_told_as_under_way(fleet: Callable[..., Fleet], simulator: Any, tmp_path: Path) -> None:
    """Cal.com books and its answer is lost: neither "booked" nor "taken" until a lookup has found it."""
    running = fleet(CALCOM_SETTLE_SECONDS="5", **HASTY).start()
    simulator.faults("commit_then_hang", match={"method": "POST"}, count=len(AGENTS))

    def story(call: Call) -> None:
        said = {call.book(2.5)}
        eventually(lambda: said.add(call.status()) or said & call.booked, what="it is found")
        assert said <= {call.under_way, *NOT_NOW, *call.booked}
        assert call.book() == call.already

    with served(running.environment, tmp_path) as api:
        each(api, story)
    assert len(simulator.bookings()) == len(AGENTS)


def test_without_postgres_nothing_is_said_to_be_noted(
    settings: Callable[..., dict[str, str]], postgres: "Postgres", tmp_path: Path
) -> None:
    """200 with a sentence, in time; once Postgres is back the same request is stored, once."""
    with served(settings(), tmp_path, patient=False) as api:
        calls = [Call(api.key(), agent) for agent in AGENTS]
        for call in calls:
            eventually(lambda call=call: call.status() not in NOT_NOW, what="the key is read")
        postgres.kill()
        refused = [call.book(5.0) for call in calls * 2]
        postgres.restart()
        for call in calls:
            eventually(lambda call=call: call.book(0.5) == call.under_way, what="it is stored")
        stored = api.sql("SELECT count(*) FROM appointments")

    assert set(refused) <= NOT_NOW
    assert stored == len(AGENTS)


@pytest.mark.variants
@pytest.mark.parametrize("agent", AGENTS)
def test_two_who_ask_at_once_in_a_call_have_one_booking(
    settings: Callable[..., dict[str, str]], tmp_path: Path, agent: str
) -> None:
    """Eight requests of eight persons within one call: one is stored, and the others are asked about."""
    with served(settings(), tmp_path) as api, ThreadPoolExecutor(8) as agents:
        caller = api.key()
        calls = [Call(caller, agent) for _ in range(8)]
        said = set(agents.map(lambda call: call.book(3.0), calls))
        stored = api.sql("SELECT count(*) FROM appointments")

    second = f"I have your request for {calls[0].time} from this call. Would you like one more appointment?"
    assert said <= {calls[0].under_way, second, *NOT_NOW}
    assert stored == 1
