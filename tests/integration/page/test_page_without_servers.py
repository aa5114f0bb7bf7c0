"""Postgres or Redis frozen or gone while the page is open: it says so, lists wait for nobody, Flower's pages go on."""

import json
import select
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest
import redis

from tasks import dependencies
from tests.support.fleet import Fleet, eventually
from tests.support.flower_pages import PATIENCE, FlowerUnderTest, start_flower

FLOWERS_PAGES = ("/workers", "/tasks", "/healthcheck")
LISTS = 12  # there are three threads for them


def overview(flower: FlowerUnderTest) -> dict[str, Any]:
    """Read the overview; it answers, whatever is gone."""
    answer = flower.get("/resilience/data/overview")
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def ask_for_lists(flower: FlowerUnderTest) -> list[HTTPConnection]:
    """Ask for more lists at once than Flower has threads for; nobody has waited for an answer yet."""
    return [ask(flower, f"/resilience/data/bookings?limit={number + 1}") for number in range(LISTS)]


def ask(flower: FlowerUnderTest, path: str) -> HTTPConnection:
    """Ask, and leave the answer for later."""
    asked = HTTPConnection(flower.url.removeprefix("http://"), timeout=PATIENCE)
    asked.request("GET", path)
    return asked


def answered(asked: list[HTTPConnection]) -> list[Any]:
    """Return those that have an answer by now."""
    return select.select([one.sock for one in asked], [], [], 0)[0]


def say_why(lists: list[HTTPConnection]) -> None:
    """Wait for each answer: there is no list, and it says why."""
    for one in lists:
        answer = one.getresponse()
        error = json.load(answer)["error"]
        assert answer.status == 503
        assert "Postgres" in error or "too many" in error
        one.close()


@pytest.mark.parametrize("harm", ["pause", "kill"])
def test_postgres_gone_is_said_and_costs_flower_nothing(
    flower: FlowerUnderTest, record: Any, postgres: Any, harm: str
) -> None:
    """The overview says it and tells what Redis knows; lists say 503 and why; then all is as before."""
    dependencies.current().breaker.reset("operator", "there is a breaker in Redis")
    record.keep()
    flower.get("/resilience/data/bookings")
    getattr(postgres, harm)()
    lists = ask_for_lists(flower)
    assert all(flower.get(path).ok for path in FLOWERS_PAGES)
    gone = eventually(lambda: (now := overview(flower))["parts"]["postgres"]["well"] is False and now)
    assert gone["verdict"]["row"] == 1
    eventually(lambda: overview(flower)["cards"][0]["state"] == "closed", what="what Redis knows is told")
    assert gone["holds"] is None
    say_why(lists)

    postgres.recover()
    eventually(lambda: overview(flower)["parts"]["postgres"]["well"])
    eventually(lambda: flower.get("/resilience/data/bookings").ok)


def test_nobody_waits_for_lists_that_wait_for_postgres(
    fleet: Callable[..., Fleet], database_url: str, postgres: Any
) -> None:
    """Flower's own pages and the overview answer while more lists wait than there are threads."""
    patient = f"{database_url}?connect_timeout=60"
    flower = start_flower(fleet, app="tests.support.workers.patient_page", DATABASE_URL=patient)
    assert flower.get("/resilience/data/bookings").ok
    postgres.pause()
    lists = ask_for_lists(flower)

    assert all(flower.get(path).ok for path in FLOWERS_PAGES)
    eventually(lambda: overview(flower)["parts"]["postgres"]["well"] is False)
    assert answered(lists) == [], "all others have answered while these still waited"
    postgres.kill()
    say_why(lists)


def test_nobody_waits_for_a_reading_of_the_overview(
    fleet: Callable[..., Fleet], database_url: str, postgres: Any
) -> None:
    """Flower's own pages answer while it waits for Postgres."""
    patient = f"{database_url}?connect_timeout=60"
    flower = start_flower(fleet, DATABASE_URL=patient)
    postgres.pause()
    reading = ask(flower, "/resilience/data/overview")  # the first: none was read before

    assert all(flower.get(path).ok for path in FLOWERS_PAGES)

    assert answered([reading]) == [], "they have answered while it still waited"
    postgres.kill()
    assert json.load(reading.getresponse())["parts"]["postgres"]["well"] is False
    reading.close()


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
