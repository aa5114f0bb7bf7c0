"""How soon after its time a call of Cal.com ends whose other side drips or says nothing, beside that time."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tasks.calcom.client import CalcomClient

ROUNDS, ENDS_AFTER, LONG = 10, 0.4, 30.0  # seconds


def pairs() -> Iterator[dict[str, float]]:
    """Meet each of them in turn; the one that ends last counts."""
    drips = (b"HTTP/1.1 201 Created\r\nX-Slow: ", b"HTTP/1.1 201 Created\r\nContent-Length: 9000\r\n\r\n")
    for _ in range(ROUNDS):
        late = [_elapsed(_drip(head), deadline=ENDS_AFTER, read_timeout=LONG) for head in drips]
        late += [_elapsed(_say_nothing, deadline=LONG, read_timeout=ENDS_AFTER)]
        late += [_elapsed(_say_nothing, deadline=ENDS_AFTER, read_timeout=LONG)]
        yield {"deadline": max(late) / ENDS_AFTER}


def _elapsed(behave: Callable[[socket.socket, threading.Event], None], **times: float) -> float:
    with _server(behave) as port:
        client = CalcomClient(f"http://127.0.0.1:{port}", "cal_test_key", connect_timeout=LONG, **times)
        return client.post_booking({}).elapsed


def _drip(head: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def drip(line: socket.socket, over: threading.Event) -> None:
        line.sendall(head)
        while not over.wait(0.02):
            line.sendall(b"x")

    return drip


def _say_nothing(_line: socket.socket, over: threading.Event) -> None:
    over.wait(LONG)


@contextmanager
def _server(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as line:
                line.recv(65536)
                behave(line, over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join(LONG)
