"""Where the state of a breaker of several accounts is kept."""

import pytest


@pytest.fixture(params=["shared", "alone"])
def url(request: pytest.FixtureRequest, redis_url: str) -> str | None:
    """Give Redis's URL, then none: a process alone keeps the same rules."""
    return redis_url if request.param == "shared" else None
