"""What a breaker refuses to be built or asked with."""

import pytest

from resilience.circuit_breaker.settings import BreakerSettings
from tests.support.breakers import make


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 0), ("window", 0), ("open_for", -1), ("open_growth", 0.5), ("open_max", 1), ("open_jitter", 2),
     ("rate_limit", -1), ("rate_burst", 0), ("rate_burst", 101), ("permit_lease", 0), ("release_max", 0)],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_by_name(name: str, value: float) -> None:
    """Not one call later, in another process."""
    with pytest.raises(ValueError, match=name):
        BreakerSettings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("endpoint", ["", "two words", "a/b", "Upper", "x" * 65])
def test_an_endpoint_is_a_short_word(endpoint: str) -> None:
    """Its name becomes part of keys and fields."""
    with pytest.raises(ValueError, match="endpoint"):
        make().acquire(endpoint, owner="o")
