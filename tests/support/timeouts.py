"""Count what was waited out: each time-out of a socket that expired, by its length in seconds.

How long a call takes says as much about the machine as about the product. How long it waits for a server that does not
answer is what the time-outs add up to that expired meanwhile: of all threads, of Redis and of HTTP, not of libpq.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

WAITING = ("connect", "recv", "recv_into", "send", "sendall")


@contextmanager
def expired_timeouts() -> Iterator[list[float]]:
    """Collect the time-outs that expire within this block."""
    expired: list[float] = []
    with ExitStack() as patches:
        for name in WAITING:
            patches.enter_context(patch.object(socket.socket, name, _noted(getattr(socket.socket, name), expired)))
        yield expired


def _noted(operation: Callable[..., Any], expired: list[float]) -> Callable[..., Any]:
    def noted(sock: socket.socket, *arguments: Any) -> Any:
        length = sock.gettimeout()
        try:
            return operation(sock, *arguments)
        except TimeoutError:
            expired.append(length or 0.0)
            raise

    return noted
