"""A Flower, and rows that it shows."""

from collections.abc import Callable

import pytest

from tests.integration.page.acting import start_flower_to_act
from tests.support.fleet import Fleet
from tests.support.flower_pages import FlowerUnderTest


@pytest.fixture
def flower(request: pytest.FixtureRequest, fleet: Callable[..., Fleet]) -> FlowerUnderTest:
    """Run a Flower of a deployment without workers, whose viewer may act: nothing changes by itself.

    Where Postgres is not hurt, Flower is patient with it: one that is only slow is not gone.
    """
    return start_flower_to_act(fleet, **({"app": "worker"} if "postgres" in request.fixturenames else {}))
