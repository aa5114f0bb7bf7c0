"""Run a loop in a thread for as long as a block lasts; what ends the loop by an error is raised when the block ends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def background(name: str, loop: Callable[[], object], over: threading.Event) -> Iterator[None]:
    """Start `loop` in a thread of this name; when the block ends, set `over` and wait until the loop has ended."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            loop()
        except Exception as error:  # noqa: BLE001 - raised when the block ends
            failures.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]
