"""Rules at two sizes, each by one test: with tens of rows in `make test`, with thousands in a part of `make promises`.

A test that takes `size` is marked by `sizes`. With `--full-size` it runs with the many, and no other test runs; what it
has `counted` is printed.
"""

from collections.abc import Callable
from typing import Any

import pytest

FULL_SIZE = "--full-size"
SEED = "--seed"
Counted = Callable[[str, int], None]


def sizes(*few: Any, many: Any) -> pytest.MarkDecorator:
    """Run a test with each of the few, or at full size."""
    return pytest.mark.sizes(few=few, many=many)


@pytest.fixture
def size(request: pytest.FixtureRequest) -> Any:
    """Return how many, or much, a test is about."""
    return request.param


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int | None:
    """Return the seed of what is dealt by chance; None: the test has one of its own."""
    given: int | None = request.config.getoption(SEED)
    return given


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Counted:
    """Return what tells a figure by its name."""

    def tell(name: str, figure: int) -> None:
        request.node.user_properties.append((name, figure))

    return tell


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption(FULL_SIZE, action="store_true", help="run the tests that have a size, at their full size")
    parser.addoption(SEED, type=int, help="what tests that have a size deal by chance is drawn from it")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "sizes(few, many): with what a test is run by itself, and at its full size")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test its sizes."""
    marker = metafunc.definition.get_closest_marker("sizes")
    if marker is not None:
        full = metafunc.config.getoption(FULL_SIZE)
        metafunc.parametrize("size", [marker.kwargs["many"]] if full else marker.kwargs["few"], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has no size, at full size."""
    if config.getoption(FULL_SIZE):
        others = [item for item in items if item.get_closest_marker("sizes") is None]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.get_closest_marker("sizes") is not None]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what the tests have counted at full size."""
    if not config.getoption(FULL_SIZE):
        return
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        figures = ", ".join(f"{name} {figure:,}" for name, figure in report.user_properties)
        if report.when == "call":
            terminalreporter.line(f"{report.location[2]}: {report.outcome}{figures and ': '}{figures}")
