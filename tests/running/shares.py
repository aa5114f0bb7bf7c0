"""Deal tests to the processes that run them: what computes first, then what waits, and last what must be alone.

A test computes if all that it needs is made for it alone; two of those use two cores. What is made for many tests is a
server or a process: who takes one mostly waits, so many run at once, and those that take longest begin.

A browser and the deployment that it looks at are one share with a process of their own: to make them takes the most,
and as long as the browser runs nobody else in its process has an event loop. So is RabbitMQ, which uses a core now and
then as long as it runs, and takes ten seconds to start.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

Share = deque[int]  # numbers of tests that one process runs one after the other: they have something in common
PROCESSES = {"home", "spawn"}  # fixtures that start processes for one test
# What takes longest waits for processes of its own, or searches: by fixture, and by file.
LONG_FIXTURES = {"fleet", "spawn"}
LONG_FILES = {
    "test_breaker_drawing.py", "test_cli_restored.py", "test_cluster.py", "test_compose.py", "test_db_plans.py",
    "test_model.py", "test_model_statements.py", "test_model_windows.py", "test_nightly.py", "test_page_plans.py",
    "test_plainest_booking.py", "test_probes.py", "test_rate_limit.py", "test_readme_commands.py",
    "test_under_fire.py",
}  # fmt: skip
TOGETHER = {
    "test_cluster.py",
    "test_compose.py",
    "test_model_statements.py",
    "test_model_windows.py",
    "test_page_plans.py",
}  # what their tests share takes longest: it is made once
BROWSERS, RABBIT = {"browser", "whole"}, "debian_rabbitmq"  # fixtures, and a mark
ALONE = "alone"


class Shares:
    """The shares of a session's tests: those that are `computing`, `waiting` and `alone`."""

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        groups: dict[str, dict[tuple[bool, str], Share]] = {"computing": {}, "waiting": {}, ALONE: {}}
        for number, item in enumerate(items):
            groups[_group(item)].setdefault(_key(item), deque()).append(number)
        self.computing, self.waiting, self.alone = (
            deque(share for _, share in sorted(found.items(), key=_rank)) for found in groups.values()
        )
        self._apart = {number for number, item in enumerate(items) if apart(item)}

    def have_own_process(self, share: Share) -> bool:
        """Return whether the process that runs a share runs no other one after it."""
        return share[-1] in self._apart


def _rank(found: tuple[tuple[bool, str], Share]) -> tuple[bool, int]:
    """What takes long comes first, then what is much: the last shares are small, and all processes end at once."""
    (is_short, _), share = found
    return is_short, -len(share)


def _key(item: pytest.Item) -> tuple[bool, str]:
    """Return whether a test is short, and what those have in common that are one share."""
    if name := apart(item):
        return False, name
    long = _is_long(item)
    return not long, item.nodeid if long and item.path.name not in TOGETHER else str(item.path)


def apart(item: pytest.Item) -> str | None:
    """Return the name of what a test shares with others in a process of their own; None: nothing."""
    if not BROWSERS.isdisjoint(_fixtures(item)):
        return "browser"
    return RABBIT if item.get_closest_marker(RABBIT) else None


def _is_long(item: pytest.Item) -> bool:
    return item.path.name in LONG_FILES or not LONG_FIXTURES.isdisjoint(_fixtures(item))


def _group(item: pytest.Item) -> str:
    if item.get_closest_marker(ALONE):
        return ALONE
    made = _fixtures(item)
    ours = (one for ones in made.values() for one in ones if not one.func.__module__.startswith("_pytest."))
    shared = any(one.scope != "function" for one in ours)
    return "waiting" if shared or not PROCESSES.isdisjoint(made) else "computing"


def _fixtures(item: pytest.Item) -> Mapping[str, Sequence[Any]]:
    """Return what a test needs, and what that needs."""
    info = getattr(item, "_fixtureinfo", None)
    return info.name2fixturedefs if info else {}
