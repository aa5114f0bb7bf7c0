"""The scripts in Redis, and what is done when Redis does not answer: say so once, and do not ask for a while."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import NoScriptError, RedisError

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

    def call(self, name: str, frame: Frame, own: Sequence[str | float] = ()) -> Answer | None:
        """Run a script; None when Redis is gone. Costs at most the client's time-outs, and nothing while known gone.

        A short script that has nothing to say answers with an empty list.
        """
        taken = scripts.SHORT.get(name)
        head: tuple[str | float, ...] = frame if taken is None else frame[: scripts.HEAD]
        return self._try(lambda: self._run(name, self._keys_of(frame.endpoint)[:taken], (*head, *own)) or [])

    def read_events(self, after_id: str, count: int) -> list[Any] | None:
        """Read the stream of changes beyond an id; None when Redis is gone."""
        stream = self._keys_of("")[scripts.EVENTS]
        return self._try(lambda: list(self._client.xrange(stream, min=f"({after_id}", count=count)))

    def _run(self, name: str, keys: list[str], arguments: tuple[str | float, ...]) -> Any:
        script = self._scripts[name]
        try:
            return self._client.evalsha(script.sha, len(keys), *keys, *arguments)
        except NoScriptError:  # the server has forgotten it: calling the registered script loads it again
            return script(keys, arguments)

    def _keys_of(self, endpoint: str) -> list[str]:
        known = self._keys.get(endpoint)
        if known is None:
            known = self._keys[endpoint] = scripts.keys(self._service, endpoint)
        return known

    def _try(self, ask: Callable[[], Answer]) -> Answer | None:
        if self._gone_since is not None and not self._may_look():
            return None
        try:
            answer = ask()
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
            first, self._gone_since = self._gone_since is None, self._gone_since or now
        if first:
            self._emit(SharedStateLost(self._service, f"{type(error).__name__}: {error}"[:200]))

    def _back(self) -> None:
        with self._lock:
            since, self._gone_since = self._gone_since, None
        if since is not None:
            self._emit(SharedStateBack(self._service, self._clock() - since))
