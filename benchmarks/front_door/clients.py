"""Clients of the HTTP API, as few instructions each as can be: run as a process of its own, and told by arguments.

PORT KEY FIRST COUNT CLIENTS: posts COUNT bookings numbered from FIRST over CLIENTS connections, and prints the seconds.
PORT KEY wait ID CLIENTS: waits for booking ID on CLIENTS connections, again and again, until its input ends.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator

from environment import EVENT_TYPE, start_of

HEAD = "{} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {}\r\n"


def bookings(key: str, first: int, count: int) -> Iterator[bytes]:
    """Yield requests for slots of their own."""
    head = HEAD.format("POST /v1/bookings", key) + "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    for number in range(first, first + count):
        attendee = {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "UTC"}
        asked = {"event_type_id": EVENT_TYPE, "start": start_of(number).isoformat(), "attendee": attendee}
        body = json.dumps(asked)
        yield (head.format(len(body)) + body).encode()


async def post(port: int, requests: Iterator[bytes], clients: int) -> float:
    """Return the seconds that all requests take, over so many connections."""

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            writer.write(request)
            await answer(reader)
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(clients)))
    return time.monotonic() - began


async def answer(reader: asyncio.StreamReader) -> None:
    """Read one answer.

    Raises:
        SystemExit: It is no 2xx.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
    body = await reader.readexactly(int(length))
    if head[9:10] != b"2":
        raise SystemExit((head + body).decode())


async def wait(port: int, key: str, booking: str, clients: int) -> None:
    """Wait for a booking on each connection until standard input ends."""
    request = (HEAD.format(f"GET /v1/bookings/{booking}?wait=20", key) + "\r\n").encode()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            writer.write(request)
            await answer(reader)

    waiting = [asyncio.create_task(one()) for _ in range(clients)]
    await asyncio.to_thread(sys.stdin.read)
    for task in waiting:
        task.cancel()


if __name__ == "__main__":
    port, key, what, more, clients = sys.argv[1:]
    if what == "wait":
        asyncio.run(wait(int(port), key, more, int(clients)))
    else:
        print(asyncio.run(post(int(port), bookings(key, int(what), int(more)), int(clients))))
