"""A Cal.com that only says yes: so light that the measurement is of its callers, not of it.

Answers every POST /v2/bookings with 201 after `latency` seconds, as Cal.com does (docs/calcom.md), and notes when it
came and when it was answered; another port takes its operator's orders. One process, one thread, no library: 0.2 ms a
call, where the simulator takes milliseconds.
"""

import asyncio
import json
import re
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ORDER = re.compile(rb"POST /(\w+)/(\S*) ")
_HEAD = (
    "HTTP/1.1 %s\r\nX-RateLimit-Limit-Default: 100000\r\nX-RateLimit-Remaining-Default: 99999\r\n"
    "X-RateLimit-Reset-Default: 60\r\nDate: %s\r\nContent-Type: application/json; charset=utf-8\r\n"
    "Content-Length: %d\r\n\r\n%s"
)
# What Cal.com says of a booking, at its real length.
_BOOKED = (
    '{"status":"success","data":{"id":%(number)d,"uid":"answered%(number)d","title":"open between Host and Pat",'
    '"description":"","hosts":[{"id":111,"name":"Host","email":"host@example.com","displayEmail":"host@example.com",'
    '"username":"host","timeZone":"UTC"}],"status":"accepted","cancellationReason":"","cancelledByEmail":"",'
    '"rescheduledByEmail":null,"start":%(start)s,"end":%(start)s,"duration":30,"eventTypeId":%(event_type)d,'
    '"eventType":{"id":%(event_type)d,"slug":"open"},"meetingUrl":"1 Fake Street","location":"1 Fake Street",'
    '"absentHost":false,"createdAt":"%(now)s","updatedAt":"%(now)s","metadata":%(metadata)s,"rating":null,'
    '"icsUid":"answered%(number)d@Cal.diy","attendees":[{"name":"Pat","email":%(email)s,"displayEmail":%(email)s,'
    '"timeZone":"UTC","language":"en","absent":false}],"bookingFieldsResponses":{"email":%(email)s,"name":"Pat",'
    '"displayEmail":%(email)s},"isPlatformManagedUserBooking":false}}'
)


class Answerer:
    """The same, from its operator's side: bookings are made at `url`."""

    def __init__(self, url: str, control: str, pid: int) -> None:
        self.url, self.pid = url, pid
        self._control = control
        self._session = requests.Session()

    def count(self) -> int:
        """Return how many POSTs were answered."""
        return int(self._order("count"))

    def calls(self, since: int = 0) -> list[tuple[str, float, float]]:
        """Return the POSTs after the first `since`: reference, when it came, when it was answered (monotonic)."""
        return [tuple(call) for call in self._order("calls", since)]

    def take(self, seconds: float) -> None:
        """Let every call take so long from now on."""
        self._order("take", seconds)

    def go(self) -> None:
        """Refuse connections from now on, and end those that there are."""
        self._order("go")

    def come_back(self) -> None:
        """Answer again."""
        self._order("come_back")

    def _order(self, order: str, value: object = "") -> Any:
        answer = self._session.post(f"{self._control}/{order}/{value}", timeout=60)
        answer.raise_for_status()
        return answer.json()


@dataclass
class _World:
    latency: float
    calls: list[tuple[str, float, float]] = field(default_factory=list)
    lines: set[asyncio.Transport] = field(default_factory=set)
    port: asyncio.Server | None = None
    number: int = 0

    async def listen(self) -> None:
        """Answer on a free port, or again on the one that it was."""
        loop = asyncio.get_running_loop()
        self.port = await loop.create_server(lambda: _Api(self), "127.0.0.1", self.number, backlog=1000)
        self.number = self.port.sockets[0].getsockname()[1]

    async def carry_out(self, order: str, value: str) -> Any:
        """Return what there is to tell."""
        match order:
            case "count":
                return len(self.calls)
            case "calls":
                return self.calls[int(value) :]
            case "take":
                self.latency = float(value)
            case "go" if self.port:
                self.port.close()
                for line in self.lines:
                    line.abort()
            case "come_back":
                await self.listen()
        return None


class _Http(asyncio.Protocol, ABC):
    """Hand whole requests on: one after the other on a line, each with its length."""

    transport: asyncio.Transport

    def __init__(self, world: _World) -> None:
        self.world = world
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self.received = b""
            self.take(head, body)

    @abstractmethod
    def take(self, head: bytes, body: bytes) -> None: ...

    def send(self, status: str, content: str, now: datetime) -> None:
        date = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.transport.write((_HEAD % (status, date, len(content), content)).encode())


class _Control(_Http):
    def take(self, head: bytes, body: bytes) -> None:  # noqa: ARG002 - orders have none
        found = _ORDER.match(head)
        order, value = (part.decode() for part in found.groups()) if found else ("", "")
        self.task = asyncio.get_running_loop().create_task(self._tell(order, value))

    async def _tell(self, order: str, value: str) -> None:
        told = json.dumps(await self.world.carry_out(order, value))
        self.send("200 OK", told, datetime.now(UTC))


class _Api(_Http):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.world.lines.add(transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.world.lines.discard(self.transport)

    def take(self, head: bytes, body: bytes) -> None:
        came = time.monotonic()
        if not head.startswith(b"POST /v2/bookings "):
            self.send("404 Not Found", "{}", datetime.now(UTC))
        elif self.world.latency:
            asyncio.get_running_loop().call_later(self.world.latency, self._book, json.loads(body), came)
        else:
            self._book(json.loads(body), came)

    def _book(self, asked: dict[str, Any], came: float) -> None:
        now = datetime.now(UTC)
        content = _BOOKED % {
            "number": len(self.world.calls) + 1,
            "start": json.dumps(asked["start"]),
            "event_type": asked["eventTypeId"],
            "now": now.isoformat(timespec="milliseconds")[:-6] + "Z",
            "metadata": json.dumps(asked["metadata"]),
            "email": json.dumps(asked["attendee"]["email"]),
        }
        self.send("201 Created", content, now)
        self.world.calls.append((asked["metadata"]["bookingWorkerRef"], came, time.monotonic()))


async def _serve(latency: float) -> None:
    world = _World(latency)
    await world.listen()
    control = await asyncio.get_running_loop().create_server(lambda: _Control(world), "127.0.0.1", 0)
    orders = control.sockets[0].getsockname()[1]
    print(f"answering on http://127.0.0.1:{world.number}, orders to http://127.0.0.1:{orders}", flush=True)
    await control.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
