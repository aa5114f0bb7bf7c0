"""The demo's environment: two workers, and a Cal.com that misbehaves when it is asked to."""

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy import Engine

from db.engine import make_engine
from resilience.circuit_breaker.breaker import CalcomCircuitBreaker
from worker.breaker import make_breaker
from worker.local.demo import misbehaviour
from worker.local.demo.calling import VoiceCall, voice_call
from worker.local.embedded.server import HOST, free_port
from worker.local.environment import SIMULATOR_KEY, SimulatedCalcom, environment
from worker.local.processes import AT_ONCE, ProcessGroup, can_serve, fleet

CONCURRENCY = (32, 32)  # of each worker


@dataclass(frozen=True)
class DemoEnvironment:
    """The servers and processes that the scenario uses."""

    engine: Engine
    breaker: CalcomCircuitBreaker  # only read
    calcom: SimulatedCalcom
    processes: ProcessGroup
    call: VoiceCall | None  # None: the extra `http` is not installed


@contextlib.contextmanager
def demo_environment(say: Callable[[str], object]) -> Iterator[DemoEnvironment]:
    """Start everything; `say` is called with the name of what is being started."""
    settings = misbehaviour.settings(
        calcom_api_key=SecretStr(SIMULATOR_KEY),
        http_address=f"{HOST}:{free_port()}",
        callback_secret=secrets.token_urlsafe(32),
        callback_loopback_for_tests=True,
    )
    with contextlib.ExitStack() as stack:
        ready = stack.enter_context(environment(settings, simulator=misbehaviour.SIMULATOR, say=say))
        say("the tables")
        ready.migrate()
        engine = make_engine(ready.servers.database_url)
        stack.callback(engine.dispose)
        say("the workers")
        ready.processes.start_all(fleet(*CONCURRENCY, end=AT_ONCE))
        call = stack.enter_context(voice_call(ready.settings, engine, ready.processes)) if can_serve() else None
        yield DemoEnvironment(engine, make_breaker(ready.settings, engine), ready.calcom, ready.processes, call)
