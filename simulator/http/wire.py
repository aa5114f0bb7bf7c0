"""Speak HTTP/1.1 on one connection, well or badly: whole answers, drips, silence, resets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.http.messages import Answer

LARGEST_HEADERS = 64 * 1024
LARGEST_BODY = 4 * 1024 * 1024


@dataclass(frozen=True)
class Head:
    """The start of a request. `began`: monotonic seconds when its first byte was there."""

    method: str
    target: str
    headers: dict[str, str]
    began: float


class Wire:
    """One connection, from the server's side. Reading methods return None when the client has gone."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, monotonic: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._monotonic = monotonic
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEADERS)
        self.idle = True
        self.obeys = False  # its present call is an order
        self.last = False  # close after this answer

    async def head(self, patience: float) -> Head | None:
        """Read the headers of the next request; an idle client is waited for `patience` seconds."""
        self.idle = True
        began = 0.0
        while (event := self._http.next_event()) is h11.NEED_DATA:
            try:
                data = await asyncio.wait_for(self._reader.read(65536), patience)
            except TimeoutError:
                return None
            began = began or self._monotonic()
            self._http.receive_data(data)
        if not isinstance(event, h11.Request):
            return None
        self.idle = False
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        method, target = event.method.decode(), event.target.decode("latin-1")
        return Head(method, target, headers, began or self._monotonic())

    async def body(self) -> bytes | None:
        """Read the rest of the request."""
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        parts: list[bytes] = []
        size = 0
        while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(65536))
            elif isinstance(event, h11.Data):
                size += len(event.data)
                parts.append(bytes(event.data))
            if isinstance(event, h11.ConnectionClosed) or size > LARGEST_BODY:
                return None
        return b"".join(parts)

    def encode(self, answer: Answer, *, body: bytes | None = None, promised: int | None = None) -> tuple[bytes, bytes]:
        """Give the bytes of head and body. `promised`: a Content-Length that the body does not keep."""
        body = answer.body if body is None else body
        headers = [*answer.headers, ("Content-Type", answer.content_type)]
        headers.append(("Content-Length", str(len(body) if promised is None else promised)))
        if self.last or promised is not None:
            self.last = True
            headers.append(("Connection", "close"))
        head = self._http.send(h11.Response(status_code=answer.status, headers=headers)) or b""
        data = self._http.send(h11.Data(data=body)) or b""
        if promised is None:
            data += self._http.send(h11.EndOfMessage()) or b""
        return head, data

    async def write(self, data: bytes) -> bool:
        """Send bytes; False when the client has gone."""
        if self.client_gone:
            return False
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            return False
        return True

    async def drip(self, data: bytes, gap: float) -> bool:
        """Send byte by byte; False when the client has gone."""
        for at in range(len(data)):
            if not await self.write(data[at : at + 1]):
                return False
            await asyncio.sleep(gap)
        return True

    async def silence(self, seconds: float) -> None:
        """Say nothing until the time is over or the client has gone."""
        try:
            async with asyncio.timeout(seconds):
                while await self._reader.read(65536):
                    pass
        except (TimeoutError, ConnectionError):
            return

    @property
    def client_gone(self) -> bool:
        """Say whether the client has closed its side."""
        return self._reader.at_eof() or self._writer.transport.is_closing()

    def reset(self) -> None:
        """Send RST: what is under way is lost, as when a process dies."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def close(self) -> None:
        """Close in the usual way; the client is told before this returns, so that it sends nothing more."""
        transport = self._writer.transport
        if not transport.is_closing() and not transport.get_write_buffer_size():
            with contextlib.suppress(OSError):
                self._writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._writer.close()

    def ready_for_next(self) -> bool:
        """Begin a new request on the same connection, if both sides wish so."""
        if self.last or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True
