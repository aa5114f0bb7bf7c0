"""A loop beside the fire suite that ends by an error does not go unseen."""

import threading

import pytest

from tests.chaos.background import background


def test_a_loop_that_failed_fails_its_block() -> None:
    """The error is raised when the block ends."""

    def fail() -> None:
        raise LookupError("seen")

    with pytest.raises(LookupError, match="seen"), background("failing", fail, threading.Event()):
        pass


def test_a_loop_ends_with_its_block() -> None:
    """It is told by the event, and waited for."""
    over, ended = threading.Event(), threading.Event()

    with background("waiting", lambda: over.wait(30) and ended.set(), over):
        assert not ended.is_set()

    assert ended.is_set()
