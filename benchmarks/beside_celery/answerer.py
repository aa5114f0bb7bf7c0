"""A Cal.com that only says yes: so light that the measurement is of its callers, not of it.

Answers every POST /v2/bookings with 201 after `latency` seconds, as Cal.com does (docs/calcom.md), and notes when it
came and when it was answered. `GET /_count` and `GET /_calls?since=N` tell of that, `POST /_latency/SECONDS` changes
it. One process, one thread, no library: some 0.1 ms a call, where the simulator takes milliseconds.
"""

import asyncio
import json
import re
import sys
import time
from datetime import UTC, datetime
from typing import Any

import requests

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET = re.compile(rb"(GET|POST) (\S+)")
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
    """The same, from its operator's side."""

    def __init__(self, url: str, pid: int) -> None:
        self.url, self.pid = url, pid
        self._session = requests.Session()

    def count(self) -> int:
        """Return how many POSTs were answered."""
        return int(self._ask("GET", "/_count"))

    def calls(self, since: int = 0) -> list[tuple[str, float, float]]:
        """Return the POSTs after the first `since`: reference, when it came, when it was answered (monotonic)."""
        return [tuple(call) for call in self._ask("GET", f"/_calls?since={since}")]

    def take(self, seconds: float) -> None:
        """Let every call take so long from now on."""
        self._ask("POST", f"/_latency/{seconds}")

    def _ask(self, method: str, path: str) -> Any:
        answer = self._session.request(method, self.url + path, timeout=60)
        answer.raise_for_status()
        return answer.json()


class _Server(asyncio.Protocol):
    latency = 0.0
    calls: list[tuple[str, float, float]] = []  # noqa: RUF012 - of all connections
    transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer as soon as head and body are there."""
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or len(body) < (int(length[1]) if length else 0):
            return
        self.received = b""
        if head.startswith(b"POST /v2/bookings "):
            came, asked = time.monotonic(), json.loads(body)
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self._book, asked, came)
            else:
                self._book(asked, came)
        else:
            self._tell(head)

    def _book(self, asked: dict[str, Any], came: float) -> None:
        now = datetime.now(UTC)
        content = _BOOKED % {
            "number": len(self.calls) + 1,
            "start": json.dumps(asked["start"]),
            "event_type": asked["eventTypeId"],
            "now": now.isoformat(timespec="milliseconds")[:-6] + "Z",
            "metadata": json.dumps(asked["metadata"]),
            "email": json.dumps(asked["attendee"]["email"]),
        }
        self._send("201 Created", content, now)
        self.calls.append((asked["metadata"]["bookingWorkerRef"], came, time.monotonic()))

    def _tell(self, head: bytes) -> None:
        found = _TARGET.match(head)
        path = found[2].decode() if found else ""
        if path == "/_count":
            content = str(len(self.calls))
        elif path.startswith("/_calls?since="):
            content = json.dumps(self.calls[int(path.partition("=")[2]) :])
        elif path.startswith("/_latency/"):
            type(self).latency = float(path.rpartition("/")[2])
            content = "{}"
        else:
            self._send("404 Not Found", "{}", datetime.now(UTC))
            return
        self._send("200 OK", content, datetime.now(UTC))

    def _send(self, status: str, content: str, now: datetime) -> None:
        date = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.transport.write((_HEAD % (status, date, len(content), content)).encode())


async def _serve(latency: float) -> None:
    _Server.latency = latency
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0, backlog=1000)
    print(f"answering on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
