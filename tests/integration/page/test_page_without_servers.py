"""Postgres or Redis frozen or gone while the page is open: it says so, lists wait for nobody, Flower's pages go on."""

import threading
from typing import Any

import pytest
import redis

from tasks import dependencies
from tests.support.fleet import eventually
from tests.support.flower_pages import FlowerUnderTest

FLOWERS_PAGES = ("/workers", "/tasks", "/healthcheck")


def overview(flower: FlowerUnderTest) -> dict[str, Any]:
    """Read the overview; it answers, whatever is gone."""
    answer = flower.get("/resilience/data/overview")
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


@pytest.mark.parametrize("harm", ["pause", "kill"])
def test_postgres_gone_is_said_and_costs_flower_nothing(
    flower: FlowerUnderTest, record: Any, postgres: Any, harm: str
) -> None:
    """The overview says it and tells what Redis knows; lists say 503 and why; then all is as before."""
    dependencies.current().breaker.reset("operator", "there is a breaker in Redis")
    record.keep()
    flower.get("/resilience/data/bookings")
    getattr(postgres, harm)()
    ended: list[str] = []

    def ask(path: str) -> None:
        answer = flower.session.get(flower.url + path, timeout=30)
        assert answer.status_code == 503
        assert "Postgres" in answer.json()["error"] or "too many" in answer.json()["error"]
        ended.append(path)

    waiting = [
        threading.Thread(target=ask, args=(f"/resilience/data/bookings?limit={number + 1}",)) for number in range(12)
    ]
    for thread in waiting:
        thread.start()
    if harm == "pause":
        assert all(flower.get(path).ok for path in FLOWERS_PAGES)
        assert ended == [], "Flower's own pages have answered while ours still waited"
    gone = eventually(lambda: (now := overview(flower))["parts"]["postgres"]["well"] is False and now)
    assert gone["verdict"]["row"] == 1
    assert gone["cards"][0]["state"] == "closed", "what Redis knows is told"
    assert gone["holds"] is None
    for thread in waiting:
        thread.join(30)
    assert len(ended) == 12

    postgres.recover()
    eventually(lambda: overview(flower)["parts"]["postgres"]["well"])
    eventually(lambda: flower.get("/resilience/data/bookings").ok)


def test_postgres_frozen_when_redis_has_lost_the_breaker_is_said(
    flower: FlowerUnderTest, postgres: Any, valkey_url: str
) -> None:
    """What the breaker would ask Postgres for is not waited for either."""
    overview(flower)
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
    postgres.pause()
    gone = eventually(lambda: (now := overview(flower))["parts"]["postgres"]["well"] is False and now)
    assert gone["verdict"]["row"] == 1


@pytest.mark.parametrize("harm", ["pause", "kill"])
def test_redis_gone_is_said_and_lists_go_on(flower: FlowerUnderTest, record: Any, valkey: Any, harm: str) -> None:
    """The breaker's state is unknown, and said to be; what Postgres knows is told; then all is as before."""
    row = record.keep()
    overview(flower)
    getattr(valkey, harm)()
    gone = eventually(lambda: (now := overview(flower))["parts"]["redis"]["well"] is False and now)
    assert gone["verdict"]["row"] == 2
    assert [one["id"] for one in flower.get("/resilience/data/bookings").json()["rows"]] == [row.id]
    assert flower.get(f"/resilience/data/bookings/{row.id}").ok
    assert all(flower.get(path).ok for path in FLOWERS_PAGES)
    valkey.recover()
    eventually(lambda: overview(flower)["parts"]["redis"]["well"])
