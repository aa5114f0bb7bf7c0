"""Clients of the HTTP API, as few instructions each as can be: run as a process of its own, and told by arguments.

PORT KEY FIRST COUNT CLIENTS: posts COUNT bookings numbered from FIRST over CLIENTS connections, and prints the seconds.
PORT KEY read ID COUNT CLIENTS: reads booking ID and those before it, COUNT in all, in the same way.
PORT KEY wait ID CLIENTS: waits for booking ID on CLIENTS connections, again and again, until its input ends, and prints
a line when all have asked.

They share the server's cores, so they are sockets and one selector, and each request is written beforehand.
"""

import json
import selectors
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from typing import IO

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


def ask(port: int, requests: Iterable[bytes], clients: int, *, until_ends: IO[str] | None = None) -> None:
    """Send requests over so many connections, on each the next one after an answer, until all are answered.

    With `until_ends`: until that is at its end, and a line is printed when all have asked once.

    Raises:
        SystemExit: An answer is no 2xx.
    """
    left = iter(requests)
    with selectors.DefaultSelector() as open_ones:
        if until_ends is not None:
            open_ones.register(until_ends, selectors.EVENT_READ)
        for request in islice(left, clients):
            conn = socket.create_connection(("127.0.0.1", port))
            open_ones.register(conn, selectors.EVENT_READ, bytearray())
            conn.sendall(request)
        if until_ends is not None:
            print("all have asked", flush=True)
        while open_ones.get_map():
            for ready, _ in open_ones.select():
                if not isinstance(ready.fileobj, socket.socket):
                    return
                if not _answered(ready.fileobj, ready.data):
                    continue
                if (following := next(left, None)) is None:
                    open_ones.unregister(ready.fileobj)
                else:
                    ready.fileobj.sendall(following)


def _answered(conn: socket.socket, come: bytearray) -> bool:
    """Read what is there; return whether the answer is whole."""
    part = conn.recv(65_536)
    come += part
    head, end, body = come.partition(b"\r\n\r\n")
    if not part:
        raise SystemExit("the connection was closed")
    if not end or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0]):
        return False
    if head[9:10] != b"2":
        raise SystemExit(come.decode())
    come.clear()
    return True


if __name__ == "__main__":
    port, key, what, *more, clients = sys.argv[1:]
    if what == "wait":
        request = (HEAD.format(f"GET /v1/bookings/{more[0]}?wait=20", key) + "\r\n").encode()
        ask(int(port), repeat(request), int(clients), until_ends=sys.stdin)
    else:
        if what == "read":
            last, count = map(int, more)
            heads = [HEAD.format(f"GET /v1/bookings/{one}", key) for one in range(last, last - count, -1)]
            written = [f"{head}\r\n".encode() for head in heads]
        else:
            written = list(bookings(key, int(what), int(more[0])))
        began = time.monotonic()
        ask(int(port), written, int(clients))
        print(time.monotonic() - began)
