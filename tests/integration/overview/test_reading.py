"""`read_overview`: everything in one reading, in bounded time, whatever is gone."""

import json
from collections.abc import Callable
from typing import Any

from tasks import dependencies
from tasks.health.overview import read_overview
from tasks.health.payload import payload
from tasks.health.verdict import verdict


def test_a_fleet_without_a_booking_is_ready(settings: Callable[..., dict[str, str]]) -> None:
    """A first look shows what to try, and no zeros."""
    settings()
    deps = dependencies.current()

    seen = read_overview(deps)
    shown = payload(seen, verdict(seen))

    assert (shown["verdict"]["row"], shown["verdict"]["sentence"]) == (18, ["Ready: no booking yet."])
    assert shown["first_day"] is True
    assert "booking enqueue" in shown["try"]
    assert [part["well"] for part in shown["parts"].values()] == [True, True, True]
    assert json.loads(json.dumps(shown)) == shown
