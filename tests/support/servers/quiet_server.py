"""An HTTP server of a test, on a port of its own, that says nothing of clients that were killed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def quiet_server(
    handler: type[BaseHTTPRequestHandler], *, ended: threading.Event, connected: Callable[[], object] = lambda: None
) -> Iterator[int]:
    """Yield the port; set `ended` before the server ends, and call `connected` at each connection."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def get_request(self) -> Any:
            connected()
            return super().get_request()

        def handle_error(self, *_: Any) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
