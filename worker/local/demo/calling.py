"""One customer calls a voice agent while Cal.com is down: the wish is noted, then moved, and called back afterwards.

The agent asks `booking serve` as Vapi does. The customer hangs up long before Cal.com is back.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from sqlalchemy import Engine, select

from db.api_keys import key_text, keys
from db.api_keys.keys import Scope
from db.lifecycle import Status
from db.models.bookings import appointments
from tasks.callbacks.signing import secrets_of
from worker.console.stop import Stop
from worker.local.demo.judge import AppointmentRow
from worker.local.demo.receiver import Receiver, receiver
from worker.local.processes import AT_ONCE, Part, ProcessGroup, callbacks, serve
from worker.settings.model import Settings

EVENT_TYPE = 101  # the simulator's plain one
START = datetime(2034, 3, 7, 10, tzinfo=UTC)  # no line of the examples asks for it, nor for the next day
NEW_START = START + timedelta(days=1)
WITHIN = 10  # seconds in which the agent is answered: at once when it is noted, also on a busy machine
ANSWER_SECONDS = 20.0
_KEY_NAME, _KEY_RATE = "voice-agent", 100
_SCOPES = frozenset({Scope.VOICE, Scope.BOOK, Scope.READ, Scope.CHANGE})
_PERSON = {"name": "Pat Example", "email": "pat.on.the.phone@example.com"}


@dataclass(frozen=True)
class CustomerCall:
    """What came of the call: its booking's id, its status when the agent had both answers, and the callbacks."""

    booking: int
    status: Status
    callbacks: Sequence[dict[str, Any]]

    @property
    def confirmed(self) -> list[dict[str, Any]]:
        """Return the data of the callbacks by which the booking is confirmed."""
        return [body["data"] for body in self.callbacks if body["type"] == "booking.confirmed"]

    def untrue(self, rows: Sequence[AppointmentRow]) -> Iterator[str]:
        """Yield a line for each thing that the customer was told and that is not so."""
        name = f"booking {self.booking}"
        starts = [row.start for row in rows if row.id == self.booking]
        if self.status is not Status.HELD:
            yield f"{name}: the agent said that it is noted, and it was {self.status}"
        if not self.confirmed:
            yield f"{name}: no callback has said that it is booked"
        for told in self.confirmed:
            if told["id"] != self.booking or datetime.fromisoformat(told["start"]) not in starts:
                yield f"{name}: a callback has said that booking {told['id']} is at {told['start']}"


@dataclass
class VoiceCall:
    """One call; what is said in it, and in its callbacks, is told in order."""

    url: str
    key: str
    receives: Receiver
    engine: Engine
    parts: Sequence[Part]
    processes: ProcessGroup

    def __post_init__(self) -> None:
        self._said: list[str] = []
        self._told = 0
        self._error = ""
        self._booking: tuple[int, Status] | None = None

    def prepare(self) -> None:
        """Start what it needs, without waiting for it: the HTTP API, and the worker of callbacks."""
        for part in self.parts:
            self.processes.start(part)

    def begin(self) -> None:
        """Begin to call, in a thread: the customer asks for one time, and then for another one."""
        for part in self.parts:
            self.processes.wait_until_ready(part)
        threading.Thread(target=self._speak, name="voice-call", daemon=True).start()

    @property
    def answered(self) -> bool:
        """Return whether the agent has both answers. Raises Stop: it gets none."""
        if self._error:
            raise Stop(f"the voice agent was not answered: {self._error}")
        return self._booking is not None

    def news(self) -> Iterator[str]:
        """Yield what was said since the last time."""
        told = [f"a callback says: {body['data']['say']}" for body in self.receives.bodies]
        news = [*self._said, *told][self._told :]
        self._told += len(news)
        yield from news

    def result(self) -> CustomerCall | None:
        """Return what came of it; None: the agent was not answered."""
        return None if self._booking is None else CustomerCall(*self._booking, tuple(self.receives.bodies))

    def _speak(self) -> None:
        try:
            for tool, arguments in (
                ("book", {"start": START.isoformat(), **_PERSON}),
                ("reschedule", {"new_start": NEW_START.isoformat()}),
            ):
                self._said.append(f"a voice agent says: {self._use(tool, arguments)}")
            column = appointments.c
            with self.engine.connect() as conn:
                row = conn.execute(select(column.id, column.status).where(column.api_key_id.is_not(None))).one()
            self._booking = row[0], row[1]
        except Exception as error:  # noqa: BLE001 - `answered` raises it in the main thread
            self._error = f"{type(error).__name__}: {error}"

    def _use(self, tool: str, arguments: dict[str, str]) -> str:
        used = [{"id": "tc_1", "name": tool, "arguments": arguments}]
        message = {"type": "tool-calls", "call": {"id": "call_1"}, "toolCallList": used}
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.post(self.url, json={"message": message}, headers=headers, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        [result] = answer.json()["results"]
        return str(result["result"])


@contextlib.contextmanager
def voice_call(settings: Settings, engine: Engine, processes: ProcessGroup) -> Iterator[VoiceCall]:
    """Yield a call that can be prepared; its receiver lives as long as the block."""
    parts = [serve(settings.http_address), replace(callbacks(), end=AT_ONCE)]
    url = f"http://{settings.http_address}/v1/voice/vapi?type={EVENT_TYPE}&time_zone=UTC&within={WITHIN}"
    with receiver() as receives:
        key = _add_key(engine, settings, receives)
        yield VoiceCall(url, key, receives, engine, parts, processes)


def _add_key(engine: Engine, settings: Settings, receives: Receiver) -> str:
    """Make the agent's API key, whose callbacks the receiver takes, and return it."""
    handle = key_text.new_handle()
    made = key_text.new_key(handle)
    with engine.begin() as conn:
        hashed = key_text.hash_of(made)
        keys.add(conn, _KEY_NAME, handle, hashed, scopes=_SCOPES, event_types=[EVENT_TYPE], rate=_KEY_RATE)
        keys.set_callback(conn, _KEY_NAME, receives.url)
        [key] = keys.every(conn)
    [receives.secret] = secrets_of(settings.callback_secret, key.id, key.secret_version)
    return made
