"""Run the scripts in Redis, over one connection for each thread."""

import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError

from resilience.shared_state import scripts
from resilience.shared_state.absence import Absence
from resilience.shared_state.answers import LATE
from resilience.shared_state.events import Emit

Words = tuple[str | float, ...]


class Beginning(NamedTuple):
    """The words that a script's command always begins with, and the same words encoded for the wire."""

    script: str
    words: Words
    encoded: bytes


class ThreadConnections:
    """Send commands, each thread over a connection of its own.

    The client's own work for a command (a pool, retries, measurements, encoding) costs as much as the command. Here,
    too, a connection that the server has closed is opened again, and no connection is shared with a fork. A cluster's
    client knows several servers, so that client sends the command itself.
    """

    def __init__(self, client: scripts.Client) -> None:
        self.client = client
        self.scripts = scripts.register(client)
        self._mine = threading.local()

    def send(self, begin: Beginning, *more: str | float) -> Callable[[], Any]:
        """Send one command, and return the function that waits for its answer, which the same thread must call.

        Raises:
            RedisError, OSError: as the client raises them; the returned function raises them, too. No retry.
        """
        if not isinstance(self.client, Redis):
            return partial(self.client.execute_command, *begin.words, *more)
        connection = self._own(self.client)
        if connection.is_connected and (self._mine.unread or _stale(connection)):
            connection.disconnect()
        if not connection.is_connected:
            connection.connect()  # sending would connect, too, but without asking the Sentinels for the master
        length = b"*%d\r\n" % (len(begin.words) + len(more))
        connection.send_packed_command([length + begin.encoded + _encoded(more)], check_health=False)
        self._mine.unread = True
        return partial(self._read, connection, self.client)

    def _read(self, connection: Any, client: Redis) -> Any:
        try:
            return connection.read_response()
        except ReadOnlyError:  # the server became a replica, and keeps our connection; a new one may find a master
            self._mine = threading.local()
            client.connection_pool.disconnect(inuse_connections=False)
            raise
        finally:
            self._mine.unread = False

    def _own(self, client: Redis) -> Any:
        if getattr(self._mine, "process", None) != os.getpid():
            pool = client.connection_pool  # not from the pool: it counts ended threads' connections, too, up to 100
            self._mine.connection = pool.connection_class(**pool.connection_kwargs)
            self._mine.process, self._mine.unread = os.getpid(), False
        return self._mine.connection


Shareable = scripts.Client | ThreadConnections  # several services may share one client's connections


class SharedState:
    """Run the scripts of one service for one process. None as an answer means that Redis is unavailable."""

    def __init__(
        self, service: str, redis: Shareable, *, retry_after: float, clock: Callable[[], float], emit: Emit
    ) -> None:
        self._service = service
        self._connections = redis if isinstance(redis, ThreadConnections) else ThreadConnections(redis)
        self._scripts = self._connections.scripts
        self.absence = Absence(service, retry_after=retry_after, clock=clock, emit=emit)

    def call(self, name: str, keys: tuple[str, ...], fixed: Words, arguments: Words = ()) -> Any:
        """Run a script with its `fixed` arguments (the same each time) and the others; None: Redis is gone.

        A call takes at most the client's time-outs, and no time while Redis is known to be gone.
        """
        answer = self.send(self.beginning(name, keys, fixed), arguments)()
        return None if answer is LATE else answer

    def beginning(self, name: str, keys: tuple[str, ...], fixed: Words) -> Beginning:
        """Return what each call of a script with these keys and `fixed` arguments begins with; it may be kept."""
        words = ("EVALSHA", self._scripts[name].sha, len(keys), *keys, *fixed)
        return Beginning(name, words, _encoded(words))

    def send(self, begin: Beginning, arguments: Words = ()) -> Callable[[], Any]:
        """Send a script that begins so, and return the function that waits for its answer.

        If the thread sends its next command before it has fetched this answer, the answer is lost; it is never taken
        for the answer to the other command. The first late answer is `LATE` and proves nothing; the second in a row
        means that Redis is gone.
        """
        if not self._may_ask():
            return lambda: None
        late = self.absence.late
        try:
            read = self._connections.send(begin, *arguments)
        except (RedisError, OSError) as error:
            return partial(self.absence.miss, error, late=late)
        # A server that has lost the script, or never had it, gets the script by EVAL, and keeps it.
        script = str(self._scripts[begin.script].script)
        again = partial(self._connections.client.execute_command, "EVAL", script, *begin.words[2:], *arguments)
        return partial(self._answer, read, again, late=late)

    def read_events(self, after_id: str, count: int) -> list[Any] | None:
        """Return the entries of the stream of changes after an id; None: Redis is gone."""
        if not self._may_ask():
            return None
        read = partial(self._connections.client.xrange, scripts.events_key(self._service), f"({after_id}", "+", count)
        entries = self._answer(read, read, late=self.absence.late)
        return None if entries is LATE else entries

    def _may_ask(self) -> bool:
        return self.absence.since is None or self.absence.may_try()

    def _answer(self, read: Callable[[], Any], again: Callable[[], Any], *, late: bool) -> Any:
        """Return the result of `read`, or of `again` if Redis lacks the script; record whether Redis answers."""
        try:
            try:
                answer = read()
            except NoScriptError:
                answer = again()
        except (RedisError, OSError) as error:
            return self.absence.miss(error, late=late)
        self.absence.answers_in_time += 1
        if self.absence.late or self.absence.since is not None:
            self.absence.end()
        return answer


def _stale(connection: Any) -> bool:
    """Return whether the server has closed the connection, or sent an answer that nobody waits for."""
    try:
        return bool(connection.can_read())
    except (RedisError, OSError):
        return True


def _encoded(words: Iterable[str | float]) -> bytes:
    """Encode words of a command for the protocol (RESP)."""
    return "".join([f"${len(word.encode())}\r\n{word}\r\n" for word in map(str, words)]).encode()
