"""A Flower, and rows that it shows."""

from collections.abc import Callable

import pytest

from tests.support.fleet import Fleet
from tests.support.flower_pages import FlowerUnderTest, start_flower


@pytest.fixture
def flower(request: pytest.FixtureRequest, fleet: Callable[..., Fleet]) -> FlowerUnderTest:
    """Run a Flower of a deployment without workers: nothing changes by itself.

    Where Postgres is not hurt, Flower is patient with it: one that is only slow is not gone.
    """
    return start_flower(fleet, app="worker") if "postgres" in request.fixturenames else start_flower(fleet)
