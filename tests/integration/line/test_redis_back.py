"""Redis gone for a while and back: what is in line waits there, is let go in order, and gets no message in vain."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.settings import PROCESS_MAX
from tasks.maintenance.release import release_held
from tasks.maintenance.sweeper import rescue_stranded
from tests.integration.accounts.conftest import add
from tests.integration.accounts.test_floods import BOOKED, in_broker, of, take_all
from tests.integration.accounts.test_lines import ask, hold, stands
from tests.sizes import Counted, sizes
from tests.support.fleet import eventually

LINE, SECONDS = 300, 5  # rows; in each second `process_max` would go, if nothing else bounded it


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Connect to the Redis that has the breaker and the messages."""
    with redis.Redis.from_url(redis_url, decode_responses=True) as connected:
        yield connected


@pytest.mark.long
@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("account", [None, "salon-7"], ids=["alone", "several"])
@sizes(LINE, many=2_000)
def test_what_is_in_line_stays_there_while_redis_is_gone(
    settings: Callable[..., dict[str, str]],
    client: redis.Redis,
    valkey: Any,
    account: str | None,
    size: int,
    counted: Counted,
) -> None:
    """No limit of ours bounds it: what no worker has taken up does. Each is let go once more at most."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE="0", ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    if account:
        add(account)
    line = ask(range(size), account)
    client.delete("bookings")
    hold(line, HoldReason.THROTTLED)

    valkey.kill()
    began, pause = time.monotonic(), threading.Event()
    while time.monotonic() - began < SECONDS:
        release_held()
        pause.wait(0.2)
    went = of(line, Status.PENDING)
    counted("left the line while Redis was gone", len(went))
    assert 1 <= len(went) <= PROCESS_MAX
    assert len(of(line, Status.HELD)) == size - len(went)

    valkey.recover()
    eventually(lambda: rescue_stranded()["messages"] or in_broker(client, line), what="the messages go")
    messages = in_broker(client, line)
    assert messages <= PROCESS_MAX, "the others wait in their rows, not in the broker"
    take_all(line)
    while stands(line)[BOOKED] < size:
        eventually(release_held, what="the window lets some go")
        messages += in_broker(client, of(line, Status.PENDING))
        client.delete("bookings")
        take_all(line, released=True)
    counted("messages", messages)
    assert messages <= size + PROCESS_MAX
