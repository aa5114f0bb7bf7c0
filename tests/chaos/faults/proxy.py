"""A network that can be hurt: TCP lines to the servers, which can be cut, swallow everything, or be slow.

One thread serves all lines. A line that was cut or has swallowed something is dead for good: what the other side never
got is never brought later, as when its sender has given up. (What is under way for longer than the settle time is the
case that promise 2 excepts.)
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

HOST = "127.0.0.1"
SLOW_SECONDS = 0.3  # for each piece, either way
LATE_SHARE, LATE_SECONDS = 0.05, (0.1, 0.25)  # of the pieces from the server; later than a command of ours may take
PIECE = 65536

Result = TypeVar("Result")


class Weather(StrEnum):
    """What a line does to what is sent over it."""

    FAIR = "fair"
    SLOW = "slow"
    LATE = "late"  # now and then a piece
    CUT = "cut"  # those that are open are reset, new ones too
    SWALLOWED = "swallowed"  # accepted, and never heard of again


class Line:
    """One listening port, and the server behind it."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._first = self._server = server
        self._chance = random.Random(server[1])  # noqa: S311 - chance for faults
        self._open: dict[asyncio.StreamWriter, bool] = {}  # each with whether it has swallowed something
        self._weather = Weather.FAIR
        self.port = 0

    async def listen(self) -> None:
        """Take connections."""
        self._port = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._port.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Take none any more, and reset those that are open."""
        self._port.close()
        for writer in list(self._open):
            _reset(writer)

    async def become(self, weather: Weather) -> None:
        """Change the weather; what was lost before is lost."""
        self._weather = weather
        for writer, swallowed in list(self._open.items()):
            if weather is Weather.CUT or swallowed:
                _reset(writer)

    async def lead(self, server: tuple[str, int] | None) -> None:
        """Lead to another server from now on; None: to the first."""
        self._server = server or self._first
        for writer in list(self._open):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = self._weather is Weather.SWALLOWED
        there = None
        try:
            if self._weather is Weather.CUT:
                return
            if self._weather is Weather.SWALLOWED:
                await reader.read()  # until the line is reset
                return
            from_there, there = await asyncio.open_connection(*self._server)
            self._open[there] = False
            ways = [
                asyncio.ensure_future(self._carry(reader, writer, there)),
                asyncio.ensure_future(self._carry(from_there, there, writer, answers=True)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        except OSError:
            pass  # the server is down, or one side has hung up
        finally:
            for end in (writer, there):
                if end is not None and (swallowed := self._open.pop(end, None)) is not None:
                    _reset(end) if swallowed or self._weather is Weather.CUT else end.close()

    async def _carry(
        self, source: asyncio.StreamReader, of: asyncio.StreamWriter, to: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                if self._weather is Weather.SLOW:
                    await asyncio.sleep(SLOW_SECONDS)
                if self._weather is Weather.LATE and answers and self._chance.random() < LATE_SHARE:
                    await asyncio.sleep(self._chance.uniform(*LATE_SECONDS))
                if self._weather is Weather.SWALLOWED or self._open.get(of):
                    self._open[of] = self._open[to] = True
                    continue
                to.write(piece)
                await to.drain()


class Network:
    """The lines of one fleet; `lines["west", "calcom"]` is what the processes of one side reach Cal.com by."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self.lines: dict[tuple[str, str], Line] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def lay(self, side: str, name: str, url: str) -> str:
        """Lay a line to the server of this URL; return the URL of its near end."""
        parts = urlsplit(url)
        line = self.lines[side, name] = Line((parts.hostname or HOST, parts.port or 0))
        self.run(line.listen())
        user = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{user}@{HOST}:{line.port}" if user else f"{HOST}:{line.port}").geturl()

    def become(self, weather: Weather, name: str, sides: tuple[str, ...]) -> None:
        """Change the weather on some sides' lines to one server."""
        for side in sides:
            self.run(self.lines[side, name].become(weather))

    def lead(self, sides: tuple[str, ...], name: str, server: tuple[str, int] | None) -> None:
        """Have some sides' lines to one server lead to another; None: to the one that they were laid to."""
        for side in sides:
            self.run(self.lines[side, name].lead(server))

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run something in the network's own thread, and return what it gives."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _end(self) -> None:
        for line in self.lines.values():
            line.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Send RST, and nothing that still waits to be sent."""
    with contextlib.suppress(OSError, AttributeError):
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
