"""The scripts in Redis, and what is done when Redis does not answer: say so once, and do not ask for a while."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError

from resilience import scripts
from resilience.breaker_messages import Answer, Frame
from resilience.events import Emit, SharedStateBack, SharedStateLost


class SharedState:
    """Call the breaker's scripts; None instead of an answer means that Redis is gone."""

    def __init__(
        self, service: str, client: scripts.Client, *, retry_after: float, clock: Callable[[], float], emit: Emit
    ) -> None:
        self._service = service
        self._client = client
        self._scripts = scripts.register(client)
        self._retry_after = retry_after
        self._clock = clock
        self._emit = emit
        self._keys: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._gone_since: float | None = None
        self._next_look = 0.0

    @property
    def gone(self) -> bool:
        """Say whether Redis failed to answer the last time it was asked."""
        return self._gone_since is not None

    def call(self, name: str, frame: Frame, own: Sequence[str | int] = ()) -> Answer | None:
        """Run a script; None when Redis is gone. Costs at most the client's time-outs, and nothing while known gone."""
        if self._gone_since is not None and not self._may_look():
            return None
        keys = self._keys.get(frame.endpoint)
        if keys is None:
            keys = self._keys[frame.endpoint] = scripts.keys(self._service, frame.endpoint)
        try:
            answer: Answer = self._scripts[name](keys, (frame.now, frame.text, *frame.limits, *frame[3:], *own))
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        if self._gone_since is not None:
            self._back()
        return answer

    def read_events(self, after_id: str, count: int) -> list[tuple[Any, dict[Any, Any]]] | None:
        """Read the stream of changes beyond an id; None when Redis is gone."""
        if self._gone_since is not None and not self._may_look():
            return None
        try:
            entries: Any = self._client.xrange(scripts.keys(self._service, "")[6], min=f"({after_id}", count=count)
        except (RedisError, OSError) as error:
            self._lost(error)
            return None
        if self._gone_since is not None:
            self._back()
        return list(entries)

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
