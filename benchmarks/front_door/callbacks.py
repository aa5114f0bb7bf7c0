"""How soon a caller's receiver has answered the callback of a booking after the move that it tells of, beside 0.5 s.

Bookings come ten a second. Both moments are in the record: the callback's row is written with the move.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import quantiles

from environment import deployment, some, until
from pydantic import SecretStr
from sqlalchemy import text

from db.api_keys import key_text, keys
from tasks import dependencies
from worker import enqueue_booking
from worker.local.processes import callbacks, fleet

ROUNDS, BOOKINGS, EVERY = 5, 40, 0.1  # seconds from one to the next
BOUND = 0.5  # seconds
WITHIN = 60.0
SECRET = SecretStr("invented-secret-of-a-benchmark-of-callbacks")
_TOOK = """SELECT CAST(extract(epoch FROM delivered_at - created_at) AS float8)
FROM callbacks WHERE delivered_at IS NOT NULL ORDER BY id"""
_pause = threading.Event().wait


def pairs() -> Iterator[dict[str, float]]:
    """Book for a key that has a callback address, and wait until each callback is delivered."""
    given = {"callback_secret": (SECRET,), "callback_loopback_for_tests": True}
    simulator = ("--rate-limit", "0", "--latency", "0.05", "0.05")
    with _receiver() as url, deployment(simulator=simulator, **given) as ready:
        key = _key(url)
        ready.processes.start_all([*fleet(8, 8), callbacks()])
        for turn in range(ROUNDS):
            for request in some(turn * BOOKINGS, BOOKINGS):
                enqueue_booking(request, api_key_id=key)
                _pause(EVERY)
            until(lambda told=(turn + 1) * BOOKINGS: len(_seconds()) >= told, within=WITHIN, pause=_pause)
            yield {"callback_delay": quantiles(_seconds()[turn * BOOKINGS :], n=20)[-1] / BOUND}


def _seconds() -> list[float]:
    """Return how long each took that is delivered, in the order of the moves."""
    with dependencies.current().autocommit.connect() as conn:
        return list(conn.execute(text(_TOOK)).scalars())


def _key(url: str) -> int:
    handle = key_text.new_handle()
    hashed = key_text.hash_of(key_text.new_key(handle))
    with dependencies.current().engine.begin() as conn:
        keys.add(conn, "shop", handle, hashed, scopes=[], event_types=None, rate=1_000)
        keys.set_callback(conn, "shop", url)
        made = keys.named(conn, "shop")
    if made is None:
        raise SystemExit("the API key was not stored")
    return made.id


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _receiver() -> Iterator[str]:
    """Run a receiver that takes everything; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hooks"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
