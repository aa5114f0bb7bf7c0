"""A dispatcher in the test's own process."""

from collections.abc import Iterator
from contextlib import contextmanager

from tasks import dependencies
from worker import dispatcher


@contextmanager
def dispatching_on(url: str) -> Iterator[None]:
    """Run a dispatcher, beside which nothing else publishes, until the block ends."""
    thread = dispatcher.start(dependencies.current(), url)
    try:
        yield
    finally:
        dispatcher.stop()
        thread.join(30)
