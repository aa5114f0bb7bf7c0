"""The scripts in Redis, and what is done when Redis does not answer: say so once, and do not ask for a while."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import BusyLoadingError, NoScriptError, ReadOnlyError, RedisError, ResponseError

from resilience.shared_state import scripts
from resilience.shared_state.client import ThreadConnections
from resilience.shared_state.events import Emit, SharedStateBack, SharedStateLost

_PASSING = (BusyLoadingError, ReadOnlyError)
_PASSING_WORDS = ("BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "OOM", "READONLY", "TRYAGAIN", "UNBLOCKED")


class SharedState:
    """Call the scripts of one service for one process. None for an answer: Redis is gone."""

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
        self._lock = threading.Lock()
        self._gone_since: float | None = None
        self._next_look = 0.0

    @property
    def gone_for(self) -> float | None:
        """Return for how many seconds Redis has not answered; None: it did the last time it was asked."""
        since = self._gone_since
        return None if since is None else self._clock() - since

    def call(self, name: str, keys: Sequence[str], arguments: Sequence[str | float]) -> Any:
        """Run a script; None when Redis is gone. Costs at most the client's time-outs, and nothing while known gone."""
        return self._ask(self._run, name, keys, arguments)

    def read_events(self, after_id: str, count: int) -> list[Any] | None:
        """Read the stream of changes beyond an id; None when Redis is gone."""
        stream = scripts.events_key(self._service)
        entries: list[Any] | None = self._ask(self._client.xrange, stream, f"({after_id}", "+", count)
        return entries

    def _run(self, name: str, keys: Sequence[str], arguments: Sequence[str | float]) -> Any:
        script = self._scripts[name]
        try:
            return self._connections.send("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:  # the server has forgotten its scripts: the registered one loads itself again
            return script(list(keys), list(arguments))

    def _ask(self, ask: Callable[..., Any], *arguments: Any) -> Any:
        if self._gone_since is not None and not self._may_look():
            return None
        try:
            answer = ask(*arguments)
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        if self._gone_since is not None:
            self._back()
        return answer

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
            first = self._gone_since is None
            if first:
                self._gone_since = now
        if first:
            self._emit(SharedStateLost(self._service, f"{type(error).__name__}: {error}"[:200], _lasts(error)))

    def _back(self) -> None:
        with self._lock:
            since, self._gone_since = self._gone_since, None
        if since is not None:
            self._emit(SharedStateBack(self._service, self._clock() - since))


def _lasts(error: Exception) -> bool:
    """Say whether the server has answered, and will do so until somebody acts: no permission, a wrong type."""
    passing = isinstance(error, _PASSING) or str(error).startswith(_PASSING_WORDS)
    return isinstance(error, ResponseError) and not passing
