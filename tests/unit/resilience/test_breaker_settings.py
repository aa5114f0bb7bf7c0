"""What a breaker refuses to be built or asked with."""

import pytest

from resilience.circuit_breaker.settings import BreakerSettings
from tests.support.breakers import make


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 0), ("window", 0), ("open_for", -1), ("open_growth", 0.5), ("open_max", 1), ("open_jitter", 2),
     ("rate_limit", -1), ("rate_burst", 0), ("rate_burst", 101), ("permit_lease", 0), ("release_max", -1)],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_by_name(name: str, value: float) -> None:
    """Not one call later, in another process."""
    with pytest.raises(ValueError, match=name):
        BreakerSettings(**{name: value})  # type: ignore[arg-type]


def test_workers_of_another_release_see_the_same_settings() -> None:
    """During a deploy nobody warns that settings differ: the text in Redis keeps the names of those before."""
    assert BreakerSettings().limits.text == (
        '{"threshold":5,"span":60000,"open_for":30000,"growth":1.0,"open_max":600000,"lease_for":50000,"release_max":64,'
        '"emission_interval":625000,"burst_tolerance":2500000,"rate_window":60000,"trial_every":60000,"size":60000}'
    )


@pytest.mark.parametrize("endpoint", ["", "two words", "a/b", "Upper", "x" * 65])
def test_an_endpoint_is_a_short_word(endpoint: str) -> None:
    """Its name becomes part of keys and fields."""
    with pytest.raises(ValueError, match="endpoint"):
        make().acquire(endpoint, owner="o")
