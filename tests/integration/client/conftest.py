"""A server that behaves as badly as it is told, in this process."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.calcom.client import CalcomClient
from tasks.calcom.http import exchange
from tasks.calcom.http.call import WATCHDOG

KEY = "cal_test_secret_of_ours"
CERTIFICATE = Path(__file__).parents[2] / "fixtures" / "tls" / "localhost.pem"
BODY = b'{"status":"success"}'


class Line:
    """One connection, as the server sees it."""

    def __init__(self, server: "Server", sock: socket.socket) -> None:
        self.server, self.sock = server, sock

    def request(self) -> bytes:
        """Read one request, head and body; empty when the client has gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := self.sock.recv(65536)):
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        while len(body) < length:
            body += self.sock.recv(65536)
        self.server.requests.append(head + b"\r\n\r\n" + body)
        return head

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.sock.sendall(data)

    def answer(self, status: str = "201 Created", body: bytes = BODY, *headers: str) -> None:
        """Send a whole answer."""
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        self.send("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def drip(self, data: bytes, meanwhile: Callable[[], None]) -> None:
        """Send one byte every 20 ms, for as long as the test lasts; `meanwhile`: what happens after each."""
        for byte in data:
            self.send(bytes([byte]))
            self.server.dripped += 1
            meanwhile()
            if self.server.over.wait(0.02):
                return

    def hang(self) -> None:
        """Say nothing for as long as the test lasts."""
        self.server.over.wait(600)

    def reset(self) -> None:
        """Break the connection with an RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Server:
    """Accept connections and let `behave` do with each what it likes; remember what was received."""

    def __init__(self, behave: Callable[[Line], None], context: ssl.SSLContext | None = None) -> None:
        self.behave, self.context = behave, context
        self.requests: list[bytes] = []
        self.connections = 0
        self.dripped = 0
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()

    def close(self) -> None:
        """End it, and whatever hangs in it."""
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join()  # or it would wait on, for the next server with its descriptor
        self.listener.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True)
            with sock:
                self.behave(Line(self, sock))
        except OSError:  # the client has gone, as it should
            return


def keep_alive(line: Line) -> None:
    """Answer every request of a connection."""
    while line.request():
        line.answer()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def start(behave: Callable[[Line], None] = keep_alive, context: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(behave, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[..., CalcomClient]:
    """Make clients with times that no busy machine needs; who waits for one of them to be over gives a shorter one."""
    monkeypatch.setattr(exchange, "MAX_IDLE", 60.0)

    def make(url: str, **options: object) -> CalcomClient:
        settings: dict[str, object] = {"connect_timeout": 60, "read_timeout": 60, "deadline": 60}
        return CalcomClient(url, KEY, **(settings | options))

    return make


class Deadlines:
    """Stand in for the watchdog: a deadline passes when a test says so, by no clock."""

    def __init__(self) -> None:
        self._watched: list[tuple[float, Callable[[], None]]] = []

    @contextmanager
    def watch(self, ends_at: float, cut: Callable[[], None]) -> Iterator[None]:
        """Remember the deadline of a call, and how it is cut."""
        self._watched.append((ends_at, cut))
        yield

    def let_pass(self) -> None:
        """Let the deadline of the newest call pass."""
        _, cut = self._watched[-1]
        cut()

    def is_of(self, seconds: float, *, since: float) -> bool:
        """Say whether the newest call, begun between `since` (monotonic) and now, had so many seconds."""
        ends_at, _ = self._watched[-1]
        return since + seconds <= ends_at <= time.monotonic() + seconds


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> Deadlines:
    """Return what lets the deadlines of all calls pass."""
    made = Deadlines()
    monkeypatch.setattr(WATCHDOG, "watch", made.watch)
    return made


@pytest.fixture
def server_tls() -> ssl.SSLContext:
    """Return a server's context with a certificate that nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def trusting() -> ssl.SSLContext:
    """Return a client's context that trusts that certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))
