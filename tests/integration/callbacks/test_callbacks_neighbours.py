"""Receivers at one host, each what one API key is sent there: a dead one delays no other, and a dead host is let be."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from db import callbacks
from db.callbacks import AT_HOST, AT_ONCE, THRESHOLD, Callback
from tasks import dependencies
from tasks.callbacks import due
from tests.support.callbacks.callers import LOOPBACK, confirmed, key_with, sql, ticking
from tests.support.callbacks.receiver import Received, Receiver, receiver
from tests.support.fleet import eventually

URL = "https://example.com/hooks"
DEAD, WELL = "/hooks/dead", "/hooks/well"


def rest_for_long() -> None:
    """Have all that rest do so for an hour."""
    for table in ("callback_receivers", "callback_hosts"):
        sql(f"UPDATE {table} SET rests_until = now() + interval '1 hour' WHERE rests_until IS NOT NULL")  # noqa: S608 - ours


def have_rested() -> None:
    """End each rest, that of the newest key first."""
    over = "UPDATE callback_receivers SET rests_until = now() - make_interval(secs => api_key_id)"
    sql(f"{over} WHERE rests_until IS NOT NULL")
    sql("UPDATE callback_hosts SET rests_until = now()")


def with_bookings(number: int, url: str = URL) -> int:
    """Make a key with so many callbacks that are due; return its id."""
    key = key_with(url)
    for _ in range(number):
        confirmed(key)
    return key


def taken() -> list[tuple[Callback, int]]:
    """Claim what is due, as workers do; return each with the number of its claim."""
    with dependencies.current().engine.begin() as conn:
        claims = callbacks.claim(conn)
        known = [(callbacks.claimed(conn, one, number, seconds=1), number) for one, number in claims]
    return [(callback, number) for callback, number in known if callback is not None]


def failed(given: Sequence[tuple[Callback, int]]) -> list[int]:
    """Record that their receivers have failed; return the keys of what was sent. Each is due again at once."""
    for callback, claims in given:
        with dependencies.current().engine.begin() as conn:
            assert callbacks.failed(conn, callback, claims, trouble="500", retry_in=-1, hurts=True)
    return [callback.api_key_id for callback, _ in given]


def keys_of(given: Sequence[tuple[Callback, int]]) -> list[int]:
    """Return the keys of what was claimed, the lowest first."""
    return sorted(callback.api_key_id for callback, _ in given)


def dead_key() -> int:
    """Make a key whose receiver has failed until it rests, with one callback more than that; return its id."""
    key = with_bookings(THRESHOLD + 1)
    while given := taken():
        failed([one for one in given if one[0].api_key_id == key])
    return key


def at(there: Receiver, path: str) -> int:
    """Return how many requests came to a path."""
    return sum(one.path == path for one in there.got)


def _fails(_: Receiver) -> None:
    eventually(ticking(lambda: sql("SELECT true FROM callback_receivers WHERE rests_until > now()")), what="it rests")
    eventually(lambda: not sql("SELECT count(*) FROM callbacks WHERE is_sending"), what="none is on its way")
    rest_for_long()


def _hangs(there: Receiver) -> None:
    eventually(ticking(lambda: at(there, DEAD) >= AT_ONCE), what="it has all that it may have at once")


def _redirects(there: Receiver) -> None:
    assert at(there, DEAD) == 0  # a redirect is quick and ends in no rest: what is older must not go first


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [((500, {}), _fails), (None, _hangs), ((307, {"Location": "https://example.com"}), _redirects)],
    ids=["dead", "hanging", "redirecting"],
)
def test_a_receiver_delays_no_other_one_at_its_host(
    start: Callable[[], Any], answer: Any, becomes: Callable[[Receiver], None]
) -> None:
    """Its twelve callbacks are older: the other one has its places at the next claim, as if it were alone."""
    start()

    def misbehave(one: Received) -> Any:
        return answer if one.path == DEAD else (200, {})

    with receiver(misbehave) as there:
        base = there.url.removesuffix("/hooks")
        with_bookings(12, base + DEAD)
        becomes(there)
        before = at(there, DEAD)
        well = with_bookings(6, base + WELL)

        due.send_due.run()

        claimed = sql("SELECT count(*) FROM callbacks WHERE claims > 0 AND api_key_id = :key", key=well)
        assert claimed >= AT_ONCE
        eventually(ticking(lambda: at(there, WELL) == 6), what="the other one has all of its own")
        if becomes is _fails:
            assert at(there, DEAD) == before
        last = max(place for place, one in enumerate(there.got) if one.path == WELL)
        assert sum(one.path == DEAD for one in there.got[:last]) < 12


@pytest.fixture
def deployed(settings: Callable[..., dict[str, str]]) -> None:
    """Give the tests below their settings."""
    settings(**LOOPBACK)


@pytest.mark.usefixtures("deployed")
def test_places_of_a_host_go_round_its_receivers() -> None:
    """Five with four callbacks each, the first one's the oldest: each has one under way before any has three."""
    keys = [with_bookings(AT_ONCE) for _ in range(5)]

    first = keys_of(taken())

    assert len(first) == AT_HOST
    assert {first.count(key) for key in keys} == {1, 2}


@pytest.mark.usefixtures("deployed")
def test_of_the_receivers_that_fail_one_is_tried_at_a_time() -> None:
    """The one that has rested longest is the next; a pause is between two, and one that is well has its own places."""
    keys = [dead_key() for _ in range(3)]
    well = with_bookings(AT_ONCE)
    have_rested()

    given = taken()
    assert keys_of(given) == sorted([keys[2], *[well] * AT_ONCE])
    assert taken() == []
    assert failed([one for one in given if one[0].api_key_id != well]) == [keys[2]]
    assert taken() == []
    sql("UPDATE callback_hosts SET rests_until = now()")
    assert failed(taken()) == [keys[1]]
    sql("UPDATE callback_hosts SET rests_until = now()")
    assert failed(taken()) == [keys[0]]


@pytest.mark.usefixtures("deployed")
def test_receivers_dead_for_long_say_nothing_of_their_host() -> None:
    """More of them than make a host rest fail again, one after the other: who is well is sent to."""
    for _ in range(THRESHOLD + 1):
        dead_key()
        sql("DELETE FROM callback_hosts")  # somebody else's was taken
    for _ in range(THRESHOLD + 1):
        have_rested()
        assert len(failed(taken())) == 1
    rest_for_long()
    well = with_bookings(1)

    assert keys_of(taken()) == [well]


@pytest.mark.usefixtures("deployed")
def test_a_dead_host_is_tried_by_one_callback_at_a_time() -> None:
    """It rests after eight of its receivers; then one that is well is tried each time, until a callback is taken."""
    dead_key()
    keys = [with_bookings(1) for _ in range(40)]
    tried = failed(taken())
    assert len(tried) == AT_HOST
    assert taken() == []
    for _ in range(3):
        have_rested()
        [again] = failed(taken())
        assert again in keys
        assert taken() == []
    have_rested()
    [(callback, claims)] = taken()
    with dependencies.current().engine.begin() as conn:
        assert callbacks.delivered(conn, callback, claims)

    assert len(set(keys_of(taken())) & set(keys)) == AT_HOST
