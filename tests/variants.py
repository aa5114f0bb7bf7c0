"""Cases of one test that is long: a developer's run has the first ones, `make test-all` has each."""

from collections import Counter

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "variants(first=1): the cases of this test after the first ones are long")


@pytest.hookimpl(tryfirst=True)  # before -m is asked what is long
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases after the first ones as long."""
    seen: Counter[str] = Counter()
    for item in items:
        if (marker := item.get_closest_marker("variants")) is not None:
            name = item.nodeid.partition("[")[0]
            seen[name] += 1
            if seen[name] > marker.kwargs.get("first", 1):
                item.add_marker(pytest.mark.long)
