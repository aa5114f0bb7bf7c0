"""This process as the caller of a deployment."""

from collections.abc import Callable

import pytest

from tasks import dependencies
from tasks.dependencies import Dependencies


@pytest.fixture
def built(settings: Callable[..., dict[str, str]]) -> Dependencies:
    """Build this process's dependencies."""
    settings()
    return dependencies.current()
