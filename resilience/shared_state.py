"""The scripts in Redis, and what is done when Redis does not answer: say so once, and do not ask for a while."""

import threading
from collections.abc import Callable
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from resilience import scripts
from resilience.breaker_messages import Answer, Arguments, Frame
from resilience.events import Emit, SharedStateBack, SharedStateLost
from resilience.thread_connection import ThreadConnections


class SharedState:
    """Call the breaker's scripts for one process: one set of settings, one key. None for an answer: Redis is gone."""

    def __init__(
        self, service: str, client: scripts.Client, *, retry_after: float, clock: Callable[[], float], emit: Emit
    ) -> None:
        self._service = service
        self._client = client
        self._connections = ThreadConnections(client)
        self._scripts = scripts.register(client)
        self._retry_after = retry_after
        self._clock = clock
        self._emit = emit
        self._commands: dict[tuple[str, str], Arguments] = {}
        self._lock = threading.Lock()
        self._gone_since: float | None = None
        self._next_look = 0.0

    @property
    def gone(self) -> bool:
        """Say whether Redis failed to answer the last time it was asked."""
        return self._gone_since is not None

    def call(self, name: str, frame: Frame, own: Arguments = ()) -> Answer | None:
        """Run a script; None when Redis is gone. Costs at most the client's time-outs, and nothing while known gone.

        A short script that has nothing to say answers with an empty list.
        """
        if self._gone_since is not None and not self._may_look():
            return None
        command = None if frame.now else self._commands.get((name, frame.endpoint))
        if command is None:
            command = self._command(name, frame)
        try:
            answer = self._send(name, command + own)
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        if self._gone_since is not None:
            self._back()
        return answer or []

    def read_events(self, after_id: str, count: int) -> list[Any] | None:
        """Read the stream of changes beyond an id; None when Redis is gone."""
        if self._gone_since is not None and not self._may_look():
            return None
        try:
            stream = scripts.keys(self._service, "")[scripts.EVENTS]
            entries: Any = self._client.xrange(stream, min=f"({after_id}", count=count)
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        if self._gone_since is not None:
            self._back()
        return list(entries)

    def _command(self, name: str, frame: Frame) -> Arguments:
        """Build all of a command but the script's own arguments; kept, but not for times that tests hand in."""
        keys = scripts.keys(self._service, frame.endpoint)
        head: Arguments = frame
        if name in scripts.SHORT:
            most, common = scripts.SHORT[name]
            keys, head = keys[:most], frame[:common]
        command = ("EVALSHA", self._scripts[name].sha, len(keys), *keys, *head)
        if not frame.now:
            self._commands[name, frame.endpoint] = command
        return command

    def _send(self, name: str, command: Arguments) -> Any:
        try:
            return self._connections.send(*command)
        except NoScriptError:  # the server has forgotten its scripts: the registered one loads itself again
            _, _, count, *rest = command
            return self._scripts[name]([str(key) for key in rest[: int(count)]], rest[int(count) :])

    def _may_look(self) -> bool:
        """Let one caller at a time find out whether Redis is back."""
        with self._lock:
            now = self._clock()
            if now < self._next_look:
                return False
            self._next_look = now + self._retry_after
            return True

    def _lost(self, error: Exception) -> None:
        with self._lock:
            now = self._clock()
            self._next_look = now + self._retry_after
            first, self._gone_since = self._gone_since is None, self._gone_since or now
        if first:
            self._emit(SharedStateLost(self._service, f"{type(error).__name__}: {error}"[:200]))

    def _back(self) -> None:
        with self._lock:
            since, self._gone_since = self._gone_since, None
        if since is not None:
            self._emit(SharedStateBack(self._service, self._clock() - since))
