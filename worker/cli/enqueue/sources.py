"""Open what `booking enqueue` reads: a file, or standard input, which may stay open for hours."""

import os
import select
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.console.stop import Stop

IDLE = 0.3  # seconds of silence after which the waiting lines are sent
PIECE = 64 * 1024

Advance = Callable[[int], object]


class Source:
    """Read lines from a file descriptor; `on_pause` is called when no input comes for IDLE seconds.

    `advance` is called with the number of bytes that were read.
    """

    def __init__(self, descriptor: int, size: int | None) -> None:
        self.size = size
        self.on_pause: Callable[[], object] = lambda: None
        self.advance: Advance = lambda _count: None
        self._descriptor = descriptor
        self._pending = b""
        self._searched = 0
        self._ended = False

    def readline(self, limit: int, /) -> bytes:
        """Return the next line, or at most `limit` bytes of it; empty at the end."""
        while (found := self._pending.find(b"\n", self._searched)) < 0 and len(self._pending) < limit:
            self._searched = len(self._pending)
            if self._ended or not self._more():
                break
        end = min(found + 1 if found >= 0 else len(self._pending), limit)
        line, self._pending, self._searched = self._pending[:end], self._pending[end:], 0
        return line

    def _more(self) -> bool:
        if self.size is None and not select.select([self._descriptor], [], [], IDLE)[0]:
            self.on_pause()
        piece = os.read(self._descriptor, PIECE)
        self._ended = not piece
        self._pending += piece
        self.advance(len(piece))
        return bool(piece)


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """Open a file, or standard input for `-`.

    Raises:
        Stop: It cannot be read.
    """
    if path == "-":
        yield Source(0, None)
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise Stop(f"{path}: cannot be read ({(error.strerror or 'unknown').lower()})") from None
    try:
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            raise Stop(f"{path}: is a folder; give a file of JSON lines, or - for standard input")
        yield Source(descriptor, about.st_size if stat.S_ISREG(about.st_mode) else None)
    finally:
        os.close(descriptor)


def shown(path: str) -> str:
    """Return the name of the source for messages."""
    return "stdin" if path == "-" else str(Path(path))
