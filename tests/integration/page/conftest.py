"""A Flower, and rows that it shows."""

from collections.abc import Callable

import pytest

from tests.support.fleet import Fleet
from tests.support.flower_pages import FlowerUnderTest, start_flower


@pytest.fixture
def flower(fleet: Callable[..., Fleet]) -> FlowerUnderTest:
    """Run a Flower of a deployment without workers: nothing changes by itself."""
    return start_flower(fleet)
