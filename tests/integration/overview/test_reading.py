"""`read_overview`: everything in one reading, in bounded time, whatever is gone; and since when it is gone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tasks import dependencies
from tasks.overview.payload import payload
from tasks.overview.ranking.row import Level
from tasks.overview.reading import Overview, ask_broker, read_overview
from tasks.overview.sentences import render
from tasks.overview.verdict import verdict
from tests.support.fleet import eventually, request
from tests.support.timeouts import expired_timeouts
from worker import enqueue_booking

Settings = Callable[..., dict[str, str]]
AT_MOST = 0.4  # seconds of time-outs: the breaker's, and the broker's


@pytest.fixture(autouse=True)
def servers(settings: Settings) -> None:
    """Give every server of a deployment."""
    settings()


def read(before: Overview | None = None, *, patience: float = 10.0) -> Overview:
    """Read once; on a busy machine what answers may take a while."""
    return read_overview(dependencies.current(), patience=patience, before=before)


def said(seen: Overview) -> str:
    """Return the sentence."""
    return render(verdict(seen).sentence, seen.read_at, UTC)


def test_a_fleet_without_a_booking_is_ready() -> None:
    """A first look shows what to try, and no zeros."""
    seen = read()
    shown = payload(seen, verdict(seen))

    assert (shown["verdict"]["row"], shown["verdict"]["sentence"]) == (18, ["Ready: no booking yet."])
    assert shown["first_day"] is True
    assert "booking enqueue" in shown["try"]
    assert [part["well"] for part in shown["parts"].values()] == [True, True, True]
    assert json.loads(json.dumps(shown)) == shown


def test_nothing_personal_is_read() -> None:
    """Counts, moments, names of event types."""
    enqueue_booking(request(1))
    seen = read()

    assert seen.record is not None
    assert seen.record.moving.pending == 1
    assert "example" not in json.dumps(payload(seen, verdict(seen))).lower()
    assert "example" not in repr(seen).lower()


def test_an_unchanged_fleet_is_told_in_the_same_words(record: Any) -> None:
    """Moments, no ages; but for when it was read, and for the database's figures, which count the reading, too."""
    record.keep()
    first, second = (payload(seen, verdict(seen)) for seen in (read(), read()))
    for told in (first, second):
        told["cards"].pop()
        del told["read_at"], told["parts"]

    assert first == second


def test_a_frozen_postgres_is_given_up_and_all_else_is_read(postgres: Any) -> None:
    """Since when, this process knows from its reading before; when it is back, so are the figures."""
    before = read()
    assert before.postgres.answers
    postgres.pause()
    late = read(before, patience=0.5)
    frozen = read(late, patience=0.5)
    still = read(frozen, patience=0.5)
    postgres.resume()

    assert said(late).startswith("Postgres is slow"), "one late answer does not tell a frozen server from a busy one"

    assert (frozen.record, frozen.redis.answers, frozen.broker.answers) == (None, True, True)
    assert [card.state for card in frozen.shared.cards] == ["closed", "closed", "unknown"]
    assert late.read_at == frozen.postgres.since == still.postgres.since
    assert said(still).startswith(f"Postgres does not answer since {late.read_at:%H:%M}:")
    assert (payload(still, verdict(still))["holds"], payload(still, verdict(still))["now"]) == (None, None)
    eventually(lambda: read(still).postgres.answers, what="Postgres is back")


def test_a_postgres_that_only_takes_long_is_slow_and_not_gone(database_url: str) -> None:
    """A table is locked: the figures do not come in time, and requests are accepted meanwhile."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE alert_incidents IN ACCESS EXCLUSIVE MODE")
        slow = read(patience=0.5)
        assert enqueue_booking(request(1)).appointment_id

    assert (slow.postgres.answers, slow.record) == (True, None)
    assert said(slow) == "Postgres is slow: the figures did not come in time."
    assert verdict(slow).level is Level.WARNING
    assert read(slow).record is not None


@pytest.mark.usefixtures("impatient")
def test_a_frozen_redis_is_given_up_and_all_else_is_read(valkey: Any) -> None:
    """The breaker is asked once, the broker once; of Postgres everything is known."""
    before: Overview = eventually(lambda: (seen := read()).redis.answers and seen, what="Redis has answered in time")
    valkey.pause()
    with expired_timeouts() as waited:
        frozen = read(before)
    with expired_timeouts() as waited_again:
        still = read(frozen)
    valkey.resume()

    assert 0 < sum(waited) <= AT_MOST
    assert sum(waited_again) <= AT_MOST
    assert frozen.record is not None
    assert [card.state for card in frozen.shared.cards] == ["unknown", "unknown"]
    assert frozen.redis.since == frozen.broker.since == frozen.read_at == still.redis.since
    assert said(still) == f"Redis does not answer since {frozen.read_at:%H:%M}: bookings are kept and wait."
    eventually(lambda: read(still).redis.answers, what="Redis is back")
    eventually(lambda: verdict(read()).row == 18, what="all is well")


def test_both_gone_is_said_of_postgres_first(postgres: Any, valkey: Any) -> None:
    """Nothing can be kept is worse than nothing moves."""
    before = read()
    postgres.kill()
    valkey.kill()
    gone = read(before)

    assert gone.record is None
    assert [render(one, gone.read_at, UTC).partition(" since")[0] for one in verdict(gone).also] == [
        "Redis does not answer"
    ]
    assert gone.read_at <= datetime.now(UTC)


def test_a_redis_that_answers_and_has_forgotten_is_not_called_gone(postgres: Any) -> None:
    """Without Postgres the orders in force cannot be read, and so the breaker not begun; that is not Redis's fault."""
    postgres.kill()

    gone = read()

    assert (gone.postgres.answers, gone.redis.answers, gone.shared.shared) == (False, True, False)


@pytest.mark.parametrize(
    ("url", "answers"),
    [
        ("{redis}", True),
        ("{redis}?virtual_host=1", True),
        ("redis://127.0.0.1:1/0", False),
        ("amqp://127.0.0.1:1//", False),
        ("amqp://127.0.0.1:1//;amqp://{address}//", True),
        ("sentinel://{address}", False),  # no Sentinel is there, so nobody names a master
        ("redis+socket:///nowhere", False),
    ],
)
def test_a_broker_is_asked_by_its_url(valkey_url: str, url: str, *, answers: bool) -> None:
    """Of several, one is enough; what only kombu understands is no reason to call it gone."""
    address = valkey_url.rpartition("@")[2].partition("/")[0]

    assert ask_broker(url.format(redis=valkey_url, address=address)).answers is answers
