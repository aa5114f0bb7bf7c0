"""A record and a Cal.com with nothing in them, in a deployment that takes Cal.com's webhooks."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.audits.scene import Scene
from tests.support.callbacks.webhooks import GIVEN


@pytest.fixture
def scene(settings: Callable[..., dict[str, str]], record: Any, simulator: Any) -> Scene:
    """Hand out a record and a Cal.com with nothing in them."""
    settings(**GIVEN)
    return Scene(record, simulator)
