"""The scripts in Redis, over a connection a thread."""

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
    """What a command begins with each time that it is sent: its words, and the same as they go over the wire."""

    words: Words
    encoded: bytes


class ThreadConnections:
    """Send commands, each thread over one connection that it keeps.

    Taking a connection out of the pool for each command, encoding all of it, and what the client does around it
    (retries, which are off here, and measurements) cost as much as the command. What they see to is seen to here: a
    connection that the server has closed is opened anew, and none is shared with a fork. A cluster's client knows
    several servers, and has its ways.
    """

    def __init__(self, client: scripts.Client) -> None:
        self._client = client
        self._mine = threading.local()

    def send(self, begin: Beginning, *more: str | float) -> Callable[[], Any]:
        """Send one command, and return what waits for its answer; both are called by the same thread.

        Raises:
            RedisError, OSError: what the client raises, and so does what is returned; it is not tried again.
        """
        if not isinstance(self._client, Redis):
            return partial(self._client.execute_command, *begin.words, *more)
        connection = self._own(self._client)
        if connection.is_connected and (self._mine.unread or _stale(connection)):
            connection.disconnect()
        if not connection.is_connected:
            connection.connect()  # sending would connect, too, and not ask the Sentinels where to
        length = b"*%d\r\n" % (len(begin.words) + len(more))
        connection.send_packed_command([length + begin.encoded + _encoded(more)], check_health=False)
        self._mine.unread = True
        return partial(self._read, connection, self._client)

    def _read(self, connection: Any, client: Redis) -> Any:
        try:
            return connection.read_response()
        except ReadOnlyError:  # a replica now, which keeps its connections: none leads to who has its name by now
            self._mine = threading.local()
            client.connection_pool.disconnect(inuse_connections=False)
            raise
        finally:
            self._mine.unread = False

    def _own(self, client: Redis) -> Any:
        if getattr(self._mine, "process", None) != os.getpid():
            pool = client.connection_pool  # whose own count of connections, 100 at most, never falls when a thread ends
            self._mine.connection = pool.connection_class(**pool.connection_kwargs)
            self._mine.process, self._mine.unread = os.getpid(), False
        return self._mine.connection


class SharedState:
    """Call the scripts of one service for one process. None for an answer: Redis is gone."""

    def __init__(
        self, service: str, client: scripts.Client, *, retry_after: float, clock: Callable[[], float], emit: Emit
    ) -> None:
        self._service = service
        self._client = client
        self._connections = ThreadConnections(client)
        self._scripts = scripts.register(client)
        self._beginnings: dict[tuple[str, tuple[str, ...], Words], Beginning] = {}
        self.absence = Absence(service, retry_after=retry_after, clock=clock, emit=emit)

    def call(self, name: str, keys: tuple[str, ...], fixed: Words, arguments: Words = ()) -> Any:
        """Run a script with its `fixed` arguments, the same each time, and then the others; None when Redis is gone.

        Costs at most the client's time-outs, and nothing while Redis is known to be gone.
        """
        answer = self.begin(name, keys, fixed, arguments)()
        return None if answer is LATE else answer

    def begin(self, name: str, keys: tuple[str, ...], fixed: Words, arguments: Words = ()) -> Callable[[], Any]:
        """Send a script as `call` does, and return what waits for its answer: the thread may do other work meanwhile.

        What the thread has not taken when it asks again is lost, and never taken for the answer to something else.
        An answer that is late once is `LATE`, and says nothing; the second in a row is that Redis is gone.
        """
        if not self._may_ask():
            return _nothing
        script = self._scripts[name]
        if (begin := self._beginnings.get((name, keys, fixed))) is None:
            words = ("EVALSHA", script.sha, len(keys), *keys, *fixed)
            begin = self._beginnings[name, keys, fixed] = Beginning(words, _encoded(words))
        late = self.absence.late
        try:
            read = self._connections.send(begin, *arguments)
        except (RedisError, OSError) as error:
            return partial(self.absence.miss, error, late=late)
        # Of a server that has forgotten its scripts, or is one that never had them, which keeps this one.
        again = partial(self._client.eval, str(script.script), len(keys), *keys, *fixed, *arguments)
        return partial(self._answer, read, again, late=late)

    def read_events(self, after_id: str, count: int) -> list[Any] | None:
        """Read the stream of changes beyond an id; None when Redis is gone."""
        if not self._may_ask():
            return None
        read = partial(self._client.xrange, scripts.events_key(self._service), f"({after_id}", "+", count)
        entries = self._answer(read, read, late=self.absence.late)
        return None if entries is LATE else entries

    def _may_ask(self) -> bool:
        return self.absence.since is None or self.absence.may_look()

    def _answer(self, read: Callable[[], Any], again: Callable[[], Any], *, late: bool) -> Any:
        """Return what `read` gives, or `again` where the script is not known; record whether Redis answers."""
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


def _nothing() -> None:
    """Stand for an answer while Redis is gone."""


def _stale(connection: Any) -> bool:
    """Say whether the server has closed the connection, or sent what nobody waits for."""
    try:
        return bool(connection.can_read())
    except (RedisError, OSError):
        return True


def _encoded(words: Iterable[str | float]) -> bytes:
    """Return words of a command as the protocol (RESP) writes them."""
    return "".join([f"${len(word.encode())}\r\n{word}\r\n" for word in map(str, words)]).encode()
