"""Listen on a TCP port, or refuse connections for a while as a server that is down does."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

BACKLOG = 1024


class Port:
    """One listening port. While it refuses, its number stays ours: bound, but not listening."""

    def __init__(
        self,
        serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
        on_refuse: Callable[[bool], None],
    ) -> None:
        self._serve = serve
        self._on_refuse = on_refuse
        self._server: asyncio.Server | None = None
        self._held: socket.socket | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._refused_until = 0.0
        self._opening: asyncio.Task[None] | None = None

    async def open(self, host: str, port: int) -> int:
        """Begin to listen; port 0 takes any free one. Returns its number. Raises OSError."""
        self._held = _bind(host, port)
        number: int = self._held.getsockname()[1]
        await self._listen()
        return number

    def refuse(self, seconds: float, *, start_after: float = 0, crash: bool = False) -> None:
        """Refuse connections for some seconds, from `start_after` seconds on; 0 is before this returns.

        A crash also ends the calls in flight where they are.
        """
        loop = asyncio.get_running_loop()
        if start_after > 0:
            self._timers.append(loop.call_later(start_after, self._shut, crash))
        else:
            self._shut(crash)
        until = loop.time() + start_after + seconds
        self._refused_until = max(self._refused_until, until)
        self._timers.append(loop.call_at(until, self._end_if_over))

    def listen_again(self) -> None:
        """End all refusals, also those that have not begun."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._refused_until = 0.0
        if self._held is not None and self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._listen())

    def _end_if_over(self) -> None:
        if asyncio.get_running_loop().time() >= self._refused_until:
            self.listen_again()

    def _shut(self, crash: bool) -> None:  # noqa: FBT001 - a timer passes it by place
        if self._server is None:
            return
        host, port = self._server.sockets[0].getsockname()[:2]
        self._server.close()
        self._server = None
        self._held = _bind(host, port)
        self._on_refuse(crash)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._held, backlog=BACKLOG)
        self._held = self._opening = None


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
